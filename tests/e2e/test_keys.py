"""Virtual keys: where they are shown, and what they open."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import BEARER, LIMITED_KEY
from tests.harness.gateway import Gateway
from tests.harness.policies import CALLER_KEY
from tests.harness.provider import Provider
from tests.harness.wire import chat

CARRIERS = [
    {"authorization": f"Bearer {CALLER_KEY}"},
    {"authorization": f"bearer {CALLER_KEY}"},
    {"x-api-key": CALLER_KEY},
    {"api-key": CALLER_KEY},
]
REJECTED = [
    {},
    {"authorization": "Bearer "},
    {"authorization": "Bearer wrong"},
    {"authorization": f"Bearer {CALLER_KEY}x"},
    {"authorization": f"Bearer {CALLER_KEY[:-1]}"},
    {"authorization": f"Basic {CALLER_KEY}"},
    {"x-api-key": ""},
    {"api-key": "wrong"},
]


@pytest.mark.parametrize("shown", CARRIERS, ids=lambda shown: " ".join(shown))
def test_a_key_is_taken_from_each_of_its_carriers(gateway: Gateway, shown: dict[str, str]) -> None:
    assert gateway.ask("POST", "/v1/chat/completions", chat(), shown).status == 200


@pytest.mark.parametrize("shown", REJECTED, ids=repr)
def test_a_wrong_or_missing_key_is_401_without_a_hint_which(
    gateway: Gateway, bill: Provider, shown: dict[str, str]
) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", chat(), shown)
    nothing = gateway.ask("POST", "/v1/chat/completions", chat())
    assert (answer.status, answer.code) == (401, "invalid_api_key")
    assert answer.header("www-authenticate") == "Bearer"
    assert answer.json()["error"]["message"] == nothing.json()["error"]["message"]
    assert bill.bill()["totals"]["calls"] == 0


def test_a_wrong_key_is_refused_before_anything_else_is_said(gateway: Gateway) -> None:
    for method, path in [("GET", "/v1/nothing"), ("PUT", "/v1/chat/completions"), ("GET", "/v1/models")]:
        assert gateway.ask(method, path).status == 401, (method, path)


def test_a_key_with_aliases_may_ask_for_these_alone(gateway: Gateway, bill: Provider) -> None:
    limited = {"authorization": f"Bearer {LIMITED_KEY}"}
    assert gateway.ask("POST", "/v1/chat/completions", chat("chat"), limited).status == 200
    bill.reset()
    for model in ("split", "fast-x", "house/gpt-sim", "gpt-5.2"):
        answer = gateway.ask("POST", "/v1/chat/completions", chat(model), limited)
        assert (answer.status, answer.code) == (404, "model_not_found"), model
        assert "split" not in answer.json()["error"]["message"] or model == "split", "names what it may not ask for"
    assert bill.bill()["totals"]["calls"] == 0


def test_a_key_without_passthrough_may_not_call_what_names_no_model(gateway: Gateway, bill: Provider) -> None:
    limited = {"authorization": f"Bearer {LIMITED_KEY}"}
    answer = gateway.ask("GET", "/v1/files", None, limited)
    assert (answer.status, answer.code) == (404, "passthrough_forbidden")
    assert bill.bill()["totals"]["calls"] == 0
    assert gateway.ask("GET", "/v1/files", None, BEARER).status == 200


def test_the_model_list_is_exactly_what_the_key_may_ask_for(gateway: Gateway) -> None:
    def listed(key: str) -> list[str]:
        answer = gateway.ask("GET", "/v1/models", None, {"authorization": f"Bearer {key}"})
        return [entry["id"] for entry in answer.json()["data"]]

    assert listed(LIMITED_KEY) == ["chat"]
    everything = listed(CALLER_KEY)
    assert set(everything) >= {"chat", "split", "safe", "lame", "lost", "hasty", "brief"}
    assert not [name for name in everything if "*" in name]
    for name in everything:
        assert gateway.ask("GET", f"/v1/models/{name}", None, BEARER).status == 200, name
    assert gateway.ask("GET", "/v1/models/split", None, {"authorization": f"Bearer {LIMITED_KEY}"}).status == 404


def test_two_keys_in_one_call_count_as_the_first_carrier_says(gateway: Gateway) -> None:
    both = {"authorization": "Bearer wrong", "x-api-key": CALLER_KEY}
    assert gateway.ask("POST", "/v1/chat/completions", chat(), both).status == 401
