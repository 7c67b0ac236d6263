"""Aliases, wildcards, weights, fallbacks; and that `explain` says where calls really go."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import BEARER, SECRETS
from tests.harness.fixtures import Launch, run
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.wire import Answer, Connection, chat, request


def call(gateway: Gateway, model: str) -> Answer:
    return gateway.ask("POST", "/v1/chat/completions", chat(model), BEARER)


@pytest.mark.parametrize(
    ("asked", "billed"),
    [("chat", "gpt-sim"), ("fast-x", "x-sim"), ("house/any/thing", "any/thing"), ("house/gpt-sim", "gpt-sim")],
)
def test_a_name_becomes_the_providers_name(gateway: Gateway, bill: Provider, asked: str, billed: str) -> None:
    assert call(gateway, asked).status == 200
    assert [entry["model"] for entry in bill.calls()] == [billed]


def test_weights_share_the_calls(launch: Launch, provider: Provider, bill: Provider) -> None:
    policy = small(provider.url, aliases={"split": alias({"gpt": 3, "other": 1})})
    policy["deployments"]["other"] = {"provider": "house", "model": "other-sim"}
    gateway = launch(policy)
    body = json.dumps(chat("split")).encode()
    with Connection(gateway.data) as connection:
        for _ in range(400):
            assert connection.ask("POST", "/v1/chat/completions", body).status == 200
    by_model = bill.bill()["totals"]["by_model"]
    assert by_model.keys() == {"gpt-sim", "other-sim"}
    assert 240 < by_model["gpt-sim"]["calls"] < 360, "three quarters of 400, within seven deviations"


@pytest.mark.parametrize(("model", "attempts", "billed"), [("safe", "2", "gpt-sim"), ("chat", "1", "gpt-sim")])
def test_a_dead_provider_is_passed_over(
    gateway: Gateway, bill: Provider, model: str, attempts: str, billed: str
) -> None:
    answer = call(gateway, model)
    assert (answer.status, answer.header("headgate-attempts")) == (200, attempts)
    assert answer.header("headgate-provider") == "house"
    assert [entry["model"] for entry in bill.calls()] == [billed]


def test_a_dead_endpoint_is_passed_over(gateway: Gateway, bill: Provider) -> None:
    attempts = []
    for _ in range(4):
        answer = call(gateway, "lame")
        assert answer.status == 200
        attempts.append(answer.header("headgate-attempts"))
    assert bill.bill()["totals"]["by_model"]["half-sim"]["calls"] == 4
    assert set(attempts) <= {"1", "2"}
    assert "2" in attempts


def test_a_dead_provider_without_a_fallback_is_502_in_words(gateway: Gateway) -> None:
    answer = call(gateway, "lost")
    assert (answer.status, answer.code) == (502, "provider_unreachable")
    assert answer.header("headgate-attempts") == "1"
    assert "127.0.0.1" not in answer.body.decode(), "an address is nothing for a caller"


def test_what_a_provider_answers_is_not_tried_elsewhere(gateway: Gateway, bill: Provider) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", chat("safe"), {**BEARER, "x-sim-fault": "status;code=503"})
    assert (answer.status, answer.header("headgate-attempts")) == (503, "2")
    assert bill.bill()["totals"]["calls"] == 1


@pytest.mark.parametrize("model", ["cht", "chatt", "Chat"])
def test_an_unknown_model_is_404_with_the_nearest_names(gateway: Gateway, bill: Provider, model: str) -> None:
    answer = call(gateway, model)
    assert (answer.status, answer.code) == (404, "model_not_found")
    assert answer.json()["error"]["param"] == "model"
    assert "`chat`" in answer.json()["error"]["message"]
    assert bill.bill()["totals"]["calls"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'{"model":"chat"', "invalid_json"),
        (b'{"messages":[]}', "model_missing"),
        (b'{"model":""}', "model_invalid"),
        (b'{"model":7}', "model_invalid"),
        (b'{"model":null}', "model_missing"),
        (b'{"model":"chat","model":"chat"}', "duplicate_key"),
        (b'{"model":"chat","a":1,"\\u0061":2}', "duplicate_key"),
        (b'{"model":"chat","a":' + b"[" * 200 + b"]" * 200 + b"}", "body_too_deep"),
        (b'{"model":"\xff\xfe"}', "invalid_utf8"),
    ],
)
def test_a_body_that_cannot_be_routed_is_400_and_goes_nowhere(
    gateway: Gateway, bill: Provider, body: bytes, code: str
) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", body, BEARER)
    assert (answer.status, answer.code) == (400, code)
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert bill.bill()["totals"]["calls"] == 0


def test_refusals_leave_the_connection_usable(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        assert connection.ask("POST", "/v1/chat/completions", b'{"model":"nope"}', BEARER).status == 404
        assert connection.ask("POST", "/v1/chat/completions", b"{}", BEARER).status == 400
        assert connection.ask("POST", "/v1/chat/completions", json.dumps(chat()).encode(), BEARER).status == 200


def test_pipelined_calls_are_answered_in_their_order(gateway: Gateway) -> None:
    models = ["chat", "fast-a", "nope", "fast-b"]
    with Connection(gateway.data) as connection:
        connection.send(
            b"".join(request("POST", "/v1/chat/completions", json.dumps(chat(m)).encode(), BEARER) for m in models)
        )
        answers = [connection.answer() for _ in models]
    assert [answer.status for answer in answers] == [200, 200, 404, 200]
    assert [answer.json().get("model") for answer in answers] == ["gpt-sim", "a-sim", None, "b-sim"]


@pytest.mark.parametrize("model", ["chat", "fast-x", "safe", "house/some-model"])
def test_explain_agrees_with_where_calls_go(gateway: Gateway, bill: Provider, model: str) -> None:
    policy = gateway.log.with_name("policy.yaml")
    told = run("explain", str(policy), "--model", model, "--key", "all", "--json", environment=SECRETS)
    assert told.returncode == 0, told.stderr
    places = [place for step in json.loads(told.stdout)["steps"] for place in step["places"]]
    answer = call(gateway, model)
    served = (answer.header("headgate-provider"), bill.calls()[-1]["model"])
    alive = [(place["provider"], place["model"]) for place in places if place["provider"] != "dead"]
    assert served in alive
    deployments = [place["deployment"] or "*" for place in places]
    assert answer.header("headgate-deployment") in deployments


def test_explain_says_that_a_key_may_not(gateway: Gateway) -> None:
    policy = gateway.log.with_name("policy.yaml")
    told = run("explain", str(policy), "--model", "split", "--key", "limited", "--json", environment=SECRETS)
    assert "model_not_found" in told.stdout
