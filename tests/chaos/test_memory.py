"""O13: however much a provider sends and however little a caller reads, what is held of it is bounded."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack

import pytest

from tests.chaos.world import PATH, RESPONSES
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat, request

MOST_BYTES = 16 << 20
"""What the process may grow by, its allocator's habits and both kernels' windows apart."""
HELD_BYTES = 24 << 20
"""The same, where 4 MiB of an event are held: its buffer is copied as it grows, and free pages are kept a while."""
READERS = 4
LONG = {"x-sim-tokens": "40000"}
WATCHED_S = 0.8


@pytest.fixture(scope="module")
def gateway(launch_for_file: Launch, provider: Provider) -> Gateway:
    """One that has served a few calls, so that its memory is what it usually is."""
    started = launch_for_file(small(provider.url, log={"calls": "off"}))
    for stream in (False, True) * 8:
        assert started.ask("POST", PATH, chat(stream=stream)).status == 200
    return started


def body() -> bytes:
    """A call for a long stream: several choices, so that it is tens of mebibytes."""
    return json.dumps(chat(stream=True, n=3)).encode()


def test_callers_that_do_not_read_are_not_buffered_for(gateway: Gateway, bill: Provider) -> None:
    before = gateway.resident_bytes()
    with ExitStack() as stack:
        for _ in range(READERS):
            connection = stack.enter_context(Connection(gateway.data))
            connection.narrow()
            connection.send(request("POST", PATH, body(), LONG))
            connection.read_until(b"data: ")
        peak, until_s = 0, time.monotonic() + WATCHED_S
        while time.monotonic() < until_s:
            peak = max(peak, gateway.resident_bytes() - before)
        assert bill.bill()["open"] == READERS, "nobody reads, so nothing can have been sent to its end"
    assert peak < MOST_BYTES, f"{peak >> 20} MiB"
    bill.wait(lambda page: page["open"] == 0, "the calls were given up")


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("content that never comes", "empty-deltas"),
        ("one event of 64 MiB", "big-event;bytes=67108864"),
        ("a million comments before the end", "pings-only;count=1000000;every_ms=0"),
    ],
)
@pytest.mark.parametrize("path", [PATH, RESPONSES], ids=["chat", "responses"])
def test_a_stream_that_is_held_back_is_held_in_part(
    gateway: Gateway, bill: Provider, path: str, what: str, fault: str
) -> None:
    """Before its first content a stream waits; what waits is bounded, and what is more goes on."""
    before, peak, read = gateway.resident_bytes(), 0, 0
    with Connection(gateway.data) as connection:
        call = chat(stream=True) if path == PATH else {"model": "chat", "input": "hello", "stream": True}
        connection.send(request("POST", path, json.dumps(call).encode(), {**LONG, "x-sim-fault": fault}))
        while connection.more():
            read += len(connection.buffer)
            ended = connection.buffer.endswith(b"0\r\n\r\n")
            connection.buffer = b""
            peak = max(peak, gateway.resident_bytes() - before)
            if ended:
                break
    assert read > 4 << 20, f"{what}: {read} bytes came"
    assert peak < HELD_BYTES, f"{what}: {peak >> 20} MiB"
    assert bill.wait(lambda page: page["open"] == 0, "the stream is over")["totals"]["calls"] == 1
