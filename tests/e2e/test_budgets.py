"""Budgets: the provider's bill is what was spent, and is never more than was allowed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.test_rates import IDENTITY, at_rest
from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
PRICE = {"input_per_million_usd": 1_000, "output_per_million_usd": 2_000}
FREE = {"input_per_million_usd": 0, "output_per_million_usd": 0}
MILLI = 1_000_000
"""Nano-dollars in a thousandth of a dollar: what a token of a prompt costs."""


def poor(provider: Provider, *budgets: dict[str, Any], **sections: Any) -> Policy:  # noqa: ANN401 - see `small`
    """A policy with budgets: `chat` costs money, `free` does not, `both` goes to the latter when the money is spent."""
    policy = small(provider.url, identity=IDENTITY, budgets=list(budgets), **sections)
    policy["deployments"]["gpt"]["price"] = PRICE
    policy["deployments"]["own"] = {"provider": "house", "model": "own-sim", "price": FREE}
    policy["aliases"]["free"] = {"chain": [{"use": ["own"]}]}
    policy["aliases"]["both"] = {"chain": [{"use": ["gpt"]}, {"use": ["own"], "when": "budget_spent"}]}
    return policy


def call(gateway: Gateway, agent: str = "a1", model: str = "chat", **fields: Any) -> Answer:  # noqa: ANN401 - JSON
    return gateway.ask("POST", PATH, chat(model, **fields), {"x-agent-id": agent})


def billed(bill: Provider) -> int:
    """What the provider's bill comes to, in nano-dollars."""
    paid = [entry for entry in bill.calls() if entry["model"] == "gpt-sim"]
    return sum(entry["prompt_tokens"] * MILLI + entry["completion_tokens"] * 2 * MILLI for entry in paid)


def standing(gateway: Gateway, limit: str, value: str) -> dict[str, Any]:
    """How an account stands."""
    accounts = gateway.probe("/stats").json()["limits"]["most_used"]
    found = [each for each in accounts if (each["limit"], each["value"]) == (limit, value)]
    return found[0] if found else {"used": 0, "reserved": 0}


def spend(gateway: Gateway, calls: int, **fields: Any) -> list[Answer]:  # noqa: ANN401 - JSON
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(lambda _: call(gateway, **fields), range(calls)))


def test_what_is_spent_is_the_bill_and_never_more_than_the_budget(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 1.5, "window": "day"}, {"usd": 500, "window": "month"}))
    answers = spend(gateway, 120, max_tokens=20)
    assert {answer.status for answer in answers} == {200, 429}
    at_rest(gateway)
    spent = billed(bill)
    assert 0 < spent <= 1.5e9
    assert standing(gateway, "agent.usd_per_day", "a1") | {"used": spent, "reserved": 0} == standing(
        gateway, "agent.usd_per_day", "a1"
    )
    assert standing(gateway, "usd_per_month", "")["used"] == spent, "refused calls have used nothing of it"
    refused = next(answer for answer in answers if answer.status == 429)
    error = refused.json()["error"]
    assert (error["code"], error["type"]) == ("insufficient_quota", "insufficient_quota")
    assert refused.header("x-should-retry") == "false"
    for part in ("`agent.usd_per_day`", "the agent `a1`", "$1.5 a calendar day (UTC)", "more is free from"):
        assert part in error["message"]
    assert Metrics.of(gateway).sum("headgate_budget_used", budget="usd_per_month") == pytest.approx(spent / 500e9)


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}])
def test_streams_are_settled_by_what_they_used(launch: Launch, bill: Provider, fields: dict[str, Any]) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 100, "window": "day"}))
    assert call(gateway, **fields).status == 200
    at_rest(gateway)
    assert standing(gateway, "agent.usd_per_day", "a1")["used"] == billed(bill)


def test_a_call_that_fails_costs_nothing_and_one_that_is_left_costs_what_came(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 100, "window": "day"}))
    failed = gateway.ask("POST", PATH, chat(), {"x-agent-id": "a1", "x-sim-fault": "status;code=500"})
    assert failed.status == 500
    at_rest(gateway)
    assert standing(gateway, "agent.usd_per_day", "a1")["used"] == 0
    with Connection(gateway.data) as stream:
        headers = {"x-agent-id": "a1", "x-sim-fault": "stall;at=3;ms=0"}
        stream.send(request("POST", PATH, json.dumps(chat(stream=True)).encode(), headers))
        stream.read_until(b"data: ")
    at_rest(gateway)
    assert standing(gateway, "agent.usd_per_day", "a1")["used"] > 0


