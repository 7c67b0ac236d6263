"""What a model can do is asked before a call goes there: the provider's bill says where calls went."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat, request

IMAGE = [{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"file": {}}}}}


def able(provider: Provider) -> Policy:
    """`tooled` calls tools, `plain` takes plain text alone, `gpt` says nothing of itself."""
    policy = small(provider.url)
    policy["deployments"] |= {
        "tooled": {"provider": "house", "model": "tooled-sim", "capabilities": ["tools"]},
        "plain": {"provider": "house", "model": "plain-sim", "capabilities": []},
    }
    policy["aliases"] |= {
        "cheap": alias("tooled", "gpt"),
        "shared": alias({"plain": 1, "tooled": 1}),
        "text": alias("plain"),
        "filtered": {"chain": [{"use": ["plain"]}, {"use": ["gpt"], "when": ["content_filtered"]}]},
    }
    return policy


@pytest.fixture
def gateway(launch: Launch, provider: Provider, bill: Provider) -> Gateway:
    assert bill.bill()["totals"]["calls"] == 0
    return launch(able(provider))


def went(bill: Provider) -> list[str]:
    return [entry["model"] for entry in bill.calls()]


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("chat/completions", chat("cheap"), "tooled-sim"),
        ("chat/completions", chat("cheap", tools=[TOOL]), "tooled-sim"),
        ("chat/completions", chat("cheap") | {"messages": [{"role": "user", "content": IMAGE}]}, "gpt-sim"),
        ("chat/completions", chat("cheap", text="json", response_format={"type": "json_object"}), "tooled-sim"),
        ("chat/completions", chat("cheap", reasoning_effort="low"), "gpt-sim"),
        ("chat/completions", chat("cheap", text='{"type":"image_url"}'), "tooled-sim"),
        ("chat/completions", chat("shared", tools=[TOOL]), "tooled-sim"),
        ("responses", {"model": "cheap", "input": "hello"}, "tooled-sim"),
        (
            "responses",
            {
                "model": "cheap",
                "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/c"}]}],
            },
            "gpt-sim",
        ),
        ("completions", {"model": "cheap", "prompt": "hello"}, "tooled-sim"),
        ("embeddings", {"model": "cheap", "input": ["hello"]}, "tooled-sim"),
    ],
)
def test_a_call_goes_to_the_first_step_that_can_take_it(
    gateway: Gateway, bill: Provider, path: str, body: dict[str, Any], model: str
) -> None:
    answer = gateway.ask("POST", f"/v1/{path}", body)
    assert answer.status == 200, answer.body
    assert answer.header("headgate-attempts") == "1"
    assert went(bill) == [model]


def test_what_nothing_can_do_is_refused_here_with_what_would_do(gateway: Gateway, bill: Provider) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", chat("text", tools=[TOOL]))
    assert (answer.status, answer.code, answer.header("x-should-retry")) == (400, "capability_missing", "false")
    assert answer.json()["error"]["message"] == (
        "This call needs tools, and `plain` cannot do tools; you may ask for `chat` (with `gpt`) or `cheap` (with "
        "`tooled`) or `shared` (with `tooled`)"
    )
    assert went(bill) == []
    line = next(line for line in gateway.wait_for("call") if line["fault"] == "capability_missing")
    assert (line["alias"], line["attempts"]) == ("text", [])
    assert Metrics.of(gateway).sum("headgate_refusals_total", reason="capability_missing") == 1


def test_a_fallback_that_is_for_other_reasons_takes_no_call_for_this_one(gateway: Gateway, bill: Provider) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", chat("filtered", tools=[TOOL]))
    assert (answer.status, answer.code) == (400, "capability_missing")
    assert went(bill) == []
    line = next(line for line in gateway.wait_for("call") if line["fault"] == "capability_missing")
    assert line["cause"].startswith("step 2 of the chain fits")


def test_a_fallback_that_cannot_take_a_call_is_passed_over(launch: Launch, provider: Provider, bill: Provider) -> None:
    policy = able(provider)
    policy["aliases"]["turned"] = alias("gpt", "plain", "tooled")
    headers = {"x-sim-fault": "status;code=500"}
    answer = launch(policy).ask("POST", "/v1/chat/completions", chat("turned", tools=[TOOL]), headers)
    assert answer.status == 500
    assert set(went(bill)) == {"gpt-sim", "tooled-sim"}


def test_a_part_is_seen_wherever_the_body_is_cut(gateway: Gateway, bill: Provider) -> None:
    body = json.dumps(chat("cheap") | {"messages": [{"role": "user", "content": IMAGE}]}).encode()
    at = body.index(b'"type"')
    cuts = range(at - 1, at + 20)
    for cut in cuts:
        head = request("POST", "/v1/chat/completions", body)
        start = len(head) - len(body)
        with Connection(gateway.data) as connection:
            connection.send(head[: start + cut])
            bill.wait(lambda bill: bill["open"] == 0, "nothing has gone on")
            connection.send(head[start + cut :])
            assert connection.answer().status == 200
    assert went(bill) == ["gpt-sim"] * len(cuts)
