"""Streams cut at every byte: before the first content another answer takes their place, then they end as errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.chaos import events, oracles, recorded, rest
from tests.chaos.seen import Seen
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH, RESPONSES, RETRY
from tests.harness import wire
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat

TOKENS = 4
"""Enough for a cut before, within and after the first content; each byte of each token costs a call."""
HOWS = ("close", "clean", "reset")
BREAKER_OFF = {"consecutive": 100_000, "ratio": 1.0, "min_calls": 100_000}


class World(NamedTuple):
    """A gateway between a primary whose streams are cut and a spare."""

    gateway: Gateway
    primary: Tap
    spare: Tap
    length: int
    """Of a stream that is not cut; others are about as long."""
    before: rest.Held
    retire: Callable[[], None]
    path: str


def body(path: str, name: str) -> bytes:
    """A call for a stream."""
    fields = {"model": name, "input": "hello", "stream": True} if path == RESPONSES else chat(name, stream=True)
    return json.dumps(fields).encode()


def model(at: int, how: str) -> str:
    """The model whose streams are cut there."""
    return f"cut-{how}-{at:05}"


@pytest.fixture(scope="module", params=[PATH, RESPONSES], ids=["chat", "responses"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The golden stream is read first, so that there is a rule for every byte of it."""
    path = request.param
    probe = Provider.start(tokens={"fixed": TOKENS})
    with Connection(probe.address) as connection:
        connection.send(wire.request("POST", path, body(path, model(0, "never"))))
        length = len(connection.answer().body)
    probe.stop()
    rules = [
        {"match": {"model": model(at, how)}, "fault": f"cut;at={at};how={how}"} for how in HOWS for at in range(length)
    ]
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        cutting = Provider.start(tokens={"fixed": TOKENS}, scenario=rules)
        sound = Provider.start(tokens={"fixed": TOKENS}, seed=1)
        stack.callback(cutting.stop)
        stack.callback(sound.stop)
        primary, spare = taps.to(cutting.address), taps.to(sound.address)
        launch = stack.enter_context(launcher(tmp_path_factory.mktemp("cuts")))
        gateway = launch(policy(primary, spare))
        yield World(gateway, primary, spare, length, rest.held(gateway), taps.retire_all, path)


def policy(primary: Tap, spare: Tap) -> dict[str, Any]:
    """Without breakers, which would leave the primary out, and a second try there, which would be cut as well."""
    made = small(
        primary.url,
        log={"calls": "off"},
        resilience={
            "retry": {**RETRY, "max_attempts": 1},
            "breaker": BREAKER_OFF,
            "timeouts": {"idle": "2s", "first_token": "2s"},
        },
    )
    made["providers"]["spare"] = {"dialect": "openai", "endpoints": [spare.url]}
    made["deployments"] = {
        "primary": {"provider": "house", "model": "{1}"},
        "spare": {"provider": "spare", "model": "{1}"},
    }
    made["aliases"] = {"by-*": alias("primary", "spare")}
    return made


@pytest.mark.parametrize("how", range(len(HOWS)), ids=HOWS)
def test_a_stream_that_is_cut_at_any_byte_is_replaced_or_ends_as_an_error(world: World, how: int) -> None:
    """Of chat completions each byte in each way; of the longer responses each byte in one way, by turns."""
    wrong = {}
    for at in range(how, world.length, len(HOWS)) if world.path == RESPONSES else range(world.length):
        seen = call(world, model(at, HOWS[how]))
        told, expected = outcome(seen), expected_of(seen.primary[-1].body)
        if told not in expected:
            wrong[at] = (expected, told)
    assert not wrong, f"{len(wrong)} of {world.length}: {list(wrong.items())[:5]}"


def expected_of(cut: bytes) -> tuple[str, ...]:
    """What may become of a stream that was cut behind these bytes."""
    if is_over(cut):
        return ("whole", "error")  # all of it but its last line feeds: it is whole, and it was cut
    return ("error",) if events.has_content(cut) else ("spare",)


def call(world: World, name: str) -> Seen:
    """One stream, with what went over the wire."""
    world.primary.forget()
    world.spare.forget()
    began = time.monotonic()
    with Connection(world.gateway.data) as connection:
        connection.send(wire.request("POST", world.path, body(world.path, f"by-{name}")))
        answer = connection.answer()
    took_s = time.monotonic() - began
    return Seen(answer, took_s, 4.0, recorded.exchanges(world.primary), recorded.exchanges(world.spare))


def outcome(seen: Seen) -> str:
    """What became of a stream; what an oracle says, where one does not hold."""
    if seen.answer.whole and seen.answer.body == seen.primary[-1].body and is_over(seen.answer.body):
        return "whole"  # without its last line feeds, so that the oracles' reader does not see the end
    try:
        oracles.check(seen)
    except AssertionError as error:
        return str(error)[:400]
    body = seen.answer.body
    if seen.answer.status != 200:
        return f"{seen.answer.status} {body!r}"
    if seen.answer.whole and body in [one.owed for one in seen.spare]:
        return "spare"
    return "error" if events.error_code(body) else f"{seen.answer.status} {body[-200:]!r}"


def is_over(body: bytes) -> bool:
    """Whether the last event is there, with or without the line feeds that end it."""
    return f"data: {events.DONE}".encode() in body


def test_nothing_is_left_of_all_the_cuts(world: World) -> None:
    """O7. The relays hold their side of connections that rest, so these are closed first."""
    call(world, "sound")
    world.retire()
    rest.comes(world.gateway, world.before)
