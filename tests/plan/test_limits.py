"""Limits and budgets: what a policy says of them in the plan, in words, and of a call."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, get_args

import pytest

from headgate.cli.limits import limits
from headgate.plan import document as twin
from headgate.plan.diff import compare
from headgate.plan.limits import describe, whose
from tests.plan.policies import document, lowered

_native = pytest.importorskip("headgate._native", reason="the compiled module is not built")

POLICY = """
version: 1
providers: {house: {dialect: openai, endpoints: ["http://10.0.0.5/v1"], requests_per_day: 7}}
deployments:
  gpt:
    {provider: house, model: gpt, tokens_per_minute: 50, price: {input_per_million_usd: 1, output_per_million_usd: 2}}
  own: {provider: house, model: own, price: {input_per_million_usd: 0, output_per_million_usd: 0}}
aliases:
  smart: {chain: [{use: [gpt]}], concurrency: 5}
  cheap: {chain: [{use: [own]}]}
keys:
  - {name: ci, secret: "${env:CI}", team: platform, user: ann, tags: [a, b], expires: 2030-01-01, requests_per_hour: 9}
  - {name: web, secret: "${env:WEB}"}
teams: {platform: {budget: [{usd: 0.5, window: hour}, {usd: 9, window: {rolling: 7d}, warn_at: [0.8, 0.5]}]}}
identity: {user: [header X-User-Id, body user], task: header x-task-id, forget_after: 2h, most_values: 9}
limits:
  - {per: user, requests_per_minute: 60, tokens_per_hour: 1_000, burst: 10s, concurrency: 8}
  - {per: user, value: nightly, requests_per_minute: 600}
  - {per: task, tokens: 200_000, usd: 5, mode: observe}
  - {name: calls, max_input_tokens: 5, max_output_tokens: 6}
budgets:
  - {per: user, usd: 50, window: day, time_zone: Europe/Berlin, when_spent: {use: cheap}}
  - {usd: 1, window: lifetime, when_spent: ask}
