"""Callers that leave, do not read, or send too much at once: O10, and what their leaving must not cost."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.chaos import recorded, rest
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH, RESPONSES
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway
from tests.harness.metrics import Metrics
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

GIVEN_UP_WITHIN_S = 1.0
"""The bound is 100 ms; a busy machine gets more."""
MANY = 12
"""More than it takes to open a breaker, were a caller's leaving held against anyone."""

PRIMARY = [
    ("late", "late-head;ms=60000", None),
    ("stalled", "stall;at=0;ms=0", None),
    ("started", "stall;at=4;ms=0", None),
    ("half-way", "stall;at=8;ms=0", None),
    ("pinging", "pings-only;after=2;count=100000;every_ms=20", None),
    ("halting", "cut;at=20;how=silence", None),
    ("limited", "status;code=502, retry-after;as=seconds;value=30", None),
    ("failing-once", "status;code=500", 1),
    ("failing-first", "status;code=500", 1),
]
"""Models of the primary, what it does for them, and to how many calls."""
SOUND = ["sound", "one", "two", "three"]


@dataclass(frozen=True)
class Leaving:
    """A caller that leaves."""

    model: str
    stream: bool
    when: Callable[[Tap, Connection], Any]
    """True once it is time to leave."""
    path: str = PATH


def asked(tap: Tap, _: Connection) -> bool:
    """The provider has the call."""
    return bool(recorded.exchanges(tap))


def asked_twice(tap: Tap, _: Connection) -> bool:
    """The provider has it a second time."""
    return len(recorded.exchanges(tap)) >= 2


def answered(_: Tap, connection: Connection) -> bool:
    """The first event, or the first bytes of a body, have come."""
    return len(connection.read_until(b"\r\n\r\n").partition(b"\r\n\r\n")[2]) > 0 or connection.more()


CASES = {
    "while a whole answer is waited for": Leaving("late", stream=False, when=asked),
    "while a stream is waited for": Leaving("late", stream=True, when=asked),
    "before the first content": Leaving("stalled", stream=True, when=asked),
    "within a stream": Leaving("started", stream=True, when=answered),
    "within a stream of comments": Leaving("pinging", stream=True, when=answered),
    "within a whole answer": Leaving("halting", stream=False, when=answered),
    "in the second attempt of a whole answer": Leaving("failing-once", stream=False, when=asked_twice),
    "in the second attempt of a stream": Leaving("failing-once", stream=True, when=asked_twice),
    "while a response is waited for": Leaving("late", stream=False, when=asked, path=RESPONSES),
    "before the first content of a response": Leaving("stalled", stream=True, when=asked, path=RESPONSES),
    "within the stream of a response": Leaving("half-way", stream=True, when=answered, path=RESPONSES),
    "in the second attempt of a response": Leaving("failing-first", stream=True, when=asked_twice, path=RESPONSES),
}


