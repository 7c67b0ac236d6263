"""O8: health suffers for the blamed key alone. A table of signals: where they come from, what is left out afterwards.

Each row has a provider with two endpoints and two credentials, and two models there. The fault happens in a domain (at
one endpoint for one model, with one credential, ...), as often as it takes. Then the provider is sound again, both
models are called, and the relays show which ways are still taken: those that are not must be the domain's, and no more.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest

from tests.chaos import recorded
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat, request

Domain = Literal["credential", "credential and model", "endpoint and model", "model", "nobody"]
CALLS = 24
"""Of each model afterwards: several for each way."""
MOST = 80
"""Calls until the fault has happened as often as it should."""


class Row(NamedTuple):
    """A signal."""

    fault: str
    times: int
    happens: Domain
    """Where it happens."""
    out: Domain
    """What is left out afterwards."""
    stream: bool = False


ROWS = {
    "a credential that is refused": Row("status;code=401", 1, "credential", "credential"),
    "an account that is not paid for": Row("status;code=402", 1, "credential", "credential"),
    "a quota that is spent": Row("error;name=insufficient_quota", 1, "credential", "credential"),
    "a quota that is spent, told in a stream": Row(
        "error-event;at=first;name=insufficient_quota", 1, "credential", "credential", stream=True
    ),
    "a model that this credential may not use": Row(
        "error;name=model_not_found", 1, "credential and model", "credential and model"
    ),
    "a rate limit": Row("status;code=429, retry-after;value=30", 1, "credential and model", "credential and model"),
    "failures": Row("status;code=500", 5, "endpoint and model", "endpoint and model"),
    "resets": Row("reset-before-head", 5, "endpoint and model", "endpoint and model"),
    "answers that are not HTTP": Row("garbage-head", 5, "endpoint and model", "endpoint and model"),
    "answers that do not come": Row("never-head", 5, "endpoint and model", "endpoint and model"),
    "streams without a first token": Row("stall;at=1;ms=0", 5, "endpoint and model", "endpoint and model", stream=True),
    "streams that stall": Row("stall;at=4;ms=0", 5, "endpoint and model", "endpoint and model", stream=True),
    "streams that are cut": Row("cut;at=1500;how=reset", 5, "endpoint and model", "endpoint and model", stream=True),
    "streams that end in an error": Row(
        "error-event;at=middle", 5, "endpoint and model", "endpoint and model", stream=True
    ),
    "a model without capacity": Row("status;code=529", 5, "model", "model"),
    "calls that are wrong": Row("status;code=400", 12, "endpoint and model", "nobody"),
    "calls that are too large": Row("status;code=413", 12, "endpoint and model", "nobody"),
    "prompts that are too long": Row("error;name=context_length_exceeded", 12, "endpoint and model", "nobody"),
    "content that is refused": Row("error;name=content_filter", 12, "endpoint and model", "nobody"),
}
MODELS = ("one", "two")
ENDPOINTS = ("faulty", "sound")
CREDENTIALS = ("first", "second")
Way = tuple[str, str, str]
"""Endpoint, credential, model."""
WAYS: set[Way] = set(itertools.product(ENDPOINTS, CREDENTIALS, MODELS))


def ways(domain: Domain) -> set[Way]:
    """The ways of a domain: those of the faulty endpoint, the first credential, the first model."""
    endpoint, credential, model = ENDPOINTS[0], CREDENTIALS[0], MODELS[0]
    return {
        "credential": {way for way in WAYS if way[1] == credential},
        "credential and model": {way for way in WAYS if way[1:] == (credential, model)},
        "endpoint and model": {way for way in WAYS if (way[0], way[2]) == (endpoint, model)},
        "model": {way for way in WAYS if way[2] == model},
        "nobody": set(),
    }[domain]


@dataclass(frozen=True)
class Part:
    """A row with what was built for it."""

    row: Row
    number: int

    def model(self, name: str) -> str:
        """The model's name, for callers and for the provider."""
        return f"{name}-{self.number}"

    def credential(self, name: str) -> str:
        """What is shown."""
        return f"sk-{name}-{self.number:03}"

    def rule(self, endpoint: str) -> list[dict[str, Any]]:
        """The fault, at one of the endpoints."""
        domain = self.row.happens
        if domain == "endpoint and model" and endpoint != ENDPOINTS[0]:
            return []
        match: dict[str, Any] = {"first": self.row.times}
        if "credential" in domain:
            match["credential"] = self.credential(CREDENTIALS[0])
        # A dead credential is dead for whatever model; here it is shown to be so by the first one.
        match["model"] = self.model(MODELS[0])
        # Event by event: content and an error that come at once are a failure before the first content.
        pace = {"gap_ms": {"fixed": 3}} if self.row.stream else {}
        return [{"match": match, "fault": self.row.fault, **pace}]


