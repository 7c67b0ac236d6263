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
        "when: [unavailable, timeout]",
        "when: [rate_limited, context_too_long]",
        "callers: callers of `exact` now go, when it is rate limited, or the prompt is too long for it, "
        "to `mini` (gpt-5-mini at openai)",
    ),
    (
        "[gpt, mini], balance: cheapest",
        "{gpt: 2, mini: 1}, balance: least_busy",
        "callers: callers of `cheap` now go first to the least busy of `gpt` (gpt-5.2 at openai) and `mini` "
        "(gpt-5-mini at openai), weighted 2 to 1, no longer to the cheapest of `gpt`",
    ),
    (
        "retry: {max_attempts: 2}",
        "retry: {max_attempts: 1}",
        "callers: a call of `exact` is tried at most once at one deployment (was 2 times)",
    ),
    (
        "on_disconnect: finish",
        "on_disconnect: cancel",
        "callers: when callers of `exact` have left, their call is cancelled (was read to its end)",
    ),
    (
        "keep_alive: 16s",
        "keep_alive: off",
        "callers: callers of models named outright that wait for a stream get a comment: off (was after 16s)",
    ),
    (
        "when_full: serve",
        "when_full: refuse",
        "callers: of calls for which the journal has no room, all are refused",
    ),
    ("keep_for: 1d", "keep_for: 2d", "operators: files of the journal are kept for 2d (was 1d)"),
    ("consecutive: 2", "consecutive: 3", "operators: breakers of `house` open after 3 failures in a row (was 2"),
    ("ratio: 0.7", "ratio: 0.8", "operators: breakers of `openai` open when 80 % of the streams are slow (was 70 %)"),
    (
        "probe: 10s",
        "probe: off",
        "operators: while breakers of `openai` are open, it is asked whether it is back: off (was every 10s)",
    ),
    ("budget_ratio: 0.25", "budget_ratio: 0.3", "operators: retries at `house` may be 30 % of its calls (was 25 %)"),
    (
        "capabilities: [images, tools]",
        "capabilities: []",
        "callers: `own` gets calls that need plain text alone (was tools or images alone, besides plain text)",
    ),
    ("concurrency: 64", "concurrency: 8", "operators: each credential of `house` takes up to 8 calls at once of one"),
    ("concurrency: 32", "concurrency: 31", "operators: calls at once to `own` for each credential: 31 (was 32)"),
    (
        "input_per_million_usd: 0.15",
        "input_per_million_usd: 0.2",
        "operators: `own` is taken to cost $0.2 for a million tokens of prompt and $2 of answer (was $0.15 for",
    ),
    ("1_000, concurrency", "2_000, concurrency", "operators: the context of `own` is taken to hold 2000 tokens (was"),
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
        ", {use: [mini], when: [unavailable, timeout]}]",
        "]",
        "callers: callers of `exact` now get the error of the first step: there is no fallback",
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
    (", passthrough: true", "", "callers: callers with the key `two` may no longer make calls that name no model"),
    (
        ", expires: 2026-12-31",
        "",
        "callers: the key `two` does not expire (was: expires 2026-12-31T00:00:00+00:00)",
    ),
    (
        'secret: "${env:ONE}"',
        'former: [{secret: "${env:ONE}", until: 2026-12-31}], secret: "${env:UNO}"',
        "callers: callers with the key `one` must show what stands in the environment variable `UNO`, or for a while "
        "what they show now",
    ),
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
    (
        "prefill: prefix",
        "prefill: assistant",
        "operators: `gpt` goes on with cut streams, asked by `assistant` (was: goes on with cut streams, asked by",
    ),
    ("level: warn", "level: info", "operators: the log changes: calls all, level info (was calls all, level warn)"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), CASES)
def test_a_change_is_told_in_a_sentence(old: str, new: str, sentence: str) -> None:
    base = FULL.replace("deployments:\n", "deployments:\n  own2: {provider: house, model: y}\n")
    assert old in base
    told = said(base, base.replace(old, new))
    assert any(each.startswith(sentence) for each in told), told


NOT_YET: list[tuple[str, str, Any, str]] = [
    ("resilience", "priority", "low", "calls of {} are now among the first to be refused when the gateway is full"),
    ("resilience", "on_cut", "continue", "a stream of {} that the provider cuts continues (was fails)"),
    ("resilience", "coalesce", True, "identical calls of {} at the same time share one: yes (was no)"),
    ("resilience", "resume_bytes", 1 << 20, "callers of {} can take a stream up again: 1MiB (was off)"),
    ("resilience", "affinity", "session", "calls of {} are kept at one place by their session (was nothing)"),
    (
        "resilience",
        "hedge",
        {"after": {"ms": 250}, "max_share_permille": 20, "max_spend_permille": 10},
        "calls of {} get a second try while the first is open: after 250ms, for 2 % of the calls and 1 % of the spend "
        "at most (was off)",
    ),
    ("http", "max_calls", 5, "5 calls may be open (was 20000)"),
    ("http", "max_streams", 5, "5 streams may be open (was 20000)"),
    ("http", "max_buffered_bytes", 3 << 20, "bodies may hold 3MiB (was a quarter of the memory that there is)"),
]


@pytest.mark.parametrize(("section", "field", "value", "sentence"), NOT_YET)
def test_a_plan_may_hold_more_than_a_policy_may_say_yet(section: str, field: str, value: Any, sentence: str) -> None:  # noqa: ANN401 - any JSON value
    old, new = json.loads(document()), json.loads(document())
    new[section][field] = value
    told = [f"{change.who}: {change.text}" for change in compare(old, new)]
    assert told == [f"callers: {sentence.format('models named outright')}"]


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
