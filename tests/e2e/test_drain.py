"""The end of a gateway: announced, without losing a call, bounded; at once when it is asked for twice."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.load import Load
from tests.harness.policies import ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"
PROGRAMS = pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])


def open_stream(gateway: Gateway, fault: str) -> Connection:
    """A stream whose first events have come."""
    connection = Connection(gateway.data)
    connection.send(request("POST", PATH, json.dumps(chat(stream=True)).encode(), {"x-sim-fault": fault}))
    connection.read_until(b"data: ")
    return connection


@pytest.fixture
def stalled(launch: Launch, provider: Provider) -> Iterator[tuple[Gateway, Connection]]:
    """A gateway with a stream that never ends by itself."""
    gateway = launch(small(provider.url, drain={"accept_for": "0s", "grace": "30s"}))
    with open_stream(gateway, "stall;at=3;ms=0") as connection:
        yield gateway, connection


@PROGRAMS
def test_a_drain_under_load_loses_no_call(launch: Launch, bill: Provider, *, daemon: bool) -> None:
    gateway = launch(small(bill.url, drain={"accept_for": "1s", "grace": "10s"}), daemon=daemon)
    with open_stream(gateway, "stall;at=3;ms=1500") as stream, Load(gateway.data) as load:
        gateway.send(signal.SIGTERM)
        until(lambda: gateway.probe("/readyz").status == 503, "readiness has failed")
        assert gateway.probe("/livez").status == 200
        load.progress(20)
        assert not load.refused, "calls are still taken"
        assert stream.answer().events[-1] == "[DONE]", "an open stream ends by itself"
        load.ended()
    assert gateway.wait() == 0
    assert not load.lost
    assert load.refused == load.callers
    totals = bill.bill()["totals"]
    assert totals["calls"] == load.answered + 1
    assert totals["cancelled"] == 0
    assert [line["event"] for line in gateway.lines() if line["event"] in ("draining", "stopped")] == [
        "draining",
        "stopped",
    ]


def test_answers_say_that_the_connection_ends_while_a_drain_is_announced(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url, drain={"accept_for": "3s", "grace": "5s"}))
    with Connection(gateway.data) as kept:
        body = json.dumps(chat()).encode()
        assert kept.ask("POST", PATH, body).header("connection") is None
        gateway.send(signal.SIGTERM)
        until(lambda: gateway.probe("/readyz").status == 503, "readiness has failed")
        answer = kept.ask("POST", PATH, body)
        assert (answer.status, answer.header("connection")) == (200, "close")
    fresh = gateway.ask("POST", PATH, chat())
    assert (fresh.status, fresh.header("connection")) == (200, "close")


def test_a_stream_that_outlives_the_grace_ends_as_an_error(launch: Launch, bill: Provider) -> None:
    gateway = launch(small(bill.url, drain={"accept_for": "0s", "grace": "300ms"}))
    with open_stream(gateway, "stall;at=3;ms=0") as stream:
        gateway.send(signal.SIGTERM)
        answer = stream.answer()
    assert json.loads(answer.events[-1])["error"]["code"] == "drain_cut"
    assert "[DONE]" not in answer.events
    assert gateway.wait() == 0
    bill.wait(lambda page: page["totals"]["cancelled"] == 1, "the provider's call was given up")


def test_a_whole_answer_that_outlives_the_grace_is_503(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url, drain={"accept_for": "0s", "grace": "300ms"}))
    with Connection(gateway.data) as connection:
        connection.send(request("POST", PATH, json.dumps(chat()).encode(), {"x-sim-fault": "late-head;ms=60000"}))
        until(lambda: provider.bill()["open"] == 1, "the call has reached the provider")
        gateway.send(signal.SIGTERM)
        answer = connection.answer()
    assert (answer.status, answer.code) == (503, "drain_cut")
    assert gateway.wait() == 0


@PROGRAMS
def test_ctrl_c_does_not_wait_to_be_noticed(launch: Launch, provider: Provider, *, daemon: bool) -> None:
    gateway = launch(small(provider.url, drain={"accept_for": "60s", "grace": "60s"}), daemon=daemon)
    asked = time.monotonic()
    gateway.send(signal.SIGINT)
    assert gateway.wait() == 0
    assert time.monotonic() - asked < 5


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(signal.SIGTERM, signal.SIGTERM, 143), (signal.SIGINT, signal.SIGINT, 130), (signal.SIGTERM, signal.SIGINT, 130)],
)
def test_a_second_signal_ends_it_at_once(
    stalled: tuple[Gateway, Connection], first: signal.Signals, second: signal.Signals, code: int
) -> None:
    gateway, _ = stalled
    gateway.send(first)
    gateway.wait_for("draining")
    gateway.send(second)
    assert gateway.wait(5) == code


def test_a_signal_that_comes_as_soon_as_it_serves_is_a_drain(launch: Launch, provider: Provider) -> None:
    plan = launch(small(provider.url, drain={"accept_for": "0s", "grace": "1s"}), daemon=True).log.with_name(
        "plan.json"
    )
    for _ in range(10):
        command = [processes.headgated(), str(plan)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=processes.clean(ENVIRONMENT)) as process:
            assert process.stderr
            assert b'"serving"' in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_a_drain_can_be_asked_for_over_ops(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url, drain={"accept_for": "0s", "grace": "10s"}))
    assert gateway.probe("/drain").status == 405, "a scrape must not stop a gateway"
    with Load(gateway.data) as load:
        assert gateway.probe("/drain", "POST").status == 202
        load.ended()
    assert gateway.wait() == 0
    assert not load.lost


def test_a_connection_that_rests_does_not_hold_up_the_end(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url, drain={"accept_for": "0s", "grace": "30s"}))
    with Connection(gateway.data) as used, Connection(gateway.data) as untouched:
        assert used.ask("POST", PATH, json.dumps(chat()).encode()).status == 200
        gateway.send(signal.SIGTERM)
        assert gateway.wait(10) == 0
        assert used.ends()
        assert untouched.ends()
