"""O4: retries stay within their budgets, over any ten seconds and over all workers, however many calls fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.chaos import recorded
from tests.chaos.recorded import Exchange
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH
from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.wire import Answer, Connection, chat, request

CALLS = 400
CALLERS = 8
WINDOW_S = 10.0
TOKENS = 500
"""Of an endpoint's bucket; a retry costs so many of them:"""
COST = {"status;code=502": 14, "status;code=529": 5}
FAULTS = list(COST)


@dataclass(frozen=True)
class Budget:
    """What a provider's policy says."""

    ratio: float
    floor: int

    def allows(self, first_tries: int) -> float:
        """The most retries in a window with so many first tries."""
        return self.ratio * first_tries + self.floor * WINDOW_S


TIGHT = Budget(0.02, 1)
USUAL = Budget(0.1, 3)
BUDGETS = {"tight": TIGHT, "usual": USUAL, "chain": TIGHT}


@dataclass(frozen=True)
class World:
    """A gateway before providers that always fail, one for each kind of failure and budget."""

    gateway: Gateway
    taps: dict[str, Tap]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Without breakers: the budgets alone hold retries back."""
    names = [f"{budget}-{number}" for budget in BUDGETS for number in range(len(FAULTS))]
    rules = [
        {"match": {"model": f"{budget}-{n}"}, "fault": fault} for budget in BUDGETS for n, fault in enumerate(FAULTS)
    ]
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        provider = Provider.start(scenario=rules)
        stack.callback(provider.stop)
        relays = {name: taps.to(provider.address) for name in names}
        policy = small(
            provider.url,
            log={"calls": "off"},
            resilience={
                "retry": {"base": "1ms", "throttled_base": "1ms", "cap": "1ms"},
                "breaker": {"consecutive": 100_000, "min_calls": 100_000},
            },
        )
        for name, tap in relays.items():
            budget = BUDGETS[name.partition("-")[0]]
            retry = {"budget_ratio": budget.ratio, "budget_floor": budget.floor}
            policy["providers"][name] = {"dialect": "openai", "endpoints": [tap.url], "retry": retry}
            policy["deployments"][name] = {"provider": name, "model": name}
            policy["aliases"][name] = alias(name, *(["gpt"] if name.startswith("chain") else []))
        launch = stack.enter_context(launcher(tmp_path_factory.mktemp("budget")))
        yield World(launch(policy), relays)


def storm(gateway: Gateway, model: str) -> list[Answer]:
    """Calls from several callers at once."""
    answers: list[Answer] = []
    lock = threading.Lock()

    def caller(number: int) -> None:
        body = json.dumps(chat(model, stream=number % 2 == 1)).encode()
        with Connection(gateway.data) as connection:
            for _ in range(CALLS // CALLERS):
                connection.send(request("POST", PATH, body))
                answer = connection.answer()
                with lock:
                    answers.append(answer)

    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(caller, range(CALLERS)))
    return answers


def windows(exchanges: list[Exchange]) -> Iterator[list[Exchange]]:
    """What came within each ten seconds that begin with an attempt."""
    for start, first in enumerate(exchanges):
        yield [one for one in exchanges[start:] if one.at - first.at <= WINDOW_S]


@pytest.mark.parametrize("fault", range(len(FAULTS)), ids=[fault[-3:] for fault in FAULTS])
@pytest.mark.parametrize("budget", ["tight", "usual"])
def test_an_outage_is_not_multiplied_by_retries(world: World, budget: str, fault: int) -> None:
    name = f"{budget}-{fault}"
    answers = storm(world.gateway, name)
    made = recorded.exchanges(world.taps[name])
    assert len(answers) == CALLS
    retries = len(made) - CALLS
    assert 0 < retries <= TOKENS // COST[FAULTS[fault]], f"{retries} retries: the endpoint's bucket"
    for window in windows(made):
        # A call's retries cannot be told from first tries here: all that is not a retry is at most one per call.
        allowed = BUDGETS[budget].allows(CALLS)
        assert len(window) - CALLS <= allowed, f"{len(window)} attempts for {CALLS} calls"


def test_a_call_that_the_budget_does_not_let_be_retried_says_so(world: World) -> None:
    answers = storm(world.gateway, "tight-0")
    spent = [answer for answer in answers if answer.header("headgate-attempts") == "1"]
    assert len(spent) > CALLS / 2
    assert {(answer.status, answer.header("x-should-retry")) for answer in spent} == {(502, "false")}
    assert all(b'"error"' in answer.body for answer in spent), "the provider's own error"


@pytest.mark.parametrize("fault", range(len(FAULTS)), ids=[fault[-3:] for fault in FAULTS])
def test_a_budget_that_is_spent_keeps_nobody_from_the_fallback(world: World, fault: int) -> None:
    """What is budgeted is asking the same provider again, so another one can be asked at any time."""
    answers = storm(world.gateway, f"chain-{fault}")
    assert {answer.status for answer in answers} == {200}
