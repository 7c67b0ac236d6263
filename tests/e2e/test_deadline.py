"""One deadline for a call: the caller may shorten it, and whoever is asked is told what is left of it."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, chat

PATH = "/v1/chat/completions"
NAME = "headgate-timeout-ms"


@pytest.fixture
def gateway(launch: Launch, provider: Provider, bill: Provider) -> Gateway:
    assert bill.bill()["totals"]["calls"] == 0
    policy = small(provider.url, resilience={"timeouts": {"total": "9m", "attempt": "8m", "stream_total": "50m"}})
    policy["deployments"]["spare"] = {"provider": "house", "model": "spare-sim"}
    policy["aliases"]["safe"] = alias("gpt", "spare", retry={"max_attempts": 2})
    return launch(policy)


def call(gateway: Gateway, within: str | None = None, model: str = "chat", fault: str = "", **fields: Any) -> Answer:  # noqa: ANN401 - JSON
    headers = {"x-sim-fault": fault} if fault else {}
    return gateway.ask("POST", PATH, chat(model, **fields), headers | ({NAME: within} if within is not None else {}))


def told(bill: Provider) -> list[int]:
    """What each attempt was told."""
    return [entry["timeout_ms"] for entry in bill.calls()]


@pytest.mark.parametrize(("stream", "most"), [("whole", 8 * 60_000), ("stream", 50 * 60_000)])
def test_a_provider_is_told_how_long_its_answer_may_take(
    gateway: Gateway, bill: Provider, stream: str, most: int
) -> None:
    assert call(gateway, stream=stream == "stream").status == 200
    (ms,) = told(bill)
    assert most - 60_000 < ms <= most


@pytest.mark.parametrize(("within", "most"), [("100000", 100_000), ("4294967295", 8 * 60_000), ("000100000", 100_000)])
def test_a_caller_shortens_a_call_and_never_lengthens_it(
    gateway: Gateway, bill: Provider, within: str, most: int
) -> None:
    assert call(gateway, within).status == 200
    (ms,) = told(bill)
    assert most - 60_000 < ms <= most
    assert bill.calls()[0]["header_names"].count(NAME) == 1, "it does not go on as it came"


def test_all_tries_share_the_time(gateway: Gateway, bill: Provider) -> None:
    answer = call(gateway, "100000", "safe", "status;code=500")
    assert answer.status == 500
    times = told(bill)
    assert len(times) == 4
    assert times == sorted(times, reverse=True)
    assert times[0] <= 100_000


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "30s", "4294967296", "soon", ""])
def test_what_is_no_time_is_refused_with_what_is(gateway: Gateway, bill: Provider, value: str) -> None:
    answer = call(gateway, value)
    assert (answer.status, answer.code) == (400, "timeout_invalid")
    assert "one whole number from 1 to 4294967295" in answer.json()["error"]["message"]
    assert bill.calls() == []


def test_a_call_ends_when_its_caller_said_so(gateway: Gateway, bill: Provider) -> None:
    answer = call(gateway, "300", fault="never-head")
    assert (answer.status, answer.code) == (504, "total_timeout")
    bill.wait(lambda bill: bill["open"] == 0, "the provider was let go")
    line = next(line for line in gateway.wait_for("call") if line["fault"] == "total_timeout")
    assert [attempt["class"] for attempt in line["attempts"]] == ["ours"], "the provider is not to blame for it"


def test_a_pause_that_is_longer_than_the_caller_waits_is_not_begun(gateway: Gateway, bill: Provider) -> None:
    answer = call(gateway, "4000", "safe", "status;code=429, retry-after;value=5")
    assert (answer.status, answer.header("headgate-attempts")) == (429, "2")
    assert len(told(bill)) == 2


def test_the_inner_of_two_gateways_ends_in_time_by_itself(
    launch: Launch, gateway: Gateway, provider: Provider, bill: Provider
) -> None:
    with Clinging(gateway.data) as between:
        policy = small(f"http://{between.address}/v1")
        policy["deployments"]["gpt"]["model"] = "chat"
        outer = launch(policy)
        answer = call(outer, "1000", fault="never-head")
        assert (answer.status, answer.code) == (504, "total_timeout")
        until(lambda: gateway.lines("call"), "the inner gateway has ended its call")
        (line,) = gateway.lines("call")
        assert (line["fault"], line["status"]) == ("total_timeout", 504)
        assert line["took_ms"] < 60_000, "by its own policy it might have taken nine minutes"
    bill.wait(lambda bill: bill["open"] == 0, "the provider was let go")
    (inner,) = told(bill)
    assert inner <= 1000


class Clinging:
    """Passes connections on, and keeps the far side open when the near one is closed: nobody there hears of it."""

    def __init__(self, far: str) -> None:
        """Binds."""
        self._far = far
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Clinging:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for one in self._sockets:
            one.close()

    def _start(self, work: object, *arguments: object) -> None:
        assert callable(work)
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                host, _, port = self._far.rpartition(":")
                far = socket.create_connection((host, int(port)))
                self._sockets += [near, far]
                self._start(self._pass_on, near, far)
                self._start(self._pass_on, far, near)

    def _pass_on(self, from_: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while got := from_.recv(65536):
                to.sendall(got)
