"""Limits in a while and at once, by who calls: what is let in, what a refused caller is told, what is counted."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
IDENTITY = {
    "user": ["header x-user-id", "body user"],
    "agent": "header x-agent-id",
    "session": "header x-session-id",
    "task": "header x-task-id",
    "tags": "header x-tags",
}
OTHER_KEY = "hg-other-Rk2Vw8Jd5Qn7Lx3Tz6Hc"
SECRETS = {**ENVIRONMENT, "OTHER_KEY": OTHER_KEY}


def limited(provider: Provider, *limits: dict[str, Any], **sections: Any) -> Policy:  # noqa: ANN401 - see `small`
    return small(provider.url, identity=IDENTITY, limits=list(limits), **sections)


def call(gateway: Gateway, user: str | None = None, model: str = "chat", **fields: Any) -> Answer:  # noqa: ANN401
    headers = {} if user is None else {"x-user-id": user}
    return gateway.ask("POST", PATH, chat(model, **fields), headers)


def with_key(gateway: Gateway, key: str, path: str = PATH, method: str = "POST") -> Answer:
    body = chat() if method == "POST" else None
    return gateway.ask(method, path, body, {"authorization": f"Bearer {key}"})


def at_rest(gateway: Gateway) -> None:
    """Waits until no reservation is open."""
    until(lambda: Metrics.of(gateway).sum("headgate_reservations_open") == 0, "no reservation is open")


def test_of_a_hundred_calls_at_once_ten_are_let_in(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"per": "user", "requests_per_hour": 10}, {"requests_per_hour": 1000}))
    with ThreadPoolExecutor(20) as threads:
        statuses = [answer.status for answer in threads.map(lambda _: call(gateway, "ann"), range(100))]
    assert sorted(statuses) == [200] * 10 + [429] * 90
    assert bill.bill()["totals"]["calls"] == 10
    assert call(gateway, "bob").status == 200, "another user has an account of its own"
    assert call(gateway).status == 200, "and a call without a user does not meet the limit"
    left = call(gateway).header("x-ratelimit-remaining-requests")
    assert left == "987", "refused calls have used nothing of what all calls share"
    at_rest(gateway)


def test_a_refused_caller_is_told_which_limit_and_when_it_frees(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"per": "user", "requests_per_minute": 1}))
    first, second = call(gateway, "ann"), call(gateway, "ann")
    assert [first.header(f"x-ratelimit-{part}-requests") for part in ("limit", "remaining", "reset")] == [
        "1",
        "0",
        "1m0s",
    ]
    assert (second.status, second.code) == (429, "rate_limit_exceeded")
    error = second.json()["error"]
    assert (error["type"], error["param"]) == ("rate_limit_error", None)
    for part in ("`user.requests_per_minute`", "the user `ann`", "1 requests per minute"):
        assert part in error["message"]
    assert 1 <= int(second.header("retry-after") or 0) <= 60
    assert second.header("x-should-retry") == "true"
    assert second.header("x-ratelimit-remaining-requests") == "0"
    assert second.header("headgate-attempts") == "0"
    line = next(line for line in gateway.wait_for("call", 2) if line["outcome"] == "refused")
    assert (line["limit"], line["user"], line["fault"]) == ("user.requests_per_minute", "ann", "rate_limit_exceeded")
    metrics = Metrics.of(gateway)
    labels = {"limit": "user.requests_per_minute", "per": "user", "mode": "enforce"}
    assert metrics.sum("headgate_limit_refusals_total", **labels) == 1
    assert metrics.sum("headgate_refusals_total", reason="rate_limit_exceeded") == 1
    assert "ann" not in metrics.text, "values are no labels"


def test_a_wait_of_hours_is_not_tried_again_by_a_library(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"requests_per_day": 1}))
    call(gateway)
    refused = call(gateway)
    assert (refused.status, refused.header("x-should-retry")) == (429, "false")
    assert int(refused.header("retry-after") or 0) > 80_000


def test_tokens_are_taken_by_an_estimate_and_settled_by_what_was_used(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"tokens_per_hour": 100_000}))
    answer = call(gateway, max_tokens=50_000)
    reserved = 100_000 - int(answer.header("x-ratelimit-remaining-tokens") or 0)
    assert reserved >= 50_000
    used = bill.bill()["totals"]["total_tokens"]
    at_rest(gateway)
    second = call(gateway, max_tokens=10)
    left = int(second.header("x-ratelimit-remaining-tokens") or 0)
    estimate = len(json.dumps(chat(max_tokens=10))) // 4 + 10
    assert abs(100_000 - used - estimate - left) <= 60, "what was not used is there again"


def test_the_first_call_of_a_small_bucket_is_let_in(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"tokens_per_minute": 5}))
    assert call(gateway, max_tokens=4000).status == 200
    refused = call(gateway, max_tokens=4000)
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert bill.bill()["totals"]["calls"] == 1


def test_a_place_is_taken_while_a_call_is_open_and_free_when_its_caller_has_left(
    launch: Launch, bill: Provider
) -> None:
    gateway = launch(limited(bill, {"per": "session", "concurrency": 1}))
    headers = {"x-session-id": "s1", "x-sim-fault": "stall;at=3;ms=0"}
    with Connection(gateway.data) as stream:
        stream.send(request("POST", PATH, json.dumps(chat(stream=True)).encode(), headers))
        stream.read_until(b"data: ")
        refused = gateway.ask("POST", PATH, chat(), {"x-session-id": "s1"})
        assert (refused.status, refused.header("retry-after")) == (429, "1")
        assert "1 calls at once, 1 are open" in refused.json()["error"]["message"]
        assert gateway.ask("POST", PATH, chat(), {"x-session-id": "s2"}).status == 200
    at_rest(gateway)
    assert gateway.ask("POST", PATH, chat(), {"x-session-id": "s1"}).status == 200


def test_a_task_has_so_many_tokens_in_its_life(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"per": "task", "tokens": 60}))
    headers = {"x-task-id": "t1"}
    answers = [gateway.ask("POST", PATH, chat(max_tokens=10), headers) for _ in range(12)]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    assert {answer.code for answer in refused} == {"insufficient_quota"}
    assert refused[0].header("x-should-retry") == "false"
    assert refused[0].header("retry-after") is None, "waiting does not help"
    assert bill.bill()["totals"]["total_tokens"] <= 60
    assert gateway.ask("POST", PATH, chat(max_tokens=10), {"x-task-id": "t2"}).status == 200


def test_one_call_may_ask_for_so_much_and_no_more(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"max_output_tokens": 100, "max_input_tokens": 1000}))
    assert call(gateway, max_tokens=100).status == 200
    for fields in ({"max_completion_tokens": 101}, {"max_tokens": 60, "n": 2}, {"text": "x" * 8_000}):
        refused = call(gateway, **fields)
        assert (refused.status, refused.code) == (400, "call_too_large"), fields
        assert refused.header("x-should-retry") == "false"
    assert bill.bill()["totals"]["calls"] == 1


def test_a_limit_that_observes_lets_calls_in_and_says_what_it_would_have_done(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"per": "user", "requests_per_hour": 1, "mode": "observe"}))
    answers = [call(gateway, "ann") for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert answers[0].header("x-ratelimit-limit-requests") is None, "it is no limit yet"
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_limit_refusals_total", mode="observe") == 2
    assert metrics.sum("headgate_limit_refusals_total", mode="enforce") == 0
    observed = [line["observed"] for line in gateway.wait_for("call", 3)]
    assert [observed.count(each) for each in (None, ["user.requests_per_hour"])] == [1, 2]


def test_keys_and_teams_have_limits_and_calls_that_name_no_model_meet_them_too(launch: Launch, bill: Provider) -> None:
    keys = [
        {"name": "one", "secret": "${env:CALLER_KEY}", "team": "platform", "requests_per_hour": 3, "passthrough": True},
        {"name": "two", "secret": "${env:OTHER_KEY}", "team": "platform", "user": "ann", "tags": ["nightly"]},
    ]
    teams = {"platform": {"requests_per_hour": 5}}
    policy = limited(bill, {"per": "tag", "requests_per_hour": 4}, keys=keys, teams=teams, passthrough="house")
    gateway = launch(policy, SECRETS)
    assert with_key(gateway, CALLER_KEY, "/v1/files", "GET").header("x-ratelimit-remaining-requests") == "2"
    assert [with_key(gateway, CALLER_KEY).status for _ in range(3)] == [200, 200, 429]
    answers = [with_key(gateway, OTHER_KEY) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert "`team.requests_per_hour` of the team `platform`" in answers[2].json()["error"]["message"]
    line = next(line for line in gateway.wait_for("call", 7) if line["key"] == "two")
    assert (line["user"], line["tags"]) == ("ann", ["nightly"])


def test_a_target_beyond_its_own_rate_is_passed_over(launch: Launch, bill: Provider) -> None:
    policy = limited(bill)
    policy["deployments"]["gpt"]["requests_per_hour"] = 2
    policy["deployments"]["spare"] = {"provider": "house", "model": "spare-sim", "requests_per_hour": 1}
    policy["aliases"]["safe"] = alias("gpt", "spare")
    policy["aliases"]["both"] = alias(["gpt", "spare"])
    gateway = launch(policy)
    answers = [call(gateway, model="safe") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [entry["model"] for entry in bill.calls()] == ["gpt-sim", "gpt-sim", "spare-sim"]
    assert answers[3].code == "provider_busy"
    assert answers[3].header("headgate-attempts") == "0"
    assert call(gateway, model="both").status == 429
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_fallbacks_total", alias="safe", reason="rate_limited") == 1
    at_rest(gateway)


def test_what_a_target_took_counts_once_for_each_attempt(launch: Launch, bill: Provider) -> None:
    policy = limited(bill)
    policy["providers"]["house"]["requests_per_hour"] = 3
    policy["resilience"] = {"retry": {"max_attempts": 3, "base": "1ms", "cap": "1ms"}}
    policy["aliases"]["chat"] = {"chain": [{"use": ["gpt"]}]}
    gateway = launch(policy)
    failed = gateway.ask("POST", PATH, chat(), {"x-sim-fault": "status;code=500"})
    assert (failed.status, failed.header("headgate-attempts")) == (500, "3")
    assert call(gateway).status == 429


def test_who_calls_is_bounded_and_refused_where_it_is_no_name(launch: Launch, bill: Provider) -> None:
    gateway = launch(limited(bill, {"per": "user", "requests_per_hour": 2}, http={"max_body": "4MiB"}))
    by_body = [gateway.ask("POST", PATH, chat(user="ann")).status for _ in range(3)]
    assert by_body == [200, 200, 429]
    huge = gateway.ask("POST", PATH, chat(user="x" * (1 << 20)))
    assert (huge.status, huge.code) == (400, "identity_invalid")
    assert "longer than 255 bytes" in huge.json()["error"]["message"]
    for odd in ("a\x85b", "x" * 256):
        refused = gateway.ask("POST", PATH, chat(), {"x-user-id": odd})
        assert (refused.status, refused.code) == (400, "identity_invalid")
    assert gateway.ask("POST", PATH, chat(user="a\nb")).code == "identity_invalid"
    assert Metrics.of(gateway).sum("headgate_refusals_total", reason="identity_invalid") == 4


def test_many_values_share_one_account_beyond_those_that_are_held(launch: Launch, bill: Provider) -> None:
    policy = limited(bill, {"per": "task", "requests_per_hour": 2})
    policy["identity"] = {**IDENTITY, "most_values": 5}
    gateway = launch(policy)
    statuses = [
        gateway.ask("POST", PATH, chat(), {"x-task-id": str(number)}).status for number in range(10) for _ in range(2)
    ]
    assert statuses == [200] * 12 + [429] * 8
    assert (
        "each task that is not counted apart"
        in (gateway.ask("POST", PATH, chat(), {"x-task-id": "new"}).json()["error"]["message"])
    )
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_limit_accounts", limit="task.requests_per_hour") == 5
    assert metrics.sum("headgate_limit_others_total", limit="task.requests_per_hour") == 11


def test_a_reload_changes_the_rules_and_forgets_nothing(launch: Launch, bill: Provider) -> None:
    policy = limited(bill, {"per": "user", "requests_per_hour": 2, "tokens": 5000})
    gateway = launch(policy)
    assert [call(gateway, "ann").status for _ in range(3)] == [200, 200, 429]
    policy["limits"][0]["tokens"] = 6000
    processes.write(policy, gateway.log.with_name("policy.yaml"))
    gateway.wait_for("reloaded")
    assert call(gateway, "ann").status == 429, "what was used is remembered"
    policy["limits"] = []
    processes.write(policy, gateway.log.with_name("policy.yaml"))
    gateway.wait_for("reloaded", 2)
    assert call(gateway, "ann").status == 200


def test_a_caller_is_told_of_its_own_limits_and_not_of_the_providers(launch: Launch, bill: Provider) -> None:
    policy = limited(bill, {"per": "user", "requests_per_hour": 20})
    gateway = launch(policy)
    headers = {"x-sim-fault": "error;name=rate_limit_exceeded"}
    alone = gateway.ask("POST", PATH, chat(), headers)
    assert alone.header("x-ratelimit-limit-tokens") == "200000", "it has none: the provider's pass"
    own = gateway.ask("POST", PATH, chat(), {**headers, "x-user-id": "ann"})
    assert (own.status, own.header("x-ratelimit-limit-requests")) == (429, "20")
    assert own.header("x-ratelimit-limit-tokens") is None


@pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])
def test_both_programs_count_alike(launch: Launch, bill: Provider, *, daemon: bool) -> None:
    gateway = launch(limited(bill, {"per": "user", "requests_per_hour": 2}), daemon=daemon)
    assert [call(gateway, "ann").status for _ in range(3)] == [200, 200, 429]
