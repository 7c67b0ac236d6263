"""What is out is asked, outside of calls, whether it is back: where the policy wants it, and no more than that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import alias, small
from tests.harness.provider import Bill, Provider
from tests.harness.waiting import until
from tests.harness.wire import chat

PATH = "/v1/chat/completions"
MODELS = "/v1/models"
TRIPS = 5
"""Failures in a row that take a model out, for a minute at least."""

Outage = Callable[[int], Provider]


@pytest.fixture
def outage() -> Iterator[Outage]:
    """Starts a provider that fails so many requests, whatever they ask for, and is well again after them."""
    started: list[Provider] = []

    def start(failures: int) -> Provider:
        rules = [{"match": {"path": "/v1/*", "first": failures}, "fault": "status;code=500"}]
        started.append(Provider.start(scenario=rules))
        return started[-1]

    yield start
    for provider in started:
        provider.stop()


def guarded(failing: Provider, spare: Provider, **breaker: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """`chat` fails, `safe` has a fallback; each call is tried once; five failures take out for a minute at least."""
    resilience = {"retry": {"max_attempts": 1}, "breaker": {"open": "2m", "open_cap": "4m"}}
    policy = small(failing.url, resilience=resilience, log={"calls": "off", "level": "debug"})
    policy["providers"]["house"]["breaker"] = breaker
    policy["providers"]["other"] = {"dialect": "openai", "endpoints": [spare.url], "breaker": breaker}
    policy["deployments"]["spare"] = {"provider": "other", "model": "spare-sim"}
    policy["aliases"]["safe"] = alias("gpt", "spare")
    return policy


def breaks(gateway: Gateway) -> None:
    for _ in range(TRIPS):
        assert gateway.ask("POST", PATH, chat()).status == 500
    gateway.wait_for("breaker_opened")


def served_by(gateway: Gateway) -> str | None:
    answer = gateway.ask("POST", PATH, chat("safe"))
    assert answer.status == 200
    return answer.header("headgate-deployment")


def asked(provider: Provider) -> list[Bill]:
    return [entry for entry in provider.calls() if entry["path"] == MODELS]


@pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])
def test_a_provider_that_is_back_is_found_before_its_time(
    launch: Launch, outage: Outage, bill: Provider, *, daemon: bool
) -> None:
    provider = outage(TRIPS + 2)
    gateway = launch(guarded(provider, bill, probe="1s"), daemon=daemon)
    breaks(gateway)
    assert served_by(gateway) == "spare"
    lines = gateway.wait_for("endpoint_probed", 3)
    assert [(line["level"], line["outcome"], line["status"]) for line in lines] == [
        ("debug", "refused", 500),
        ("debug", "refused", 500),
        ("info", "answered", 200),
    ]
    assert served_by(gateway) == "gpt", "a minute sooner than without"
    gateway.wait_for("breaker_closed")
    assert [entry["status"] for entry in asked(provider)] == [500, 500, 200], "and then no more"
    assert asked(bill) == [], "who is well is not asked"
    assert all(entry["credential"] == 0 for entry in asked(provider)), "with the credential that calls have"
    metrics = Metrics.of(gateway)
    told = [
        metrics.sum("headgate_probes_total", provider="house", outcome=outcome) for outcome in ("refused", "answered")
    ]
    assert told == [2, 1]
    assert metrics.sum("headgate_attempts_total") == TRIPS + 2, "no probe is an attempt"


def test_a_probe_does_not_stand_for_a_good_answer(launch: Launch, outage: Outage, provider: Provider) -> None:
    gateway = launch(guarded(outage(TRIPS), provider, probe="1s"))
    breaks(gateway)
    gateway.wait_for("endpoint_probed")
    answer = gateway.ask("POST", PATH, chat(), {"x-sim-fault": "status;code=500"})
    assert answer.status == 500, "one call is let through"
    assert [line["why"] for line in gateway.wait_for("breaker_opened", 2)][1:] == ["probe"]
    assert served_by(gateway) == "spare"


def test_nobody_is_asked_where_the_policy_is_silent(launch: Launch, outage: Outage, bill: Provider) -> None:
    silent = outage(TRIPS)
    policy = guarded(silent, bill)
    policy["providers"]["dead"] = {
        "dialect": "openai",
        "endpoints": ["http://127.0.0.1:9/v1"],
        "breaker": {"probe": "1s"},
    }
    policy["deployments"]["dead"] = {"provider": "dead", "model": "any"}
    policy["aliases"]["dead"] = alias("dead")
    gateway = launch(policy)
    breaks(gateway)
    for _ in range(TRIPS):
        gateway.ask("POST", PATH, chat("dead"))
    lines = gateway.wait_for("endpoint_probed", 2)
    told = {(line["provider"], line["outcome"], line["status"], line["fault"]) for line in lines}
    assert told == {("dead", "unreachable", None, "provider_unreachable")}
    assert asked(silent) == asked(bill) == [], "two turns of another have gone by"
    family = next(family for family in Metrics.of(gateway).all if family.name == "headgate_probes")
    assert {sample.labels["provider"] for sample in family.samples} == {"dead"}


def test_a_reload_begins_it_and_a_drain_waits_for_no_answer(launch: Launch, provider: Provider) -> None:
    faults = {MODELS: "never-head", PATH: "status;code=500"}
    stuck = Provider.start(scenario=[{"match": {"path": path}, "fault": fault} for path, fault in faults.items()])
    try:
        gateway = launch(guarded(stuck, provider))
        breaks(gateway)
        processes.write(guarded(stuck, provider, probe="1s"), gateway.log.with_name("policy.yaml"))
        gateway.wait_for("reloaded")
        until(lambda: stuck.bill()["open"] == 1, "it is asked, though its breaker opened before the reload")
        assert gateway.probe("/drain", "POST").status == 202
        assert gateway.wait(5) == 0
        until(lambda: stuck.bill()["open"] == 0, "and the question is withdrawn")
    finally:
        stuck.stop()
