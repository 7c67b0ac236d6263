"""The world of the catalogue: one gateway, and for each cell an alias with a primary and a spare of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import places, recorded
from tests.chaos.catalogue import Cell
from tests.chaos.http2 import Http2Provider
from tests.chaos.places import Places
from tests.chaos.seen import Seen
from tests.chaos.tap import Tap, Taps
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway, Policy
from tests.harness.provider import Provider
from tests.harness.wire import Connection, Headers, chat, request

PATH = "/v1/chat/completions"
RESPONSES = "/v1/responses"
AT_ONCE = 6
"""Cells that are played at the same time: most of them wait for a deadline."""
BIG = "67108864"
"""A cell that moves so much is played by itself and has time: its deadlines, and those of others, would pass."""

TIMEOUTS = {
    "connect": "300ms",
    "first_token": "400ms",
    "idle": "400ms",
    "attempt": "400ms",
    "total": "4s",
    "stream_total": "4s",
}
BRIEF = {"total": "600ms", "stream_total": "600ms"}
PATIENT = {"first_token": "3s", "idle": "3s"}
RETRY = {"base": "5ms", "throttled_base": "5ms", "cap": "20ms", "wait": "300ms"}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
FLAT_TOOL = {"type": "function", **TOOL["function"]}
"""The same, as the Responses API has it."""
LONG_BYTES = 1 << 20
WHEN = {"only-down": "unavailable", "window": "context_too_long", "filter": "content_filtered"}
WITHOUT_SPARE = ("alone", "keys", "brief")


@dataclass(frozen=True)
class Stage:
    """A cell with what was built for it."""

    cell: Cell
    number: int
    primary: Tap
    spare: Tap
    http2: Http2Provider | None = None
    """The primary, where it speaks HTTP/2."""

    @property
    def alias(self) -> str:
        """What the caller asks for."""
        return f"cell-{self.number}"

    @property
    def has_tools(self) -> bool:
        """Whether it asks for a call of a tool."""
        return self.cell.ask in ("tools", "response-tools")

    @property
    def path(self) -> str:
        """Where it asks."""
        return RESPONSES if self.cell.ask.startswith("response") else PATH

    @property
    def is_unset(self) -> bool:
        """Whether the primary speaks no whole HTTP/2 from the start."""
        return (self.cell.fault or "").startswith("settings")

    @property
    def is_big(self) -> bool:
        """Whether it moves much."""
        return BIG in (self.cell.fault or "")

    def credential(self, index: int = 0) -> str:
        """What the primary is shown; the rules of the scenario tell cells apart by it."""
        return f"sk-cell-{self.number:04}-{index}"

    def rule(self) -> list[dict[str, Any]]:
        """The rule of the primary's scenario."""
        cell = self.cell
        if cell.at == places.HTTP2:
            return []  # it plays its fault itself
        condition = {"credential": self.credential(), "path": "/v1/*"} | ({"first": cell.times} if cell.times else {})
        happens = {**({"fault": cell.fault} if cell.fault else {}), **(cell.pace or {})}
        return [{"match": condition, **happens}] if happens else []

    def policy(self, places: Places) -> Policy:
        """The parts of the policy that are this cell's."""
        number, cell = self.number, self.cell
        credentials = [self.credential(index) for index in range(2 if cell.route == "keys" else 1)]
        primary = {"dialect": "openai", "endpoints": places.endpoints(cell.at, self.primary), "credential": credentials}
        if self.http2 is not None:
            primary["http"] = "2"
        spare = {"dialect": "openai", "endpoints": [self.spare.url], "credential": f"sk-spare-{number:04}"}
        model = "tools" if self.has_tools else "chat"
        window = {"context_tokens": 8_000} if cell.route == "window" else {}
        wider = {"context_tokens": 200_000} if cell.route == "window" else {}
        return {
            "providers": {f"primary-{number}": primary, f"spare-{number}": spare},
            "deployments": {
                f"primary-{number}": {"provider": f"primary-{number}", "model": model, **window},
                f"spare-{number}": {"provider": f"spare-{number}", "model": model, **wider},
            },
            "aliases": {self.alias: self.chain()},
        }

    def chain(self) -> dict[str, Any]:
        """The alias."""
        steps: list[dict[str, Any]] = [{"use": [f"primary-{self.number}"]}]
        if self.cell.route not in WITHOUT_SPARE:
            when = WHEN.get(self.cell.route)
            steps.append({"use": [f"spare-{self.number}"], **({"when": [when]} if when else {})})
        timeouts = BRIEF if self.cell.route == "brief" else PATIENT if self.is_big else {}
        return {"chain": steps, **({"timeouts": timeouts} if timeouts else {})}

    def body(self) -> bytes:
        """The call."""
        fields: dict[str, Any] = {"stream": True} if self.cell.stream else {}
        if self.cell.stream and self.cell.ask == "counted":
            fields["stream_options"] = {"include_usage": True}
        if self.path == RESPONSES:
            tools = {"tools": [FLAT_TOOL]} if self.has_tools else {}
            return json.dumps({"model": self.alias, "input": "hello", **fields, **tools}).encode()
        if self.has_tools:
            fields["tools"] = [TOOL]
        prompt = "long " * (LONG_BYTES // 5) if self.cell.ask == "long" else "hello"
        return json.dumps(chat(self.alias, prompt, **fields)).encode()

    def play(self, gateway: Gateway) -> Seen:
        """Makes the call, and reads what passed."""
        headers: Headers = {"x-sim-tool-calls": "1"} if self.has_tools else {}
        call = request("POST", self.path, self.body(), headers)
        with Connection(gateway.data) as connection:
            for _ in range(self.cell.warm):
                connection.send(call)
                assert connection.answer().status == 200, "a sound call before"
            began = time.monotonic()
            connection.send(call)
            answer = connection.answer()
            took_s = time.monotonic() - began
        return Seen(
            answer,
            took_s,
            0.6 if self.cell.route == "brief" else 4.0,
            self.http2.exchanges(began) if self.http2 else recorded.exchanges(self.primary, began),
            recorded.exchanges(self.spare, began),
            # What is written to a connection that the other side has closed reaches nobody, the relay included.
            # Nor does what waits for a setting of HTTP/2 that never comes.
            counted=self.cell.at in places.COUNTED and not self.cell.warm and not self.is_unset,
        )


def policy(stages: list[Stage], where: Places) -> Policy:
    """The gateway's policy."""
    whole: Policy = {
        "version": 1,
        "listen": {"data": "127.0.0.1:0", "ops": "127.0.0.1:0"},
        "workers": 2,
        "drain": {"accept_for": "0s", "grace": "5s"},
        "log": {"calls": "off"},
        "egress": {"proxy": "off", "roots": [str(where.roots)]},
        "resilience": {"timeouts": TIMEOUTS, "retry": RETRY},
        "providers": {},
        "deployments": {},
        "aliases": {},
    }
    for stage in stages:
        for section, part in stage.policy(where).items():
            whole[section] |= part
    return whole


def stage(taps: Taps, where: Places, cell: Cell, number: int) -> Stage:
    """What a cell needs."""
    http2 = Http2Provider.start(taps, cell.fault, cell.times) if cell.at == places.HTTP2 else None
    primary = http2.address if http2 else where.target(cell.at)
    return Stage(cell, number, taps.to(primary), taps.to(where.simulator.address), http2)


@contextmanager
def built(cells: list[Cell], folder: Path) -> Iterator[tuple[Gateway, list[Stage], Callable[[], None]]]:
    """A gateway whose policy has all these cells, and what closes their relays."""
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        rules: list[dict[str, Any]] = []
        # The rules are part of the simulator's start, and hold nothing but the cells' own numbers.
        blank = Tap(0, "")
        for number, cell in enumerate(cells):
            rules += Stage(cell, number, blank, blank).rule()
        simulator = Provider.start(scenario=rules, threads=1)
        stack.callback(simulator.stop)
        where = places.build(stack, taps, folder, simulator)
        stages = [stage(taps, where, cell, number) for number, cell in enumerate(cells)]
        launch = stack.enter_context(launcher(folder))
        yield launch(policy(stages, where)), stages, taps.retire_all


def play(gateway: Gateway, stages: list[Stage]) -> dict[str, Seen | BaseException]:
    """Plays all cells; what a cell raised stands in the place of what was seen of it."""

    def one(stage: Stage) -> Seen | BaseException:
        try:
            return stage.play(gateway)
        except Exception as error:  # noqa: BLE001 - the test of the cell raises it
            return error

    small = [stage for stage in stages if not stage.is_big]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip((stage.cell.id for stage in small), pool.map(one, small), strict=True))
    return found | {stage.cell.id: one(stage) for stage in stages if stage.is_big}
