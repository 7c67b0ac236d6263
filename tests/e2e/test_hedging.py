"""A second try while the first is slow: who answers, what the loser costs, and when there is none."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
STALLED_MS = 30_000
EARNED = 20
"""Calls that are answered at once, and earn what second tries cost."""
HEDGE = {"after": "100ms", "max_share": 0.1}

Start = Callable[..., Provider]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts simulated providers for one test."""
    with ExitStack() as stack:

        def started(**options: Any) -> Provider:  # noqa: ANN401 - see `sim::Options`
            provider = Provider.start(grace_ms=0, **options)
            stack.callback(provider.stop)
            return provider

        yield started


def stalling(start: Start, after: int = EARNED) -> Provider:
    """A provider that answers so many calls at once, and the rest after half a minute."""
    fast = {"match": {"first": after}, "ttft_ms": {"fixed": 0}}
    return start(ttft_ms={"fixed": STALLED_MS}, scenario=[fast])


def policy(first: Provider, second: Provider, **alias: object) -> Policy:
    """`chat` goes to `first`, as good as always, and once in a million times to `second`."""
    policy = small(first.url)
    policy["providers"]["other"] = {**policy["providers"]["house"], "endpoints": [second.url]}
    policy["deployments"] = {
        "first": {"provider": "house", "model": "first-sim"},
        "second": {"provider": "other", "model": "second-sim"},
    }
    policy["aliases"] = {"chat": {"chain": [{"use": {"first": 1_000_000, "second": 1}}], **alias}}
    return policy


def call(gateway: Gateway, **fields: Any) -> Answer:  # noqa: ANN401 - JSON
    return gateway.ask("POST", PATH, chat(**fields))


def earn(gateway: Gateway, calls: int = EARNED, **fields: Any) -> None:  # noqa: ANN401 - JSON
    with Connection(gateway.data) as connection:
        for _ in range(calls):
            assert connection.ask("POST", PATH, json.dumps(chat(**fields)).encode()).status == 200


def all_of(answer: Answer, name: str) -> list[str]:
    return [value for line, value in answer.lines if line == name]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_second_target_answers_in_place_of_one_that_stalls(launch: Launch, start: Start, stream: bool) -> None:  # noqa: FBT001
    first, second = stalling(start), start()
    gateway = launch(policy(first, second, hedge=HEDGE))
    earn(gateway)
    answer = call(gateway, stream=stream)
    assert (answer.status, answer.whole) == (200, True)
    assert (answer.header("headgate-deployment"), answer.header("headgate-attempts")) == ("second", "2")
    assert all_of(answer, "headgate-hedged") == ["house/first; class=hedge_lost; blame=nobody; waited_ms=0"]
    assert all_of(answer, "headgate-failed") == []
    page = first.wait(lambda page: page["totals"]["cancelled"] == 1, "the loser is cancelled at its provider")
    assert page["open"] == 0
    assert page["calls"][-1]["cancelled"]
    assert [entry["whole"] for entry in second.calls()] == [True]


def test_a_second_try_is_on_record(launch: Launch, start: Start) -> None:
    first, second = stalling(start), start()
    gateway = launch(policy(first, second, hedge=HEDGE))
    earn(gateway)
    answer = call(gateway)
    found = [
        line for line in gateway.wait_for("call", EARNED + 1) if line["id"] == answer.header("headgate-request-id")
    ]
    told = [(one["deployment"], one["hedge"], one["status"], one["class"], one["then"]) for one in found[0]["attempts"]]
    assert told == [("first", False, None, "hedge_lost", ""), ("second", True, 200, "good", "")]
    assert found[0]["took_ms"] < STALLED_MS / 2
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_hedges_total", deployment="second", won="true") == 1
    assert metrics.sum("headgate_hedges_total") == 1
    assert metrics.sum("headgate_attempt_classes_total", deployment="first", **{"class": "hedge_lost"}) == 1
    assert metrics.sum("headgate_attempts_total", deployment="first", outcome="cancelled") == 1
    assert metrics.sum("headgate_retries_total") == 0
    assert int(answer.header("headgate-overhead-us") or 0) < 90_000, "waiting for a provider is not the gateway's doing"


def test_there_is_none_by_default(launch: Launch, start: Start) -> None:
    first, second = start(ttft_ms={"fixed": 400}), start()
    answer = call(launch(policy(first, second)), stream=True)
    assert (answer.header("headgate-deployment"), answer.header("headgate-attempts")) == ("first", "1")
    assert second.calls() == []


@pytest.mark.parametrize(
    ("field", "hedged"),
    [
        ({"tools": [{"type": "function", "function": {"name": "look"}}]}, True),
        ({"tools": [{"type": "web_search"}]}, False),
        ({"web_search_options": {}}, False),
    ],
    ids=["function", "search", "option"],
)
def test_a_call_that_may_act_at_the_provider_is_made_once(
    launch: Launch,
    start: Start,
    field: dict[str, object],
    hedged: bool,  # noqa: FBT001
) -> None:
    fast = {"match": {"first": EARNED}, "ttft_ms": {"fixed": 0}}
    first, second = start(ttft_ms={"fixed": 600}, scenario=[fast], strict=False), start(strict=False)
    gateway = launch(policy(first, second, hedge=HEDGE))
    earn(gateway)
    answer = call(gateway, **field)
    assert answer.status == 200
    assert len(second.calls()) == int(hedged)
    assert Metrics.of(gateway).sum("headgate_not_hedged_total", alias="chat", reason="tools") == int(not hedged)
    line = next(
        line for line in gateway.wait_for("call", EARNED + 1) if line["attempts"][-1]["hedge"] or line["not_hedged"]
    )
    assert line["not_hedged"] == (None if hedged else "tools")


