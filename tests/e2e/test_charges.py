"""What a call is charged that took more than one attempt: each attempt against the bill of the provider that had it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest

from headgate.config import catalogue
from tests.harness.charges import PRICE, Attempt, attempts, billed, cost, is_near, price, priced, sides
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
DEAR = {kind: str(7 * Decimal(usd)) for kind, usd in PRICE.items()}
"""The price of the second deployment."""
TEXT = "tell me more " * 10
EARNED = 20
"""Calls that are answered at once: they earn a second try, and teach how many tokens bytes are."""

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


def two(first: Provider, second: Provider, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """`chat` falls back from one provider to another that costs seven times as much; of `pair` both are in one step."""
    policy = priced(first, **sections)
    policy["providers"]["other"] = {**policy["providers"]["house"], "endpoints": [second.url]}
    policy["deployments"]["dear"] = {"provider": "other", "model": "gpt-sim", "price": price(DEAR), "prefill": "prefix"}
    policy["aliases"]["chat"] = {"chain": [{"use": ["gpt"]}, {"use": ["dear"]}]}
    policy["aliases"]["pair"] = {"chain": [{"use": {"gpt": 1_000_000, "dear": 1}}], "on_cut": "continue"}
    return policy


def ask(gateway: Gateway, model: str = "chat", **fields: Any) -> Answer:  # noqa: ANN401 - JSON
    return gateway.ask("POST", PATH, chat(model, text=TEXT, **fields))


def learn(gateway: Gateway, model: str = "chat", calls: int = EARNED, **fields: Any) -> None:  # noqa: ANN401 - JSON
    with Connection(gateway.data) as connection:
        for _ in range(calls):
            assert connection.ask("POST", PATH, json.dumps(chat(model, text=TEXT, **fields)).encode()).status == 200


def costs(tried: list[Attempt]) -> None:
    """Each attempt costs what its tokens do, at the price of its own deployment."""
    for attempt in tried:
        of = DEAR if attempt["deployment"] == "dear" else PRICE
        assert attempt["usd"] == cost(attempt["tokens"], of), attempt


def spends(gateway: Gateway, calls: int) -> None:
    """Metrics have the same sums as the log."""
    metrics = Metrics.of(gateway)
    tried = [attempt for line in gateway.wait_for("call", calls) for attempt in line["attempts"]]
    for deployment in ("gpt", "dear"):
        told = [attempt for attempt in tried if attempt["deployment"] == deployment]
        spend = Decimal(str(metrics.sum("headgate_spend_usd_total", deployment=deployment)))
        assert spend == sum(Decimal(attempt["usd"]) for attempt in told)
        tokens = metrics.sum("headgate_tokens_total", deployment=deployment)
        assert tokens == sum(sum(sides(attempt)) for attempt in told)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("fault", "bases"),
    [
        ("status;code=503", ["void"]),
        ("status;code=429", ["void"]),
        ("reset-before-head", ["void"]),
        ("error;name=context_length_exceeded", ["void"]),
    ],
)
def test_what_a_provider_refuses_is_charged_to_the_one_that_served(
    launch: Launch,
    start: Start,
    fault: str,
    bases: list[str],
    stream: bool,  # noqa: FBT001
) -> None:
    first, second = start(scenario=[{"fault": fault}]), start()
    policy = two(first, second)
    policy["aliases"]["chat"]["chain"][1]["when"] = ["unavailable", "rate_limited", "timeout", "context_too_long"]
    gateway = launch(policy)
    assert ask(gateway, stream=stream).status == 200
    *failed, served = attempts(gateway)
    assert [attempt["basis"] for attempt in failed] == bases * len(failed)
    assert [(sides(attempt), attempt["usd"]) for attempt in failed] == [((0, 0), "0")] * len(failed)
    assert [billed(entry) for entry in first.calls()] == [(0, 0)] * len(failed)
    assert (served["basis"], sides(served)) == ("provider", billed(second.calls()[-1]))
    costs([served])
    spends(gateway, 1)


@pytest.mark.parametrize("fault", ["error-event;at=first", "cut;at=4", "never-head", "stall;at=0;ms=0"])
def test_what_a_provider_had_taken_before_it_failed_is_charged_besides(
    launch: Launch, start: Start, fault: str
) -> None:
    first = start(scenario=[{"match": {"first": EARNED}, "gap_ms": {"fixed": 0}}, {"fault": fault}])
    second = start()
    gateway = launch(two(first, second, resilience={"timeouts": {"first_token": "300ms", "idle": "300ms"}}))
    learn(gateway, stream=True)
    assert ask(gateway, stream=True).status == 200
    *failed, served = attempts(gateway, EARNED + 1)
    entries = first.calls()[EARNED:]
    assert len(failed) == len(entries) > 0
    for attempt, entry in zip(failed, entries, strict=True):
        assert (attempt["deployment"], attempt["basis"]) == ("gpt", "counted")
        # Whether a provider that says nothing bills the prompt is not known; that it may is what we count with.
        taken = entry if fault != "never-head" else {**entry, "prompt_tokens": served["tokens"]["input"]}
        assert is_near(attempt, taken), (attempt, entry)
    assert (served["basis"], sides(served)) == ("provider", billed(second.calls()[-1]))
    costs([*failed, served])
    spends(gateway, EARNED + 1)


def test_an_answer_that_is_tried_again_after_it_was_cut_is_charged_twice(launch: Launch, start: Start) -> None:
    again = {"retry": {"max_attempts": 2, "base": "1ms"}}
    first = start(scenario=[{"match": {"nth": EARNED + 1}, "fault": "cut;at=4"}])
    gateway = launch(two(first, start(), resilience=again))
    learn(gateway, stream=True)
    assert ask(gateway, stream=True).whole
    cut, whole = attempts(gateway, EARNED + 1)
    entries = first.calls()[EARNED:]
    assert (cut["basis"], cut["then"]) == ("counted", "same")
    assert is_near(cut, entries[0])
    assert (whole["basis"], sides(whole)) == ("provider", billed(entries[1]))
    costs([cut, whole])
    spends(gateway, EARNED + 1)


@pytest.mark.parametrize("at", [1_500, 2_500, 4_000])
def test_both_legs_of_a_continued_stream_are_charged(launch: Launch, start: Start, at: int) -> None:
    cutting = start(
        tokens={"fixed": 40}, scenario=[{"match": {"first": EARNED}, "gap_ms": {"fixed": 0}}, {"fault": f"cut;at={at}"}]
    )
    sound = start(tokens={"fixed": 40})
    gateway = launch(two(cutting, sound))
    learn(gateway, "pair", stream=True)
    # The second leg reads what the first said; so that its prompt is known, it is learnt there too.
    answer = ask(gateway, "pair", stream=True)
    assert b"headgate-continued by=dear" in answer.body
    first, onward = attempts(gateway, EARNED + 1)
    assert (first["basis"], first["then"]) == ("counted", "continue")
    assert is_near(first, cutting.calls()[-1])
    assert 0 < sides(first)[1] < 40
    assert (onward["basis"], sides(onward)) == ("provider", billed(sound.calls()[-1]))
    assert sides(onward)[0] > sides(first)[0], "the second has read what the first said"
    costs([first, onward])
    spends(gateway, EARNED + 1)


def test_a_second_leg_that_is_cut_as_well_is_charged_for_what_it_said(launch: Launch, start: Start) -> None:
    cutting = start(
        tokens={"fixed": 40}, scenario=[{"match": {"first": EARNED}, "gap_ms": {"fixed": 0}}, {"fault": "cut;at=2500"}]
    )
    also = start(tokens={"fixed": 40}, scenario=[{"fault": "cut;at=2500"}])
    gateway = launch(two(cutting, also))
    learn(gateway, "pair", stream=True)
    assert not ask(gateway, "pair", stream=True).body.endswith(b"[DONE]\n\n")
    both = attempts(gateway, EARNED + 1)
    assert [attempt["basis"] for attempt in both] == ["counted"] * 2
    assert is_near(both[0], cutting.calls()[-1])
    ours, theirs = sides(both[1]), billed(also.calls()[-1])
    assert abs(ours[1] - theirs[1]) <= 3
    assert abs(ours[0] - theirs[0]) <= theirs[0] // 2, "nothing was learnt there yet of what bytes are"
    costs(both)
    spends(gateway, EARNED + 1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_whoever_loses_a_second_try_is_charged_for_the_prompt_and_whoever_wins_for_the_answer(
    launch: Launch,
    start: Start,
    stream: bool,  # noqa: FBT001
) -> None:
    fast = {"match": {"first": EARNED}, "ttft_ms": {"fixed": 0}}
    for slow in (30_000, 400):  # the second try wins, or loses
        first = start(ttft_ms={"fixed": slow}, scenario=[fast])
        second = start(ttft_ms={"fixed": 0 if slow > 1_000 else 30_000})
        policy = two(first, second)
        policy["aliases"]["pair"] |= {"hedge": {"after": "50ms", "max_share": 0.1}, "on_cut": "error"}
        gateway = launch(policy)
        learn(gateway, "pair", stream=stream)
        assert ask(gateway, "pair", stream=stream).status == 200
        lost, won = attempts(gateway, EARNED + 1)
        winner, loser = (second, first) if slow > 1_000 else (first, second)
        entry = loser.wait(lambda bill: bill["open"] == 0 and bill["totals"]["cancelled"], "it is cancelled")
        assert entry["calls"][-1]["completion_tokens"] == 0
        assert (lost["class"], lost["basis"], sides(lost)[1]) == ("hedge_lost", "counted", 0)
        assert sides(lost)[0] > 0, "that the prompt was read is taken for granted"
        assert (won["basis"], sides(won)) == ("provider", billed(winner.calls()[-1]))
        costs([lost, won])
        spends(gateway, EARNED + 1)


def test_a_caller_that_leaves_while_two_are_open_is_charged_for_both(launch: Launch, start: Start) -> None:
    fast = {"match": {"first": EARNED}, "ttft_ms": {"fixed": 0}}
    first, second = start(ttft_ms={"fixed": 30_000}, scenario=[fast]), start(ttft_ms={"fixed": 30_000})
    policy = two(first, second)
    policy["aliases"]["pair"] |= {"hedge": {"after": "50ms", "max_share": 0.1}, "on_cut": "error"}
    gateway = launch(policy)
    learn(gateway, "pair")
    with Connection(gateway.data) as connection:
        connection.send(request("POST", PATH, json.dumps(chat("pair", text=TEXT)).encode()))
        until(lambda: first.bill()["open"] == 1 and second.bill()["open"] == 1, "both have the call")
    both = attempts(gateway, EARNED + 1)
    assert [(attempt["basis"], attempt["hedge"]) for attempt in both] == [("counted", False), ("counted", True)]
    assert all(sides(attempt)[0] > 0 and sides(attempt)[1] == 0 for attempt in both)
    costs(both)
    spends(gateway, EARNED + 1)


def catalogued(tier: str | None) -> dict[str, str]:
    """What the catalogue says that a model costs when it is served like this."""
    when = {} if tier is None else {"service_tier": tier}
    entries = catalogue.providers()["openai"].prices("gpt-5-mini")
    usd = [entry["usd"] for entry in entries if entry.get("when", {}) == when][-1]
    return {"input": usd["input_mtok"], "cache_read": usd["cache_read_mtok"], "output": usd["output_mtok"]}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_tier_of_service_costs_what_the_catalogue_says(
    launch: Launch,
    start: Start,
    stream: bool,  # noqa: FBT001
) -> None:
    provider = start()
    policy = priced(provider)
    policy["providers"] = {"openai": policy["providers"]["house"]}
    policy["deployments"] = {"gpt": {"provider": "openai", "model": "gpt-5-mini"}}
    del policy["aliases"]["free"]
    gateway = launch(policy)
    paid = []
    for number, (asked, served) in enumerate([(None, None), ("auto", None), ("flex", "flex"), ("priority",) * 2], 1):
        named: dict[str, Any] = {} if asked is None else {"service_tier": asked}
        assert ask(gateway, stream=stream, **named).status == 200
        (attempt,) = attempts(gateway, number)
        assert (attempt["basis"], sides(attempt)) == ("provider", billed(provider.calls()[-1]))
        assert attempt["usd"] == cost(attempt["tokens"], catalogued(served))
        paid.append(Decimal(attempt["usd"]))
    assert paid[2] < paid[0] == paid[1] < paid[3]