"""


def plan() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(document(POLICY))
    return value


def told(of: dict[str, Any]) -> list[str]:
    return [f"{each['id']} | {whose(each)}: {describe(each, of)}" for each in (*of["limits"], *of["budgets"])]


def test_every_number_has_an_id_that_names_no_value() -> None:
    assert told(plan()) == [
        "user.requests_per_minute | each user: 60 requests a minute, those of 10s at once",
        "user.tokens_per_hour | each user: 1000 tokens an hour, those of 10s at once",
        "user.concurrency | each user: 8 calls at once",
        "user.requests_per_minute | the user `nightly`: 600 requests a minute",
        "task.tokens | each task: 200000 tokens in all (only observed)",
        "task.usd | each task: $5 in all (only observed)",
        "calls.max_input_tokens | all calls: 5 tokens in one prompt",
        "calls.max_output_tokens | all calls: 6 tokens asked for by one call",
        "key.requests_per_hour | the key `ci`: 9 requests an hour",
        "alias.concurrency | the alias `smart`: 5 calls at once",
        "deployment.tokens_per_minute | the deployment `gpt`: 50 tokens a minute",
        "provider.requests_per_day | the provider `house`: 7 requests a day",
        "user.usd_per_day | each user: $50 in a day (Europe/Berlin), then calls go to `cheap`",
        "usd_per_life | all calls: $1 in all, then calls ask for an approval",
        "team.usd_per_hour | the team `platform`: $0.5 in an hour (UTC)",
        "team.usd_per_7d | the team `platform`: $9 in any 7d, with a warning at 50 % and 80 %",
    ]


def test_who_is_behind_a_call_and_a_key_reach_the_plan() -> None:
    of = lowered(POLICY)
    assert of.identity.user == (twin.Header("x-user-id"), "body_user")
    assert (of.identity.most_values, of.identity.forget_ms) == (9, 7_200_000)
    assert (of.keys[0].team, of.keys[0].user, of.keys[0].tags) == ("platform", "ann", ("a", "b"))
    assert of.keys[0].expires_unix_ms == 1_893_456_000_000
    assert asdict(of)["grants"] == ()


def test_rust_reads_them_and_knows_each_word() -> None:
    _native.read_plan(document(POLICY))
    words = {"dimension": set(get_args(twin.Dimension)), "window": {"hour", "day", "week", "month", "lifetime"}}
    for dimension in words["dimension"]:
        section = "{user: header a, agent: header b, session: header c, task: header d, tags: header e}"
        per = POLICY.replace(
            "identity: {user: [header X-User-Id, body user], task: header x-task-id", "identity: " + section[:-1]
        )
        _native.read_plan(document(per + f"  - {{per: {dimension}, name: x, usd: 5, window: week}}\n"))
    for window in words["window"]:
        _native.read_plan(document(POLICY.replace("usd: 1, window: lifetime", f"usd: 1, window: {window}")))


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (
            "requests_per_minute: 600",
            "requests_per_minute: 700",
            "the user `nightly`: now 700 requests a minute (was 600",
        ),
        ("  - {usd: 1, window: lifetime, when_spent: ask}\n", "", "all calls: no longer $1 in all"),
        ("limits:\n", "limits:\n  - {per: key, concurrency: 3}\n", "each key: now 3 calls at once"),
        (", mode: observe", "", "each task: now 200000 tokens in all (was 200000 tokens in all (only observed))"),
        ("team: platform", "team: other", "calls with the key `ci` belong to `other` (was `platform`)"),
        ("user: ann, ", "", "calls with the key `ci` are made by nobody (was `ann`)"),
        ("2030-01-01", "2031-01-01", "the key `ci` is good until 2031-01-01T00:00:00+00:00"),
        ("header x-task-id", "header x-job", "the task of a call is the header `x-job`"),
        ("most_values: 9", "most_values: 8", "limits: 8 values of a limit are counted apart (was 9)"),
    ],
)
def test_a_change_is_told_in_words(old: str, new: str, change: str) -> None:
    before, after = POLICY.replace("teams: {platform", "teams: {other: {}, platform"), POLICY.replace(old, new)
    after = after.replace("teams: {platform", "teams: {other: {}, platform")
    texts = [each.text for each in compare(json.loads(document(before)), json.loads(document(after)))]
    assert [text for text in texts if change in text], texts


def explained(**query: Any) -> list[str]:  # noqa: ANN401 - see `rust/gateway/src/explain/query.rs`
    answer = json.loads(_native.explain(document(POLICY), json.dumps({"model": "smart", **query}).encode()))
    return [line.strip() for line in limits(answer, plan())]


def test_explain_tells_which_limits_a_call_meets() -> None:
    lines = explained(key="ci", headers={"x-task-id": "t7"})
    for line in (
        "behind the call: task `t7`, user `ann`",
        "tagged a, b",
        "9 requests an hour of key `ci` (key.requests_per_hour)",
        "60 requests a minute, those of 10s at once of user `ann` (user.requests_per_minute)",
        "$0.5 in an hour (UTC) of team `platform` (team.usd_per_hour)",
        "5 calls at once of alias `smart` (alias.concurrency)",
        "200000 tokens in all (only observed) of task `t7` (task.tokens)",
        "gpt is passed over beyond 50 tokens a minute of deployment `gpt` (deployment.tokens_per_minute)",
    ):
        assert line in lines, lines


def test_a_value_with_a_number_of_its_own_does_not_meet_that_of_all() -> None:
    lines = explained(headers={"x-user-id": "nightly"})
    assert "600 requests a minute of user `nightly` (user.requests_per_minute)" in lines
    assert not [line for line in lines if line.startswith("60 requests")]
    assert "not met, since the call says no task" in lines


def test_explain_refuses_who_is_no_name() -> None:
    answer = json.loads(
        _native.explain(document(POLICY), json.dumps({"model": "smart", "headers": {"x-user-id": "a" * 300}}).encode())
    )
    assert answer["error"]["code"] == "identity_invalid"


LEDGERED = """
version: 1
ledger: sqlite:///data/headgate.db
providers: {house: {dialect: openai, endpoints: ["http://10.0.0.5/v1"]}}
teams: {platform: {}}
limits:
  - {per: team, requests_per_minute: 60}
  - {per: user, concurrency: 2}
  - {per: key, value: made-later, tokens: 5}
"""


def test_keys_that_only_the_ledger_has_may_be_what_limits_are_of() -> None:
    assert len(lowered(LEDGERED).limits) == 3