def test_when_one_fails_the_other_is_waited_for(launch: Launch, start: Start) -> None:
    fast = {"match": {"first": EARNED}, "ttft_ms": {"fixed": 0}}
    first = start(scenario=[fast, {"fault": "late-head;ms=300, status;code=500"}])
    second = start(ttft_ms={"fixed": 700})
    gateway = launch(policy(first, second, hedge=HEDGE))
    earn(gateway)
    answer = call(gateway)
    assert (answer.status, answer.header("headgate-attempts")) == (200, "2")
    assert [line.rpartition("=")[2] for line in all_of(answer, "headgate-failed")] == ["hedge"]
    assert not second.calls()[0]["cancelled"]


def test_second_tries_keep_to_their_share_over_a_thousand_calls(launch: Launch, start: Start) -> None:
    calls, share = 1000, 0.02
    first, second = start(ttft_ms={"fixed": 120}), start()
    gateway = launch(policy(first, second, hedge={"after": "20ms", "max_share": share}))
    with ThreadPoolExecutor(40) as pool:
        statuses = list(pool.map(lambda _: call(gateway).status, range(calls)))
    assert statuses == [200] * calls
    metrics = Metrics.of(gateway)
    hedges = metrics.sum("headgate_hedges_total")
    assert calls * share / 2 <= hedges <= calls * share
    assert metrics.sum("headgate_not_hedged_total", reason="share") > calls / 2
    bills = first.bill()["totals"]["calls"] + second.bill()["totals"]["calls"]
    assert bills == calls + hedges, "what the providers count is what was told"


def test_who_loses_costs_no_more_than_the_share_of_spend(launch: Launch, start: Start) -> None:
    calls, prompt = 100, "a long prompt " * 500
    first, second = start(ttft_ms={"fixed": 120}), start()
    priced = policy(first, second, hedge={"after": "20ms", "max_share": 0.1, "max_spend": 0.01})
    for deployment in priced["deployments"].values():
        deployment["price"] = {"input_per_million_usd": 3, "output_per_million_usd": 3}
    gateway = launch(priced)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: call(gateway, text=prompt).status, range(calls)))
    assert statuses == [200] * calls
    metrics = Metrics.of(gateway)
    hedges = metrics.sum("headgate_hedges_total")
    assert 1 <= hedges <= 2, "the first is owed for, and one that was open meanwhile; the share of calls allows ten"
    assert metrics.sum("headgate_not_hedged_total", reason="spend") > calls / 2
    line = next(line for line in gateway.wait_for("call", calls) if line["not_hedged"] == "spend")
    assert [attempt["hedge"] for attempt in line["attempts"]] == [False]


def test_the_95th_percentile_is_learnt_from_streams(launch: Launch, start: Start) -> None:
    first = start(scenario=[{"match": {"path": "/v1/completions"}, "ttft_ms": {"fixed": STALLED_MS}}])
    second = start()
    gateway = launch(policy(first, second, hedge={"after": "p95", "max_share": 0.1}))

    def unknown() -> float:
        return Metrics.of(gateway).sum("headgate_not_hedged_total", reason="unknown")

    earn(gateway, 50, stream=True)
    assert unknown() == 50

    def is_known() -> bool:
        before = unknown()
        earn(gateway, 1, stream=True)
        return unknown() == before

    until(is_known, "it is known")
    answer = gateway.ask("POST", "/v1/completions", {"model": "chat", "prompt": "hello", "stream": True})
    assert (answer.header("headgate-deployment"), answer.header("headgate-attempts")) == ("second", "2")
    assert call(gateway).status == 200
    assert Metrics.of(gateway).sum("headgate_not_hedged_total", reason="whole") == 1, "not streamed, not timed"


def test_a_caller_who_leaves_cancels_both(launch: Launch, start: Start) -> None:
    first, second = stalling(start), start(ttft_ms={"fixed": STALLED_MS})
    gateway = launch(policy(first, second, hedge=HEDGE))
    earn(gateway)
    with Connection(gateway.data) as connection:
        connection.send(request("POST", PATH, json.dumps(chat()).encode()))
        until(lambda: first.bill()["open"] == 1 and second.bill()["open"] == 1, "both have the call")
    for provider in (first, second):
        provider.wait(lambda page: page["totals"]["cancelled"] == 1, "both are cancelled")


def test_a_drain_waits_for_what_a_second_target_answers(launch: Launch, start: Start) -> None:
    first, second = stalling(start), start()
    gateway = launch(policy(first, second, hedge={"after": "500ms", "max_share": 0.1}))
    earn(gateway)
    with Connection(gateway.data) as connection:
        connection.send(request("POST", PATH, json.dumps(chat()).encode()))
        until(lambda: first.bill()["open"] == 1, "the first has the call")
        gateway.send(signal.SIGTERM)
        answer = connection.answer()
    assert (answer.status, answer.header("headgate-deployment")) == (200, "second")
    assert gateway.wait() == 0


def test_a_reload_turns_second_tries_off_and_keeps_what_was_earned(launch: Launch, start: Start) -> None:
    fast = {"match": {"first": EARNED}, "ttft_ms": {"fixed": 0}}
    first, second = start(ttft_ms={"fixed": 400}, scenario=[fast]), start()
    on, off = policy(first, second, hedge=HEDGE), policy(first, second)
    gateway = launch(on)
    earn(gateway)
    path = gateway.log.parent / "policy.yaml"
    for number, (written, attempts) in enumerate([(off, "1"), (on, "2")], 1):
        processes.write(written, path)
        gateway.send(signal.SIGHUP)
        gateway.wait_for("reloaded", number)
        assert call(gateway).header("headgate-attempts") == attempts
