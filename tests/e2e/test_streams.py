"""Streams: as they come, whole or an error, given up with their caller, bounded in memory."""

from __future__ import annotations

import json
import socket
import time
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import BEARER
from tests.harness.gateway import Gateway
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
BODIES = {CHAT: chat(stream=True), RESPONSES: {"model": "chat", "input": "hello", "stream": True}}
FEW = {"x-sim-tokens": "3"}
GIVEN_UP_WITHIN_S = 1.0
"""The limit is 100 ms; a busy machine gets more."""


def stream(gateway: Gateway, path: str = CHAT, model: str = "chat", **sim: str) -> Answer:
    headers = {**BEARER, **FEW, **{f"x-sim-{name.replace('_', '-')}": value for name, value in sim.items()}}
    return gateway.ask("POST", path, {**BODIES[path], "model": model}, headers)


def is_whole(path: str, body: bytes) -> bool:
    """Whether an SDK would take this for a whole answer."""
    return b"data: [DONE]" in body if path == CHAT else b"event: response.completed" in body


def tells_an_error(path: str, body: bytes) -> bool:
    """Whether the last event is an error in the dialect's form."""
    last = body.rstrip().rpartition(b"data: ")[2]
    return b'"error"' in last if path == CHAT else b'"type":"error"' in last or b"response.failed" in last


def until_content(path: str, whole: bytes) -> int:
    """How many bytes there are with the first event that says something: before it nothing is sent on."""
    end = 0
    while True:
        end = whole.index(b"\n\n", end) + 2
        last = whole[:end].rstrip().rpartition(b"data: ")[2]
        event = json.loads(last)
        if path == RESPONSES:
            says = event["type"].endswith(".delta") and event["delta"]
        else:
            says = event["choices"] and event["choices"][0]["delta"].get("content")
        if says:
            return end


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_stream_passes_byte_for_byte(gateway: Gateway, provider: Provider, path: str) -> None:
    answer = stream(gateway, path)
    assert (answer.status, answer.whole) == (200, True)
    assert (answer.header("content-type") or "").startswith("text/event-stream")
    assert is_whole(path, answer.body)
    assert not tells_an_error(path, answer.body)


def test_events_come_as_they_are_sent(gateway: Gateway, bill: Provider) -> None:
    with Connection(gateway.data) as connection:
        headers = {**BEARER, "x-sim-fault": "stall;at=2;ms=0"}
        connection.send(request("POST", CHAT, json.dumps(BODIES[CHAT]).encode(), headers))
        connection.read_until(b"data: ")
        assert bill.bill()["open"] == 1, "the provider has not finished"


def test_the_head_and_the_first_chunk_come_in_one_write(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        headers = {**BEARER, "x-sim-fault": "stall;at=2;ms=0"}  # behind the first content
        connection.send(request("POST", CHAT, json.dumps(BODIES[CHAT]).encode(), headers))
        assert connection.more()
        assert b"\r\n\r\n" in connection.buffer
        assert b"data: {" in connection.buffer


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize("how", ["close", "clean"])
def test_a_stream_that_is_cut_at_any_byte_never_looks_whole(gateway: Gateway, path: str, how: str) -> None:
    whole = stream(gateway, path).body
    end = len(whole.rstrip(b"\n"))
    begun = until_content(path, whole)
    wrong = {}
    body = json.dumps(BODIES[path]).encode()
    for at in range(len(whole)):
        with Connection(gateway.data) as connection:
            answer = connection.ask("POST", path, body, {**BEARER, **FEW, "x-sim-fault": f"cut;at={at};how={how}"})
        if at < begun:
            told = (answer.status, answer.code) == (502, "stream_cut")
        elif how == "clean" and at >= end:
            told = is_whole(path, answer.body) != tells_an_error(path, answer.body)
        else:
            told = tells_an_error(path, answer.body) and not is_whole(path, answer.body)
        if not told:
            wrong[at] = (answer.status, answer.body[-120:])
    assert not wrong, f"{len(wrong)} of {len(whole)}: {list(wrong.items())[:3]}"


def test_what_came_before_a_cut_is_a_prefix_of_whole_events(gateway: Gateway) -> None:
    whole = stream(gateway).events
    cut = stream(gateway, fault="cut;at=700;how=reset").events
    assert cut[:-1]
    assert [json.loads(event)["object"] for event in cut[:-1]] == ["chat.completion.chunk"] * (len(cut) - 1)
    assert len(cut) < len(whole)
    error = json.loads(cut[-1])["error"]
    assert error["code"] == "stream_cut"
    assert error["message"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("stall;at=0;ms=0", "first_token_timeout"),
        ("stall;at=1;ms=0", "first_token_timeout"),
        ("pings-only;then=silence", "first_token_timeout"),
        ("empty-deltas;then=silence", "first_token_timeout"),
        ("stall;at=3;ms=0", "idle_timeout"),
    ],
)
def test_a_stream_that_stops_ends_as_an_error(gateway: Gateway, bill: Provider, fault: str, code: str) -> None:
    answer = stream(gateway, model="hasty", fault=fault)
    told = answer.code if answer.status != 200 else json.loads(answer.events[-1])["error"]["code"]
    assert told == code
    assert not is_whole(CHAT, answer.body)
    bill.wait(lambda page: page["open"] == 0, "the provider's call was given up")


