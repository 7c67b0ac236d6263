"""What a change means, in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.plan.diff import compare
from tests.plan.policies import FULL, document


def said(before: str, after: str) -> list[str]:
    old: dict[str, Any] = json.loads(document(before))
    new: dict[str, Any] = json.loads(document(after))
    return [f"{change.who}: {change.text}" for change in compare(old, new)]


def test_nothing_is_said_of_the_same_policy() -> None:
    assert said(FULL, FULL) == []


CASES = [
    (
        "exact: {chain: [{use: {gpt: 3}}",
        "exact: {chain: [{use: {gpt: 3, own2: 1}}",
        "callers: callers of `exact` now go first to 75 % to `gpt` (gpt-5.2 at openai), 25 % to `own2` (y at house), "
        "no longer to `gpt` (gpt-5.2 at openai)",
    ),
    (
        "model: gpt-5.2}",
        "model: gpt-5.1}",
        "callers: callers of `another` now go first to `gpt` (gpt-5.1 at openai), "
        "no longer to `gpt` (gpt-5.2 at openai)",
    ),
    (
        ", {use: [mini], when: [unavailable]}]",
        "]",
        "callers: callers of `exact`, when the first step is unavailable, now get an error at once",
    ),
    ("idle: 5s, total: 1m", "idle: 7s, total: 1m", "callers: a stream of `exact` may be silent for 7s (was 5s)"),
    ("another", "a-nother", "callers: callers of `another` are refused: 404, there is no such model"),
    ("another", "longer-nother", "callers: `longer-nother` can now be asked for: calls go first to `gpt`"),
    ("- {name: two", "- {name: three", "callers: callers with the key `two` are refused: 401"),
    ("- {name: two", "- {name: three", "callers: the key `three` is new: it may ask for everything"),
    (
        'aliases: [exact, another, "a-*"]',
        "aliases: [exact]",
        "callers: callers with the key `one` may now ask for `exact` (was `a-*`, `another` and `exact`)",
    ),
    (
        "${env:ONE}",
        "${env:UNO}",
        "callers: callers with the key `one` must show what stands in the environment variable `UNO`",
    ),
    (", passthrough: true}", "}", "callers: callers with the key `two` may no longer make calls that name no model"),
    (
        "passthrough: openai",
        "passthrough: house",
        "callers: calls that name no model (files, batches, ...) now go to `house`",
    ),
    ("0.0.0.0:8443", "0.0.0.0:8444", "callers: the base URL moves from 0.0.0.0:8443 to 0.0.0.0:8444"),
    (", tls: {cert: /tls.crt, key: /tls.key}", "", "callers: the base URL is now http, without TLS"),
    ("max_body: 1MiB", "max_body: 2MiB", "callers: a body that names a model may have 2MiB (was 1MiB)"),
    ("[https://a.example]", "[]", "callers: web pages of these origins may call: none (was https://a.example)"),
    ("connect: 1s", "connect: 500ms", "callers: a connection for models named outright may take 500ms (was 1s)"),
    (
        '  gemini: {dialect: openai, credential: "${env:G}"}\n',
        "",
        "callers: `gemini/MODEL` is refused: there is no provider `gemini` any more",
    ),
    ("  ollama: {}\n", "", "callers: `ollama/MODEL` is refused: there is no provider `ollama` any more"),
    (
        "http://10.0.0.5:8000/v1, ",
        "",
        "operators: calls to `house` now connect to http://[fd00::5]:8000, unix:/run/v.sock:/v1, "
        "no longer to http://10.0.0.5:8000/v1, http://[fd00::5]:8000, unix:/run/v.sock:/v1",
    ),
    (
        "${env:G}",
        "${env:GG}",
        "operators: calls to `gemini` now show what stands in the environment variable `GG`",
    ),
    ("in-clear", "other", "operators: calls to `azure_openai` now show what stands in a secret written in the policy"),
    ("http: 2", "http: 1", "operators: calls to `house` now speak http1 (was http2)"),
    ("X-Team", "X-Crew", "operators: calls to `house` now carry other header lines: `authorization`, `x-crew`"),
    ("workers: 3", "workers: 4", "operators: the number of workers changes: fixed 4 (was fixed 3)"),
    ("grace: 2s", "grace: 3s", "operators: a stop then waits for open ones for 3s (was 2s)"),
    ("level: warn", "level: info", "operators: the log changes: calls all, level info (was calls all, level warn)"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), CASES)
def test_a_change_is_told_in_a_sentence(old: str, new: str, sentence: str) -> None:
    base = FULL.replace("deployments:\n", "deployments:\n  own2: {provider: house, model: y}\n")
    assert old in base
    told = said(base, base.replace(old, new))
    assert any(each.startswith(sentence) for each in told), told


def test_a_name_that_is_no_alias_any_more_may_still_be_answered() -> None:
    head = 'version: 1\nproviders: {openai: {credential: "${env:A}"}}\ndeployments: {a: {provider: openai, model: x}}\n'
    one = head + "aliases: {gpt-5.2: {chain: [{use: a}]}, fast-x: {chain: [{use: a}]}, 'fast-*': {chain: [{use: a}]}}\n"
    two = head + "aliases: {'fast-*': {chain: [{use: a}]}}\n"
    assert said(one, two) == [
        "callers: callers of `gpt-5.2` now go to the model of that name at openai",
        "callers: callers of `fast-x` now fall under `fast-*`",
    ]


def test_known_models_are_counted_and_a_few_named() -> None:
    one = 'version: 1\nproviders: {openai: {credential: "${env:A}"}, sim: {}}\n'
    told = said(one, one.replace(", sim: {}", ""))
    names = "`audio`, `chat`, `echo`, `embed`, `flaky` and 3 more"
    assert f"callers: 8 models can no longer be asked for by name alone: {names}" in told


def test_no_secret_is_told() -> None:
    canary = "hg-canary-0123456789"
    told = said(FULL.replace("in-clear", canary), FULL.replace("${env:ONE}", canary))
    assert told
    assert canary not in "\n".join(told)