@dataclass(frozen=True)
class World:
    """A gateway, and the relays of each row's endpoints."""

    gateway: Gateway
    taps: dict[int, dict[str, Tap]]
    sims: dict[str, Provider]


PARTS = {name: Part(row, number) for number, (name, row) in enumerate(ROWS.items())}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All rows behind one gateway. Breakers stay open for longer than the test takes."""
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        rules = {name: [rule for part in PARTS.values() for rule in part.rule(name)] for name in ENDPOINTS}
        sims = {name: Provider.start(scenario=rules[name]) for name in ENDPOINTS}
        spare = Provider.start()
        for sim in (*sims.values(), spare):
            stack.callback(sim.stop)
        relays = {part.number: {name: taps.to(sims[name].address) for name in ENDPOINTS} for part in PARTS.values()}
        timeouts = {"first_token": "300ms", "idle": "300ms", "attempt": "300ms"}
        policy = small(
            spare.url,
            log={"calls": "off"},
            resilience={"retry": {"base": "1ms"}, "timeouts": timeouts, "breaker": {"open": "1m", "min_calls": 1000}},
        )
        for part in PARTS.values():
            provider = f"provider-{part.number}"
            policy["providers"][provider] = {
                "dialect": "openai",
                "endpoints": [tap.url for tap in relays[part.number].values()],
                "credential": [part.credential(name) for name in CREDENTIALS],
            }
            for name in MODELS:
                model = part.model(name)
                policy["deployments"][model] = {"provider": provider, "model": model}
                policy["aliases"][model] = alias(model, "gpt")
        launch = stack.enter_context(launcher(tmp_path_factory.mktemp("blame")))
        yield World(launch(policy), relays, sims)


def call(world: World, model: str, *, stream: bool = False) -> int:
    """One call, on a connection of its own, so that every worker gets some; its status."""
    with Connection(world.gateway.data) as connection:
        connection.send(request("POST", PATH, json.dumps(chat(model, stream=stream)).encode()))
        return connection.answer().status


def happened(world: World, model: str) -> int:
    """How often the fault happened, by the providers' own bills."""
    calls = [call for sim in world.sims.values() for call in sim.calls()]
    return sum(bool(call["faults"]) for call in calls if call["model"] == model)


def taken(world: World, part: Part) -> set[Way]:
    """The ways that calls went since the relays forgot."""
    names = {f"Bearer {part.credential(name)}": name for name in CREDENTIALS}
    return {
        (endpoint, names[one.line("authorization") or ""], one.asked["model"].partition("-")[0])
        for endpoint, tap in world.taps[part.number].items()
        for one in recorded.exchanges(tap)
    }


@pytest.mark.parametrize("name", PARTS)
def test_what_is_blamed_is_left_out_and_nothing_else(world: World, name: str) -> None:
    part = PARTS[name]
    for sim in world.sims.values():
        sim.reset()
    for _ in range(MOST):
        if happened(world, part.model(MODELS[0])) >= part.row.times:
            break
        call(world, part.model(MODELS[0]), stream=part.row.stream)
    assert happened(world, part.model(MODELS[0])) >= part.row.times, "the fault has happened often enough"
    for tap in world.taps[part.number].values():
        tap.forget()
    statuses = [call(world, part.model(model)) for model in MODELS for _ in range(CALLS)]
    assert set(statuses) == {200}, "what is left answers"
    assert WAYS - taken(world, part) == ways(part.row.out)
