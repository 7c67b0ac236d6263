"""A provider that is slow, broken or rude: what the caller is told of each fault of the simulator's table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import BEARER
from tests.harness import wire
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, chat

PATH = "/v1/chat/completions"
AMBIGUOUS = [
    "two-lengths",
    "length-and-chunked",
    "bare-lf",
    "obs-fold",
    "space-before-colon",
    "negative-length",
    "length-list",
]
GARBAGE = ["text", "tls", "binary", "status", "version"]

BEFORE_THE_HEAD = {
    "reset-before-head": "provider_closed",
    "close-before-head": "provider_closed",
    "cut-head;at=20": "provider_garbled",
    "huge-head": "provider_garbled",
    "many-lines": "provider_garbled",
    "never-head": "attempt_timeout",
    "late-head;ms=5000": "attempt_timeout",
    **{f"garbage-head;as={kind}": "provider_garbled" for kind in GARBAGE},
    **{f"ambiguous-head;as={kind}": "provider_garbled" for kind in AMBIGUOUS},
}
BROKEN_BODY = ["cut;at=30;how=close", "cut;at=30;how=reset", "reset-mid-body;at=30", "short-body"]
BROKEN_STREAM = [
    "cut;at=900;how=close",
    "cut;at=900;how=reset",
    "reset-mid-body;at=900",
    "no-terminator",
]
SOUND_STREAM = [
    "empty-deltas",
    "pings-only",
    "split",
    "until-close",
    "connection-close",
    "close-after",
    "double-terminator",
    "data-after-done",
    "big-event",
    "invalid-utf8",
    *(f"spelling;as={way}" for way in ("crlf", "cr", "bom", "comments", "no-space", "multi-line", "no-event", "ids")),
    *(f"usage;as={way}" for way in ("missing", "null", "zero", "negative", "twice", "huge", "string", "low")),
]
SOUND_BODY = [
    "until-close",
    "connection-close",
    "close-after",
    "slow-head;bytes=20;every_ms=1",
    "1xx-flood;count=5",
    "many-lines;count=10",
]


def call(gateway: Gateway, fault: str, *, model: str = "chat", stream: bool = False) -> Answer:
    body = chat(model, stream=True) if stream else chat(model)
    return gateway.ask("POST", PATH, body, {**BEARER, "x-sim-fault": fault})


@pytest.fixture(autouse=True)
def _still_serves(gateway: Gateway, bill: Provider) -> object:
    """Whatever a provider did, the next call is sound and no call is left open."""
    yield
    # A connection that the provider broke may have been taken for a resting one: that costs one call, told of as such.
    until(lambda: gateway.ask("POST", PATH, chat(), BEARER).status == 200, "a sound call is answered")
    bill.wait(lambda page: page["open"] == 0, "no call is left open")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", BEFORE_THE_HEAD)
def test_a_failure_before_the_head_is_an_error_of_ours(gateway: Gateway, fault: str, *, stream: bool) -> None:
    answer = call(gateway, fault, model="hasty", stream=stream)
    expected = BEFORE_THE_HEAD[fault]
    if stream and expected == "attempt_timeout":
        expected = "first_token_timeout"
    assert answer.code == expected
    assert answer.status == (504 if expected.endswith("timeout") else 502)
    assert answer.header("headgate-attempts") == "1"


@pytest.mark.parametrize("fault", BROKEN_BODY)
def test_a_body_that_breaks_off_does_not_look_whole(gateway: Gateway, fault: str) -> None:
    answer = call(gateway, fault)
    assert answer.status == 502 or not answer.whole


@pytest.mark.parametrize("fault", BROKEN_STREAM)
def test_a_stream_that_breaks_off_ends_as_an_error(gateway: Gateway, fault: str) -> None:
    answer = call(gateway, fault, stream=True)
    assert answer.status == 200
    assert json.loads(answer.events[-1])["error"]["code"] in ("stream_cut", "provider_garbled", "provider_closed")
    assert "[DONE]" not in answer.events


@pytest.mark.parametrize("fault", ["bad-chunk-size", "cut;at=100;how=close", "cut;at=100;how=reset"])
def test_a_stream_that_breaks_off_before_it_says_anything_is_502(gateway: Gateway, fault: str) -> None:
    answer = call(gateway, fault, stream=True)
    assert (answer.status, answer.code) in [(502, "stream_cut"), (502, "provider_garbled")]


@pytest.mark.parametrize("fault", SOUND_STREAM)
def test_a_stream_in_another_spelling_is_passed_on_as_it_is(gateway: Gateway, provider: Provider, fault: str) -> None:
    asked = {model: chat(model, stream=True, stream_options={"include_usage": True}) for model in ("chat", "gpt-sim")}
    ours = gateway.ask("POST", PATH, asked["chat"], {**BEARER, "x-sim-fault": fault})
    theirs = wire.ask(provider.address, "POST", PATH, asked["gpt-sim"], {"x-sim-fault": fault})
    assert (ours.status, ours.whole) == (200, True)
    assert b"[DONE]" in ours.body
    assert b'"error"' not in ours.body
    assert ours.body.count(b"\n") + ours.body.count(b"\r") == theirs.body.count(b"\n") + theirs.body.count(b"\r")


@pytest.mark.parametrize("fault", SOUND_BODY)
def test_an_answer_in_another_framing_is_passed_on(gateway: Gateway, fault: str) -> None:
    answer = call(gateway, fault)
    assert (answer.status, answer.whole) == (200, True)
    assert answer.json()["object"] == "chat.completion"


@pytest.mark.parametrize("at", ["first", "middle", "last"])
def test_the_providers_own_error_event_ends_the_stream(gateway: Gateway, at: str) -> None:
    answer = call(gateway, f"error-event;at={at}", stream=True)
    assert b'"error"' in answer.body
    assert "[DONE]" not in answer.events


@pytest.mark.parametrize("code", [400, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504, 529])
def test_the_providers_own_errors_are_the_callers(gateway: Gateway, provider: Provider, code: int) -> None:
    fault = f"status;code={code}, retry-after;as=seconds"
    ours = call(gateway, fault)
    theirs = wire.ask(provider.address, "POST", PATH, chat("gpt-sim"), {"x-sim-fault": fault})
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
    assert ours.header("retry-after") == theirs.header("retry-after")
    assert ours.header("headgate-provider") == "house"


def test_a_provider_that_refuses_our_credential_is_502_and_not_the_callers_401(gateway: Gateway) -> None:
    answer = call(gateway, "status;code=401")
    assert (answer.status, answer.code) == (502, "provider_credential_rejected")


def test_a_redirect_is_not_followed(gateway: Gateway, bill: Provider) -> None:
    assert call(gateway, "redirect").status in (307, 502)
    assert bill.bill()["totals"]["calls"] == 1


@pytest.mark.parametrize(("fault", "status"), [("no-content", 204), ("empty-body", 200)])
def test_an_answer_of_another_kind_is_passed_on(gateway: Gateway, fault: str, status: int) -> None:
    answer = call(gateway, fault)
    assert (answer.status, answer.whole) == (status, True)


def test_a_web_page_is_no_answer(gateway: Gateway) -> None:
    answer = call(gateway, "html")
    assert (answer.status, answer.code) == (502, "provider_garbled")


def test_json_in_place_of_a_stream_is_passed_on(gateway: Gateway) -> None:
    answer = call(gateway, "json-for-stream", stream=True)
    assert answer.json()["object"] == "chat.completion"


def test_an_early_answer_to_an_upload_reaches_the_caller(gateway: Gateway) -> None:
    answer = gateway.ask("POST", PATH, chat(text="x" * 500_000), {**BEARER, "x-sim-fault": "early-answer;code=413"})
    assert answer.status == 413


def half_closed(address: str) -> int:
    """How many connections to this address the other side has closed (CLOSE_WAIT, 08: see proc_net_tcp)."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(row[2].endswith(port) and row[3] == "08" for row in rows)


