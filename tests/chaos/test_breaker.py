"""O9: what failed is left alone but for one probe at a time, and taken back when it answers again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from tests.chaos import recorded
from tests.chaos.recorded import Exchange
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

CALLERS = 8
TRIPS = 5
SLOWLY_MS = 100
"""How long a probe takes: long enough for a second one to meet it."""
SETTLE_S = 0.05
"""Attempts that begin so soon behind the failure that opens the breaker may have been let in before it."""
OUTAGE = f"late-head;ms={SLOWLY_MS}, status;code=500"


@dataclass
class Callers:
    """Threads that call without a pause."""

    gateway: Gateway
    model: str
    statuses: list[int] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def call(self) -> None:
        """One caller."""
        body = json.dumps(chat(self.model)).encode()
        with Connection(self.gateway.data) as connection:
            while not self._stop.is_set():
                connection.send(request("POST", PATH, body))
                self.statuses.append(connection.answer().status)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Calls while the block lasts."""
        threads = [threading.Thread(target=self.call, daemon=True) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(20)


@dataclass(frozen=True)
class World:
    """A gateway, and for each alias a provider that is down until it is told otherwise."""

    gateway: Gateway
    taps: dict[str, Tap]
    sims: dict[str, Provider]


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`single` has no fallback, `chain` has one. Open times are short, so that there are many probes."""
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        spare = Provider.start()
        stack.callback(spare.stop)
        # An outage that begins when the scenario is started, and lasts a second and a half.
        rules = [{"match": {"until": "1500ms", "path": "/v1/*"}, "fault": OUTAGE}]
        sims = {name: Provider.start(scenario=rules) for name in ("single", "chain")}
        for sim in sims.values():
            stack.callback(sim.stop)
        relays = {name: taps.to(sim.address) for name, sim in sims.items()}
        policy = small(
            spare.url,
            log={"calls": "off"},
            resilience={
                "retry": {"base": "1ms", "max_attempts": 1},
                "breaker": {"consecutive": TRIPS, "open": "200ms", "open_cap": "300ms", "min_calls": 100_000},
            },
        )
        for name, tap in relays.items():
            policy["providers"][name] = {"dialect": "openai", "endpoints": [tap.url]}
            policy["deployments"][name] = {"provider": name, "model": "any"}
        policy["aliases"] |= {"single": alias("single"), "chain": alias("chain", "gpt")}
        launch = stack.enter_context(launcher(tmp_path_factory.mktemp("breaker")))
        yield World(launch(policy), relays, sims)


def restart(provider: Provider) -> None:
    """The outage begins now."""
    with Connection(provider.address) as connection:
        assert connection.ask("POST", "/scenario/start", b"").status == 200


def opened_at(made: list[Exchange]) -> float:
    """When the failure had come that opens the breaker."""
    failed = sorted(one.over_at or 0.0 for one in made if one.status == 500)
    return failed[TRIPS - 1]


def at_once(made: list[Exchange]) -> int:
    """How many of these were open at the same time, at most."""
    moments = [(one.at, 1) for one in made] + [(one.answered_at or one.at, -1) for one in made]
    open_now = most = 0
    for _, step in sorted(moments):
        open_now += step
        most = max(most, open_now)
    return most


@pytest.mark.parametrize("name", ["single", "chain"])
def test_what_failed_gets_one_probe_at_a_time(world: World, name: str) -> None:
    restart(world.sims[name])
    callers = Callers(world.gateway, name)
    with callers.calling():
        until(lambda: any(one.status == 200 for one in recorded.exchanges(world.taps[name])), "the provider is back")
    made = recorded.exchanges(world.taps[name])
    opened, back = opened_at(made) + SETTLE_S, next(one.at for one in made if one.status == 200)
    probes = [one for one in made if opened < one.at <= back]
    assert len(probes) >= 2, "there were probes to look at"
    assert at_once(probes) == 1, [(round(one.at - opened, 3), one.status) for one in probes]
    answered = callers.statuses.count(200)
    if name == "chain":
        assert set(callers.statuses) == {200}, "the fallback answers while the primary is out"
    else:
        assert set(callers.statuses) <= {200, 500, 503}
        assert answered


def test_what_answers_again_is_taken_back(world: World) -> None:
    restart(world.sims["chain"])
    callers = Callers(world.gateway, "chain")
    with callers.calling():
        tap = world.taps["chain"]
        until(lambda: sum(one.status == 200 for one in recorded.exchanges(tap)) >= 5, "calls go to the primary again")
    assert set(callers.statuses) == {200}