@dataclass(frozen=True)
class World:
    """A gateway before one provider."""

    gateway: Gateway
    tap: Tap
    provider: Provider
    before: rest.Held
    retire: Callable[[], None]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With long deadlines: nobody but the caller ends a call."""
    rules = [
        {"match": {"model": model} | ({"first": first} if first else {}), "fault": fault}
        for model, fault, first in PRIMARY
    ]
    rules += [{"match": {"model": f"failing-{which}"}, "fault": "late-head;ms=60000"} for which in ("once", "first")]
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        provider = Provider.start(scenario=rules)
        stack.callback(provider.stop)
        tap = taps.to(provider.address)
        launch = stack.enter_context(launcher(tmp_path_factory.mktemp("leaving")))
        policy = small(tap.url, resilience={"retry": {"base": "1ms", "wait": "60s"}, "breaker": {}})
        models = [*(model for model, _, _ in PRIMARY), *SOUND]
        policy["deployments"] = {model: {"provider": "house", "model": model} for model in models}
        policy["aliases"] = {model: alias(model) for model in models}
        gateway = launch(policy)
        yield World(gateway, tap, provider, rest.held(gateway), taps.retire_all)


@pytest.fixture(autouse=True)
def _anew(world: World) -> None:
    """Empty records, and the scenario from its beginning."""
    world.provider.wait(lambda page: page["open"] == 0, "calls of an earlier test have ended")
    world.provider.reset()
    with Connection(world.provider.address) as connection:
        assert connection.ask("POST", "/scenario/start", b"").status == 200
    world.tap.forget()


def call(world: World, model: str, *, stream: bool, path: str = PATH) -> Connection:
    """A call whose answer does not come, or does not end."""
    body = chat(model, stream=stream) if path == PATH else {"model": model, "input": "hello", "stream": stream}
    connection = Connection(world.gateway.data)
    connection.send(request("POST", path, json.dumps(body).encode()))
    return connection


@pytest.mark.parametrize("half", [False, True], ids=["closes", "half-closes"])
@pytest.mark.parametrize("case", CASES)
def test_a_call_is_given_up_as_soon_as_its_caller_leaves(world: World, case: str, *, half: bool) -> None:
    """O10."""
    leaving = CASES[case]
    with call(world, leaving.model, stream=leaving.stream, path=leaving.path) as connection:
        until(lambda: leaving.when(world.tap, connection), "it is time to leave")
        left = time.monotonic()
        if half:
            connection.socket.shutdown(socket.SHUT_WR)
        else:
            connection.close()
        until(lambda: recorded.exchanges(world.tap)[-1].given_up_at, "the call was given up")
    given_up = recorded.exchanges(world.tap)[-1].given_up_at
    assert given_up is not None
    assert given_up - left < GIVEN_UP_WITHIN_S
    page = world.provider.wait(lambda page: page["open"] == 0, "the provider has noticed")
    assert page["calls"][-1]["cancelled"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_caller_that_leaves_while_a_pause_is_waited_out_ends_the_call(world: World, *, stream: bool) -> None:
    with call(world, "limited", stream=stream):
        until(lambda: recorded.exchanges(world.tap), "the first attempt was made")
        until(lambda: Metrics.of(world.gateway).sum("headgate_calls_in_flight") == 1, "the call waits")
    until(lambda: Metrics.of(world.gateway).sum("headgate_calls_in_flight") == 0, "the call has ended")
    assert len(recorded.exchanges(world.tap)) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_callers_that_leave_are_nobodys_fault(world: World, *, stream: bool) -> None:
    """O8: neither breaker nor budget learns anything from them."""
    for _ in range(MANY):
        with call(world, "late", stream=stream):
            world.provider.wait(lambda page: page["open"] == 1, "the provider has the call")
        world.provider.wait(lambda page: page["open"] == 0, "the call was given up")
    world.tap.forget()
    answer = world.gateway.ask("POST", PATH, chat("late", stream=stream), {"x-sim-fault": "late-head;ms=1"})
    assert (answer.status, answer.header("headgate-attempts")) == (200, "1")


def test_a_caller_that_leaves_before_its_call_is_whole_reaches_nobody(world: World) -> None:
    with Connection(world.gateway.data) as connection:
        connection.send(request("POST", PATH, json.dumps(chat("sound")).encode())[:-10])
    assert world.gateway.ask("POST", PATH, chat("sound")).status == 200
    assert len(recorded.exchanges(world.tap)) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_caller_that_leaves_behind_the_last_byte_has_left_nothing(world: World, *, stream: bool) -> None:
    with call(world, "sound", stream=stream) as connection:
        assert connection.answer().whole
    page = world.provider.wait(lambda page: page["totals"]["calls"] == 1, "the call is on the bill")
    assert not page["calls"][0]["cancelled"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_calls_that_are_sent_ahead_are_answered_in_their_order(world: World, *, stream: bool) -> None:
    models = SOUND[1:]
    with Connection(world.gateway.data) as connection:
        calls = [request("POST", PATH, json.dumps(chat(model, stream=stream)).encode()) for model in models]
        connection.send(b"".join(calls))
        answers = [connection.answer() for _ in models]
    bodies = [one.owed for one in recorded.exchanges(world.tap)]
    assert [answer.body for answer in answers] == bodies
    assert [one.asked["model"] for one in recorded.exchanges(world.tap)] == models


def test_nothing_is_left_of_callers_that_left(world: World) -> None:
    """O7."""
    world.retire()
    rest.comes(world.gateway, world.before)
