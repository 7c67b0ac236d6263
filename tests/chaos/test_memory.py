"""O13: however much a provider sends and however little a caller reads, what is held of it is bounded."""

from __future__ import annotations

import json
import resource
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos.world import PATH, RESPONSES
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.metrics import Metrics
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
NAMES_HELD, NAMES_MADE_UP = 500, 12_000


@pytest.fixture(scope="module")
def gateway(launch_for_file: Launch, provider: Provider) -> Gateway:
    """One that has served a few calls, so that its memory is what it usually is."""
    started = launch_for_file(small(provider.url, log={"calls": "off"}, identity={"task": "header x-task-id"}))
    for stream in (False, True) * 8:
        assert started.ask("POST", PATH, chat(stream=stream)).status == 200
    return started


def own_bytes(gateway: Gateway) -> int:
    """Its resident memory without files that are mapped, as the journal's are."""
    _, resident, shared, *_ = Path(f"/proc/{gateway.process.pid}/statm").read_text(encoding="ascii").split()
    return (int(resident) - int(shared)) * resource.getpagesize()


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


def test_callers_that_make_up_names_without_end_are_held_in_part(
    launch: Launch, bill: Provider, tmp_path: Path
) -> None:
    """Each call is of a task, a session and a user of its own: beyond the cap they share one account."""
    sources = {"task": "header x-task-id", "session": "header x-session-id", "user": "body user"}
    limits = [{"per": per, "requests_per_hour": 1_000_000, "tokens": 10**9} for per in sources]
    policy = small(
        bill.url,
        log={"calls": "off"},
        identity=sources | {"most_values": NAMES_HELD},
        limits=limits,
        budgets=[{"per": "task", "usd": 1_000, "window": "day"}],
        journal={"dir": str(tmp_path / "journal")},
    )
    policy["deployments"]["gpt"]["price"] = {"input_per_million_usd": 1, "output_per_million_usd": 1}
    gateway = launch(policy, daemon=True)

    def call(numbers: range) -> None:
        with Connection(gateway.data) as connection:
            for number in numbers:
                name = f"{number:>0200}"
                headers = {"x-task-id": name, "x-session-id": name}
                answer = connection.ask("POST", PATH, json.dumps(chat(user=name, max_tokens=1)).encode(), headers)
                assert answer.status == 200, answer.body

    call(range(NAMES_HELD * 2))
    before = own_bytes(gateway)
    call(range(NAMES_HELD * 2, NAMES_MADE_UP))
    assert own_bytes(gateway) - before < NAMES_MADE_UP * 200, "not even one name of each call is held"
    metrics = Metrics.of(gateway)
    for limit in ("task.tokens", "session.tokens", "user.tokens", "task.usd_per_day"):
        assert metrics.sum("headgate_limit_accounts", limit=limit) == NAMES_HELD
        assert metrics.sum("headgate_limit_others_total", limit=limit) == NAMES_MADE_UP - NAMES_HELD
    assert metrics.text.count("\n") < 5_000, "names are no labels"
    assert len(gateway.probe("/stats").body) < 200_000


@pytest.mark.parametrize("odd", [b"a\x01b", b"a\x00b", b"a\x7fb", b"a\rb", b"a\tb"])
def test_a_name_with_a_control_character_is_refused(gateway: Gateway, bill: Provider, odd: bytes) -> None:
    with Connection(gateway.data) as connection:
        call = request("POST", PATH, json.dumps(chat()).encode(), {"x-task-id": "ODD"})
        connection.send(call.replace(b"ODD", odd))
        answer = connection.answer()
    assert answer.status == 400, answer.body
    assert bill.bill()["totals"]["calls"] == 0
