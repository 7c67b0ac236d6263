"""Second tries, fallbacks, breakers: what a caller sees of a provider in trouble."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import ENVIRONMENT, alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
OUT = 3.0
"""The level of a health key that is out of service."""


def guarded(provider: Provider, **resilience: object) -> Policy:
    """`chat` goes to one deployment, `safe` has a fallback, `careful` one for what the prompt is."""
    policy = small(provider.url)
    policy["resilience"] = resilience
    policy["deployments"] |= {
        "spare": {"provider": "house", "model": "spare-sim", "context_tokens": 100_000},
        "short": {"provider": "house", "model": "short-sim", "context_tokens": 1000},
    }
    policy["aliases"] |= {
        "safe": alias("gpt", "spare"),
        "narrow": alias("short"),
        "careful": {"chain": [{"use": ["gpt"]}, {"use": ["spare"], "when": ["content_filtered"]}]},
    }
    return policy


@pytest.fixture
def gateway(launch: Launch, provider: Provider, bill: Provider) -> Gateway:
    """A gateway of its own for each test: what it learns of its provider stays with it."""
    assert bill.bill()["totals"]["calls"] == 0
    return launch(guarded(provider))


def call(gateway: Gateway, model: str, fault: str = "", text: str = "hello", **fields: object) -> Answer:
    headers = {"x-sim-fault": fault} if fault else {}
    return gateway.ask("POST", PATH, chat(model, text=text, **fields), headers)


def levels(gateway: Gateway) -> dict[str, float]:
    """The state of each health key."""
    family = next(family for family in Metrics.of(gateway).all if family.name == "headgate_breaker_state")
    return {sample.labels["key"]: sample.value for sample in family.samples}


def models(bill: Provider) -> list[str]:
    return [entry["model"] for entry in bill.calls()]


def test_a_failure_of_the_provider_is_tried_again(gateway: Gateway, bill: Provider) -> None:
    answer = call(gateway, "chat", "status;code=500")
    assert (answer.status, answer.header("headgate-attempts")) == (500, "3")
    assert answer.header("x-should-retry") == "false", "what was tried here is not to be tried again by the caller"
    assert len(models(bill)) == 3


def test_the_answer_tells_what_failed_on_the_way(gateway: Gateway) -> None:
    answer = call(gateway, "chat", "status;code=500")
    lines = [value for name, value in answer.lines if name == "headgate-failed"]
    assert [line.split("; ")[:4] for line in lines] == [
        ["house/gpt", "status=500", "class=unavailable", "blame=endpoint_model"]
    ] * 3
    assert [line.rpartition("=")[2] for line in lines] == ["same", "same", "attempts"]
    assert call(gateway, "chat").header("headgate-failed") is None


def test_the_callers_own_mistake_is_told_at_once(gateway: Gateway, bill: Provider) -> None:
    answer = call(gateway, "safe", "status;code=400")
    assert (answer.status, answer.header("headgate-attempts")) == (400, "1")
    assert models(bill) == ["gpt-sim"]


@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_a_fallback_answers_in_place_of_what_fails(
    launch: Launch, provider: Provider, bill: Provider, mode: str
) -> None:
    policy = guarded(provider)
    policy["providers"]["dead"] = {"dialect": "openai", "endpoints": ["http://127.0.0.1:9/v1"]}
    policy["deployments"]["gpt"] = {"provider": "dead", "model": "gpt-sim"}
    answer = call(launch(policy), "safe", stream=mode == "stream")
    assert answer.status == 200
    assert answer.header("headgate-deployment") == "spare"
    assert answer.header("headgate-attempts") == "3", "one try more at the first, then the fallback"
    assert models(bill) == ["spare-sim"]


@pytest.mark.parametrize(
    ("model", "fault", "reason"),
    [
        ("safe", "status;code=429, retry-after;value=30", "rate_limited"),
        ("careful", "error;name=content_filter", "content_filtered"),
        ("long", "error;name=context_length_exceeded", "context_too_long"),
        ("slow", "never-head", "timeout"),
        ("text", "", "capability"),
    ],
)
def test_a_fallback_is_counted_by_why_it_served(
    launch: Launch, provider: Provider, model: str, fault: str, reason: str
) -> None:
    policy = guarded(provider)
    harmless = {"x-sim-fault": "no-continue"}
    policy["providers"]["second"] = {"dialect": "openai", "endpoints": [provider.url], "headers": harmless}
    policy["deployments"] |= {
        "spare": {"provider": "second", "model": "spare-sim"},
        "plain": {"provider": "house", "model": "plain-sim", "capabilities": []},
    }
    policy["aliases"] |= {
        "long": {"chain": [{"use": ["gpt"]}, {"use": ["spare"], "when": ["context_too_long"]}]},
        "slow": alias("gpt", "spare", timeouts={"attempt": "300ms"}),
        "text": alias("plain", "spare"),
    }
    gateway = launch(policy)
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    fields: dict[str, Any] = {"tools": tools} if model == "text" else {}
    answer = call(gateway, model, fault, **fields)
    assert (answer.status, answer.header("headgate-deployment")) == (200, "spare")
    assert Metrics.of(gateway).sum("headgate_fallbacks_total") == 1
    assert Metrics.of(gateway).sum("headgate_fallbacks_total", alias=model, reason=reason) == 1
    line = next(line for line in gateway.wait_for("call") if line["alias"] == model)
    assert [attempt["reason"] for attempt in line["attempts"]][-1] == reason


def test_five_failures_in_a_row_take_a_model_out_of_service(gateway: Gateway, bill: Provider) -> None:
    for _ in range(2):
        call(gateway, "chat", "status;code=500")
    answer = call(gateway, "chat", "status;code=500")
    assert len(models(bill)) in (5, 6), "the last one is the probe of a call that has nowhere else to go"
    assert answer.status in (500, 503)
    keys = [key for key, level in levels(gateway).items() if level == OUT]
    assert len(keys) == 1
    assert keys[0].startswith("endpoint:")
    assert keys[0].endswith("/gpt")
    assert [line["why"] for line in gateway.wait_for("breaker_opened") if line["key"] == keys[0]] == ["consecutive"]


def test_while_a_model_is_out_one_call_asks_and_the_others_are_told(gateway: Gateway, bill: Provider) -> None:
    for _ in range(2):
        call(gateway, "chat", "status;code=500")
    with Connection(gateway.data) as probe:
        body = json.dumps(chat("chat")).encode()
        probe.send(request("POST", PATH, body, {"x-sim-fault": "never-head"}))
        until(lambda: bill.bill()["open"] == 1, "the probe is with the provider")
        answer = call(gateway, "chat")
        assert (answer.status, answer.code) == (503, "provider_unavailable")
        assert int(answer.header("retry-after") or 0) >= 1
    until(lambda: bill.bill()["open"] == 0, "the probe was given up with its caller")
    assert call(gateway, "chat").status == 200, "its permit was given back"


def test_a_long_pause_that_the_provider_asks_for_is_kept(gateway: Gateway, bill: Provider) -> None:
    first = call(gateway, "chat", "status;code=429, retry-after;value=30")
    assert (first.status, first.header("headgate-attempts")) == (429, "1")
    second = call(gateway, "chat")
    assert (second.status, second.code) == (429, "provider_busy")
    assert 20 < int(second.header("retry-after") or 0) <= 30
    assert len(models(bill)) == 1


def test_a_refused_credential_is_asked_again_after_a_reload(launch: Launch, provider: Provider, bill: Provider) -> None:
    policy = guarded(provider)
    policy["providers"]["house"]["credential"] = ["${env:PROVIDER_KEY}", "${env:OTHER_KEY}"]
    gateway = launch(policy, {**ENVIRONMENT, "OTHER_KEY": "sk-other-Hk3Vq8Zt5Yw1Lp7Rd2Mx"})
    first = call(gateway, "chat", "status;code=401")
    assert (first.status, first.header("headgate-attempts")) == (502, "2"), "both were refused"
    dead = [key for key, level in levels(gateway).items() if level == OUT]
    assert dead == ["credential:house/0", "credential:house/1"]
    gateway.send(signal.SIGHUP)
    gateway.wait_for("reloaded")
    assert not [key for key, level in levels(gateway).items() if level == OUT]
    assert [call(gateway, "chat").header("headgate-attempts") for _ in range(2)] == ["1", "1"]


def test_a_prompt_that_fits_nowhere_is_refused_here(gateway: Gateway, bill: Provider) -> None:
    answer = call(gateway, "narrow", text="word " * 4000)
    assert (answer.status, answer.code) == (400, "context_too_long")
    assert models(bill) == []


def test_a_line_of_the_log_tells_each_attempt(gateway: Gateway) -> None:
    answer = call(gateway, "chat", "status;code=500")
    line = next(line for line in gateway.wait_for("call") if line["id"] == answer.header("headgate-request-id"))
    told = [(attempt["status"], attempt["class"], attempt["blame"], attempt["then"]) for attempt in line["attempts"]]
    assert told == [
        (500, "unavailable", "endpoint_model", "same"),
        (500, "unavailable", "endpoint_model", "same"),
        (500, "unavailable", "endpoint_model", "attempts"),
    ]
