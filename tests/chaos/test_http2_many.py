"""Many calls on one HTTP/2 connection to a provider: what happens to it happens to each of them, and to no other."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import h2.errors
import hyperframe.frame as frames
import pytest

from tests.chaos import events, oracles, rest
from tests.chaos.http2 import EVERY_S, Fault, Http2Provider, Talk, answer_to
from tests.chaos.seen import Seen
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH
from tests.harness import gateway as processes
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import alias, small
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

MANY = 20
HALF = MANY // 2
GIVEN_UP_WITHIN_S = 1.0
"""The bound is 100 ms; a busy machine gets more."""
MOST_BYTES = 16 << 20
MEBIBYTE = 1 << 20
SOUND = Fault("none", {})


@dataclass
class Crowd(Http2Provider):
    """A provider that waits until many calls are there, and then does something to their connection, once."""

    then: str = ""
    done: bool = False
    halted: frozenset[str] = frozenset()
    """Callers whose answers stop after some content."""
    reading: set[str] = field(default_factory=set)
    """Those of them who have it."""

    def caller(self, number: int, talk: Talk) -> str:
        """Who asks on a stream."""
        text: str = json.loads(talk.streams[number].asked)["messages"][0]["content"]
        return text

    async def gathered(self) -> None:
        """Waits for all of them, and until what is to be read has been read."""
        while sum(one.is_asked for one in self.served) < MANY or self.reading != self.halted:
            await asyncio.sleep(EVERY_S)


class CrowdTalk(Talk):
    """One connection of a crowd; only the first has anything done to it."""

    provider: Crowd

    async def answer(self, number: int, fault: Fault) -> None:
        """Answers, or takes part in what happens to all."""
        crowd, served = self.provider, self.streams[number]
        is_first = crowd.connections == 1
        if crowd.caller(number, self) in crowd.halted and is_first:
            self.head(number, served, 0, SOUND)
            for piece in list(answer_to(served, number, SOUND))[:4]:
                served.body += piece
                self.data(number, piece, SOUND)
            return
        if not crowd.then or not is_first:
            await super().answer(number, fault)
            return
        await crowd.gathered()
        if crowd.then != "wait" and not crowd.done:
            crowd.done = True
            self.strike()
        if crowd.then == "wait" or (crowd.then == "goaway" and number <= self.last):
            await super().answer(number, fault)

    @property
    def last(self) -> int:
        """The last stream that GOAWAY lets stand: streams of a caller have odd numbers."""
        return 2 * HALF - 1

    def strike(self) -> None:
        """What happens to the connection."""
        if self.provider.then == "abort":
            self.transport.abort()
            return
        for number, served in self.streams.items():
            served.is_refused = number > self.last
        self.raw(frames.GoAwayFrame(0, last_stream_id=self.last, error_code=h2.errors.ErrorCodes.NO_ERROR))


@dataclass(frozen=True)
class World:
    """A gateway with one worker, so that its calls share a connection."""

    gateway: Gateway
    provider: Crowd
    tap: Tap
    before: rest.Held
    retire: Callable[[], None]

    def policy(self) -> Policy:
        """What it serves."""
        return policy(self.tap)

    def begins(self, then: str, halted: frozenset[str] = frozenset()) -> None:
        """What will happen to the first connection."""
        self.provider.then, self.provider.halted = then, halted


def policy(tap: Tap) -> Policy:
    """One provider, by prior knowledge, with a second try and without a breaker, which many failures at once open."""
    made = small(
        tap.url,
        workers=1,
        log={"calls": "off"},
        resilience={"retry": {"base": "1ms", "budget_floor": 100}, "breaker": {"consecutive": 100_000, "ratio": 1.0}},
    )
    made["providers"]["house"]["http"] = "2"
    made["deployments"] = {"house": {"provider": "house", "model": "chat"}}
    made["aliases"] = {"chat": alias("house")}
    return made


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """With a record that is empty."""
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        provider = Crowd(SOUND, None)
        provider.port = taps.serve(lambda: CrowdTalk(provider))
        tap = taps.to(provider.address)
        launch = stack.enter_context(launcher(tmp_path_factory.mktemp("many")))
        gateway = launch(policy(tap))
        yield World(gateway, provider, tap, rest.held(gateway), taps.retire_all)


def body(caller: str, *, stream: bool = True) -> bytes:
    """A call that says who makes it."""
    return json.dumps(chat(text=caller, stream=stream)).encode()


def play(world: World, *, stream: bool) -> dict[str, Seen]:
    """All calls at the same time, with what the provider saw of each."""

    def one(caller: str) -> Seen:
        began = time.monotonic()
        with Connection(world.gateway.data) as connection:
            connection.send(request("POST", PATH, body(caller, stream=stream)))
            if caller in world.provider.halted:
                connection.read_until(b'" gate"')
                world.provider.reading.add(caller)
            answer = connection.answer()
        return Seen(answer, time.monotonic() - began, 10.0, [], [])

    callers = [f"caller {number}" for number in range(MANY)]
    with ThreadPoolExecutor(MANY) as pool:
        seen = dict(zip(callers, pool.map(one, callers), strict=True))
    asked = [(json.loads(one.asked)["messages"][0]["content"], one.exchange()) for one in world.provider.served]
    return {
        caller: replace(one, primary=[exchange for name, exchange in asked if name == caller])
        for caller, one in seen.items()
    }


def is_good(seen: Seen) -> bool:
    """Whether the caller has a whole answer."""
    whole = seen.answer.status == 200 and seen.answer.whole
    return whole and not events.tells_error(seen.answer.body)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_connection_that_is_lost_is_lost_for_all_and_each_goes_again_once(world: World, *, stream: bool) -> None:
    world.begins("abort")
    seen = play(world, stream=stream)
    assert world.provider.connections == 2, "they share the next one too"
    for one in seen.values():
        oracles.check(one)
        assert is_good(one)
        assert [exchange.status for exchange in one.primary] == [None, 200]
    world.retire()
    rest.comes(world.gateway, world.before)


def test_of_a_lost_connection_only_those_calls_go_again_of_which_nothing_was_delivered(world: World) -> None:
    halted = frozenset(f"caller {number}" for number in range(HALF))
    world.begins("abort", halted)
    for caller, one in play(world, stream=True).items():
        oracles.check(one)
        if caller in halted:
            assert events.error_code(one.answer.body) == "stream_cut"
            assert len(one.primary) == 1
        else:
            assert is_good(one)
            assert len(one.primary) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_goaway_costs_those_nothing_that_it_leaves_out_and_the_others_are_answered(
    world: World, *, stream: bool
) -> None:
    world.begins("goaway")
    seen = play(world, stream=stream)
    refused = [one for one in seen.values() if any(exchange.is_refused for exchange in one.primary)]
    assert len(refused) == MANY - HALF
    for one in seen.values():
        oracles.check(one)
        assert is_good(one)
        assert one.answer.header("headgate-attempts") == "1", "what was not processed is no attempt"
        assert len(one.primary) == (2 if one in refused else 1)
    assert world.provider.connections == 2
    world.retire()
    rest.comes(world.gateway, world.before)


def test_a_caller_that_leaves_resets_its_stream_and_no_other(world: World) -> None:
    """O10."""
    world.begins("", frozenset({"leaves"}))
    with ExitStack() as stack:
        stays = stack.enter_context(Connection(world.gateway.data))
        with Connection(world.gateway.data) as leaves:
            leaves.send(request("POST", PATH, body("leaves")))
            leaves.read_until(b"data: ")
            stays.send(request("POST", PATH, body("stays")))
            left = time.monotonic()
        until(lambda: world.provider.served[0].given_up_at, "its stream was reset")
        assert (world.provider.served[0].given_up_at or 0) - left < GIVEN_UP_WITHIN_S
        answer = stays.answer()
    assert answer.body == bytes(world.provider.served[1].body)
    assert events.terminals(answer.body)[-1][1] == "done"
    assert world.provider.connections == 1


class Flood(CrowdTalk):
    """Sends as much as it may."""

    async def answer(self, number: int, fault: Fault) -> None:
        """An endless answer, as the windows allow."""
        self.head(number, self.streams[number], 0, fault)
        piece = next(iter(answer_to(self.streams[number], number, fault))).replace(b'"content": ""', b'"content": "x"')
        while self.streams[number].given_up_at is None:
            if self.state.local_flow_control_window(number) > len(piece):
                self.streams[number].body += b"x" * len(piece)
                self.state.send_data(number, piece)
                self.flush()
            else:
                await asyncio.sleep(EVERY_S)


def test_a_provider_that_sends_more_than_is_read_is_held_up_by_its_windows(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """O13."""
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        provider = Crowd(SOUND, None)
        provider.port = taps.serve(lambda: Flood(provider))
        gateway = stack.enter_context(launcher(tmp_path_factory.mktemp("flood")))(policy(taps.to(provider.address)))
        before, sent = gateway.resident_bytes(), -1
        connections = [stack.enter_context(Connection(gateway.data)) for _ in range(4)]
        for number, connection in enumerate(connections):
            connection.narrow()
            connection.send(request("POST", PATH, body(f"caller {number}")))
            connection.read_until(b"data: ")

        def is_held_up() -> bool:
            nonlocal sent
            before_s, sent = sent, sum(len(one.body) for one in provider.served)
            return before_s == sent > 0

        until(is_held_up, "the windows are full")
        assert gateway.resident_bytes() - before < MOST_BYTES
        assert sent < len(connections) * 8 * MEBIBYTE, "what the sockets and the windows hold, and no more"


@pytest.mark.parametrize("how", ["reload", "drain"])
def test_open_streams_outlive_a_reload_and_a_drain(world: World, how: str) -> None:
    """O14 and O15."""
    with ExitStack() as stack:
        streams = [stack.enter_context(Connection(world.gateway.data)) for _ in range(HALF)]
        world.begins("wait")
        for number, stream in enumerate(streams):
            stream.send(request("POST", PATH, body(f"caller {number}")))
        until(lambda: sum(one.is_asked for one in world.provider.served) == HALF, "all are at the provider")
        if how == "drain":
            world.gateway.send(signal.SIGTERM)
            world.gateway.wait_for("draining")
        else:
            rewritten: dict[str, Any] = {**world.policy(), "workers": 1}
            rewritten["providers"]["house"]["headers"] = {"x-plan": "b"}
            processes.write(rewritten, world.gateway.log.with_name("policy.yaml"))
            world.gateway.wait_for("reloaded")
        world.provider.served += [replace(world.provider.served[0]) for _ in range(MANY - HALF)]  # they are let go on
        answers = [stream.answer() for stream in streams]
    bodies = [bytes(one.body) for one in world.provider.served]
    assert all(answer.whole and answer.body in bodies for answer in answers)
    assert all(events.terminals(answer.body)[-1][1] == "done" for answer in answers)