def test_a_connection_that_the_provider_closed_while_it_rested_costs_no_call(gateway: Gateway, bill: Provider) -> None:
    for _ in range(3):
        assert call(gateway, "close-after").status == 200
        until(lambda: half_closed(bill.address), "the end of the connection has arrived")


def test_a_connection_that_dies_under_a_call_is_told_of_and_the_call_not_sent_twice(
    gateway: Gateway, bill: Provider
) -> None:
    """The provider may have begun to work on it: to send it again is the caller's decision."""
    answers = [call(gateway, "dead-on-reuse") for _ in range(8)]
    assert {(answer.status, None if answer.status == 200 else answer.code) for answer in answers} <= {
        (200, None),
        (502, "provider_closed"),
    }
    whole = [answer for answer in answers if answer.status == 200]
    assert bill.bill()["totals"]["by_status"].get("200", 0) == len(whole)


def test_bytes_behind_an_answer_never_reach_the_next_caller(gateway: Gateway) -> None:
    for _ in range(8):
        call(gateway, "long-body")
        answer = gateway.ask("POST", PATH, chat(), BEARER)
        assert answer.status == 502 or answer.json()["object"] == "chat.completion"


def test_a_provider_that_resets_every_connection_or_never_speaks_is_passed_over_or_told_of(launch: Launch) -> None:
    rude = Provider.start(scenario=[{"fault": "refuse"}])
    mute = Provider.start(scenario=[{"fault": "silence"}])
    policy = small(rude.url)
    policy["providers"]["mute"] = {"dialect": "openai", "endpoints": [mute.url]}
    policy["deployments"]["mute"] = {"provider": "mute", "model": "m"}
    policy["aliases"]["mute"] = alias("mute", timeouts={"attempt": "300ms"})
    gateway = launch(policy)
    reset = gateway.ask("POST", PATH, chat())
    assert reset.status == 502
    assert reset.code in ("provider_closed", "provider_unreachable"), (
        "as the reset comes behind or before the handshake's end"
    )
    silent = gateway.ask("POST", PATH, chat("mute"))
    assert (silent.status, silent.code) == (504, "attempt_timeout")
    rude.stop()
    mute.stop()