def test_money_is_set_aside_for_what_is_drawn_too(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 100, "window": "day"}))
    with Connection(gateway.data) as drawing:
        headers = {"x-agent-id": "a1", "x-sim-fault": "never-head"}
        body = json.dumps({"model": "chat", "prompt": "a boat", "n": 2}).encode()
        drawing.send(request("POST", "/v1/images/generations", body, headers))
        bill.wait(lambda page: page["open"] == 1, "the provider has the call")
        assert standing(gateway, "agent.usd_per_day", "a1")["reserved"] >= 2 * 1_000 * 2 * MILLI, "a guess for each"
    at_rest(gateway)


def test_a_chain_goes_on_to_what_there_is_money_for(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 0.2, "window": "day"}))
    answers = [call(gateway, model="both", max_tokens=20) for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert answers[0].header("headgate-deployment") == "gpt"
    assert answers[-1].header("headgate-deployment") == "own"
    assert billed(bill) <= 0.2e9
    assert Metrics.of(gateway).sum("headgate_fallbacks_total", alias="both", reason="budget_spent") > 0
    assert call(gateway, model="chat", max_tokens=20).status == 429


def test_a_spent_budget_may_name_another_alias(launch: Launch, bill: Provider) -> None:
    budget = {"per": "agent", "usd": 0.2, "window": "day", "when_spent": {"use": "free"}}
    gateway = launch(poor(bill, budget))
    answers = [call(gateway, max_tokens=20) for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert answers[-1].header("headgate-deployment") == "own"
    assert billed(bill) <= 0.2e9
    assert "free" in {line["alias"] for line in gateway.wait_for("call", 8)}


def test_a_spent_budget_may_ask(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 0.01, "window": "day", "when_spent": "ask"}))
    refused = call(gateway, max_tokens=20)
    assert (refused.status, refused.code) == (402, "approval_required")
    assert "under the id apr_" in refused.json()["error"]["message"]
    assert refused.header("x-should-retry") == "false"


def test_a_deployment_without_money_is_passed_over(launch: Launch, bill: Provider) -> None:
    policy = poor(bill)
    policy["deployments"]["gpt"]["budget"] = {"usd": 0.2, "window": "day"}
    gateway = launch(policy)
    answers = [call(gateway, model="both", max_tokens=20) for _ in range(8)]
    assert [answer.status for answer in answers] == [200] * 8
    assert answers[-1].header("headgate-deployment") == "own"
    assert billed(bill) <= 0.2e9
    alone = call(gateway, max_tokens=20)
    assert (alone.status, alone.code) == (429, "insufficient_quota")


def test_shares_are_warned_of_once(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 1, "window": "day", "warn_at": [0.2, 0.5]}))
    for _ in range(40):
        call(gateway, max_tokens=20)
    # Each worker hands its lines over by itself.
    warned = sorted(gateway.wait_for("budget_warned", 2), key=lambda line: float(line["share"]))
    assert [(line["share"], line["value"], line["budget_usd"]) for line in warned] == [
        (0.2, "a1", "1"),
        (0.5, "a1", "1"),
    ]
    assert all(line["level"] == "warn" and line["budget"] == "agent.usd_per_day" for line in warned)


def test_a_budget_survives_a_reload_and_its_amount_changes_at_the_next_call(launch: Launch, bill: Provider) -> None:
    policy = poor(bill, {"per": "agent", "usd": 0.2, "window": "day"})
    gateway = launch(policy)
    while call(gateway, max_tokens=20).status == 200:
        pass
    policy["budgets"][0]["usd"] = 0.4
    processes.write(policy, gateway.log.with_name("policy.yaml"))
    gateway.wait_for("reloaded")
    assert call(gateway, max_tokens=20).status == 200
    while call(gateway, max_tokens=20).status == 200:
        pass
    assert 0.2e9 < billed(bill) <= 0.4e9


def test_a_drain_settles_what_is_open(launch: Launch, bill: Provider) -> None:
    gateway = launch(poor(bill, {"per": "agent", "usd": 10, "window": "day", "warn_at": 0.001}))
    with Connection(gateway.data) as stream:
        headers = {"x-agent-id": "a1", "x-sim-fault": "stall;at=3;ms=800"}
        stream.send(request("POST", PATH, json.dumps(chat(stream=True)).encode(), headers))
        stream.read_until(b"data: ")
        gateway.probe("/drain", "POST")
        assert stream.answer().events[-1] == "[DONE]"
    assert gateway.wait() == 0
    assert len(gateway.lines("budget_warned")) == 1