def test_a_stream_has_a_limit_of_its_own(gateway: Gateway) -> None:
    answer = stream(gateway, model="hasty", tokens="1000", gap_ms="20")
    assert answer.status == 200
    assert json.loads(answer.events[-1])["error"]["code"] == "total_timeout"


@pytest.mark.parametrize(("model", "code"), [("hasty", "attempt_timeout"), ("brief", "total_timeout")])
def test_a_whole_answer_that_does_not_come_is_504(gateway: Gateway, bill: Provider, model: str, code: str) -> None:
    answer = gateway.ask("POST", CHAT, chat(model), {**BEARER, "x-sim-fault": "never-head"})
    assert (answer.status, answer.code) == (504, code)
    bill.wait(lambda page: page["open"] == 0, "the provider's call was given up")


def test_a_whole_answer_that_is_not_whole_in_time_is_cut_and_not_ended(gateway: Gateway) -> None:
    answer = gateway.ask("POST", CHAT, chat("hasty"), {**BEARER, "x-sim-fault": "drip;bytes=1;every_ms=50"})
    assert not answer.whole


def waiting(gateway: Gateway, fault: str, body: dict[str, object]) -> Connection:
    """A call whose answer does not go on."""
    connection = Connection(gateway.data)
    connection.send(request("POST", CHAT, json.dumps(body).encode(), {**BEARER, "x-sim-fault": fault}))
    return connection


LEAVING = {
    "before the head": ("late-head;ms=60000", chat()),
    "before the first event": ("stall;at=0;ms=0", BODIES[CHAT]),
    "between events": ("stall;at=3;ms=0", BODIES[CHAT]),
    "within a whole answer": ("drip;bytes=20;every_ms=60000", chat()),
}


@pytest.mark.parametrize("half", [False, True], ids=["closes", "half-closes"])
@pytest.mark.parametrize("when", LEAVING)
def test_a_caller_that_leaves_cancels_the_providers_call(
    gateway: Gateway, bill: Provider, when: str, *, half: bool
) -> None:
    with waiting(gateway, *LEAVING[when]) as connection:
        until(lambda: bill.bill()["open"] == 1, "the call has reached the provider")
        left = time.monotonic()
        if half:
            connection.socket.shutdown(socket.SHUT_WR)
        else:
            connection.close()
        page = bill.wait(lambda page: page["open"] == 0, "the call was given up")
        took = time.monotonic() - left
    assert [call["cancelled"] for call in page["calls"]] == [True]
    assert took < GIVEN_UP_WITHIN_S


def test_a_caller_that_leaves_while_it_sends_reaches_nobody(gateway: Gateway, bill: Provider) -> None:
    with Connection(gateway.data) as connection:
        connection.send(request("POST", CHAT, json.dumps(chat()).encode(), BEARER)[:-10])
    assert gateway.ask("POST", CHAT, chat(), BEARER).status == 200
    assert bill.bill()["totals"]["calls"] == 1


def test_a_caller_that_does_not_read_holds_up_the_provider_and_not_the_memory(gateway: Gateway, bill: Provider) -> None:
    before = gateway.resident_bytes()
    with ExitStack() as open_connections:
        readers = [open_connections.enter_context(Connection(gateway.data)) for _ in range(2)]
        for connection in readers:
            body = json.dumps(chat(stream=True, n=3)).encode()
            connection.send(request("POST", CHAT, body, {**BEARER, "x-sim-tokens": "100000"}))
            connection.read_until(b"data: ")
        peak, until_s = 0, time.monotonic() + 1.0
        while time.monotonic() < until_s:
            peak = max(peak, gateway.resident_bytes() - before)
        assert bill.bill()["open"] == 2, "nobody reads, so the provider cannot have sent it all"
        for connection in readers:
            answer = connection.answer()
            peak = max(peak, gateway.resident_bytes() - before)
            assert answer.whole
            assert answer.body.endswith(b"data: [DONE]\n\n")
            assert len(answer.body) > 64 << 20
    assert peak < 16 << 20, f"{peak >> 20} MiB"
