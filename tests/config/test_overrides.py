"""`HEADGATE__SECTION__NAME` in the environment."""

from __future__ import annotations

from pathlib import Path

from headgate.config.secrets import Secret
from tests.config.policy_files import HEAD, errors, good

POLICY = """
version: 1
providers: {openai: {credential: "${env:A}"}, sim: {}}
deployments: {house-small: {provider: sim, model: echo}}
aliases: {x: {chain: [{use: [house-small]}]}}
keys: [{name: ci, secret: "${env:CI}"}]
"""


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    environ = {
        "HEADGATE__LISTEN__DATA": "127.0.0.1:0",
        "HEADGATE__HTTP__ORIGINS": "[https://a.example]",
        "HEADGATE__DEPLOYMENTS__HOUSE_SMALL__MODEL": "chat",
        "HEADGATE__KEYS__0__NAME": "main",
        "HEADGATE__WORKERS": "2",
        "HEADGATE_OTHER": "ignored",
    }
    policy = good(tmp_path, POLICY, environ)
    assert str(policy.listen.data) == "127.0.0.1:0"
    assert policy.http.origins == ["https://a.example"]
    assert policy.deployments["house-small"].model == "chat"
    assert policy.keys[0].name == "main"
    assert policy.workers == 2


def test_a_secret_that_is_given_this_way_stays_in_the_environment(tmp_path: Path) -> None:
    name = "HEADGATE__PROVIDERS__OPENAI__CREDENTIAL"
    policy = good(tmp_path, POLICY, {name: "sk-canary"})
    assert policy.providers["openai"].credential == [Secret("env", name)]


def test_an_error_names_the_variable(tmp_path: Path) -> None:
    environ = {
        "HEADGATE__HTTP__IDLE": "5",
        "HEADGATE__KEYS__7__NAME": "x",
        "HEADGATE__LISTEN": "{",
        "HEADGATE__VERSION__X": "1",
        "HEADGATE__LOG__LEVLE": "info",
        "HEADGATE__INCLUDE": "[a]",
    }
    assert errors(tmp_path, HEAD + "keys: [{name: a, secret: '${env:A}'}]", environ) == [
        "HEADGATE__HTTP__IDLE: http.idle: 5 has no unit; write one of ms, s, m, h, d",
        "HEADGATE__INCLUDE: include: files are included by the policy, not by the environment",
        "HEADGATE__KEYS__7__NAME: keys: `7` is not the number of one of its 1 items",
        "HEADGATE__LISTEN:2:1: not YAML: did not find expected node content",
        "HEADGATE__LOG__LEVLE: log.levle: unknown field; did you mean `level`?",
        "HEADGATE__VERSION__X: version: holds one value, nothing can be set below it",
    ]


def test_names_that_the_environment_cannot_tell_apart_are_refused(tmp_path: Path) -> None:
    text = "version: 1\nproviders: {a-b: {dialect: openai, endpoints: [http://h/v1]}, a.b: {dialect: openai, endpoints: [http://h/v1]}}\n"
    found = errors(tmp_path, text, {"HEADGATE__PROVIDERS__A_B__HTTP": "1"})
    assert found == [
        "HEADGATE__PROVIDERS__A_B__HTTP: providers: could mean `a-b` or `a.b`; the environment cannot tell them apart"
    ]
