"""The order of windows, and which are repeated; with a meter that says what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headgate.bench.compare.cells import OPEN, SMALL
from headgate.bench.compare.document import Window
from headgate.bench.compare.live import Live, Scene, Stage, Unfit
from headgate.bench.compare.loader import LoaderEnded
from headgate.bench.compare.options import CompareOptions
from headgate.bench.compare.rounds import Rounds
from headgate.bench.compare.window import Meter, Plan
from headgate.errors import StartError

from .samples import CALM

Script = Callable[[str, Plan, int], Window]


@dataclass
class FakeStage:
    """Starts targets that are names alone; `unfit` ones cannot be had."""

    unfit: frozenset[str] = frozenset()
    ended: list[object] = field(default_factory=list)

    @property
    def processes(self) -> Any:  # noqa: ANN401 - only `end` is called
        """What ends targets."""
        return SimpleNamespace(end=self.ended.append)

    def start(self, peer: Any, scene: Scene) -> Any:  # noqa: ANN401 - a name is enough
        """A target of that name, or `Unfit`."""
        if peer.name in self.unfit:
            raise Unfit("it ended with exit code 1")
        roles = {"floor": "floor", "nginx": "proxy", "haproxy": "proxy"}
        manifest = SimpleNamespace(role=roles.get(peer.name, "peer"))
        process = SimpleNamespace(poll=lambda: None, name=peer.name)
        return SimpleNamespace(name=peer.name, ready=SimpleNamespace(manifest=manifest), process=process)


@dataclass
class FakeMeter:
    """Measures what the script says for the n-th window of a run."""

    script: Script
    seen: list[tuple[str, Plan]] = field(default_factory=list)

    def measure(self, live: Live, plan: Plan) -> Window:
        """The next window of the script."""
        self.seen.append((live.name, plan))
        window = self.script(live.name, plan, len(self.seen))
        return replace(window, target=live.name, cell=plan.cell.name, round=plan.round)


def rounds(script: Script, *, unfit: frozenset[str] = frozenset(), windows: int = 1) -> tuple[Rounds, list[Window]]:
    kept: list[Window] = []
    options = CompareOptions(windows=windows, warm_windows=5, say=lambda _: None)
    stage, meter = FakeStage(unfit), FakeMeter(script)
    return Rounds(cast("Stage", stage), cast("Meter", meter), options, kept.append), kept


def peers(*names: str) -> Any:  # noqa: ANN401 - names are enough
    return [SimpleNamespace(name=name) for name in names]


def test_another_target_begins_each_round() -> None:
    run, kept = rounds(lambda *_: CALM, windows=3)
    run.run(peers("floor", "nginx", "headgated"), [SMALL])
    order = ["".join(w.target[0] for w in kept if w.round == number) for number in range(3)]
    assert order == ["fnh", "nhf", "hfn"]


def test_warming_up_ends_when_three_windows_agree_and_is_not_kept() -> None:
    costs = iter([30.0, 20.0, 16.0, 16.1, 16.2])
    run, kept = rounds(lambda _, plan, __: replace(CALM, cpu_us_per_call=next(costs)) if plan.round < 0 else CALM)
    run.run(peers("floor"), [SMALL])
    assert list(costs) == []
    assert len(kept) == 1


def test_warming_up_ends_at_its_bound() -> None:
    run, kept = rounds(lambda _, __, number: replace(CALM, cpu_us_per_call=10.0 * number))
    run.run(peers("floor"), [SMALL])
    assert len(kept) == 1


def test_a_disturbed_window_is_repeated_twice_at_most_and_each_is_kept() -> None:
    run, kept = rounds(lambda *_: replace(CALM, disturbed="others"))
    run.run(peers("floor"), [SMALL])
    assert [window.disturbed for window in kept] == ["others"] * 3


def test_a_void_window_is_not_repeated() -> None:
    run, kept = rounds(lambda *_: replace(CALM, disturbed="others", void="a wrong byte"))
    run.run(peers("floor"), [SMALL])
    assert len(kept) == 1


def test_a_target_that_fails_is_noted_and_the_others_go_on() -> None:
    def script(name: str, plan: Plan, _: int) -> Window:
        if name == "nginx" and plan.round == 0:
            raise StartError(69, "connection refused")
        return CALM

    run, kept = rounds(script)
    run.run(peers("nginx", "floor"), [SMALL])
    assert [window.target for window in kept] == ["floor"]
    assert run.notes == ["nginx failed in 64b-c50: connection refused"]


def test_without_a_load_engine_nothing_goes_on() -> None:
    def script(*_: object) -> Window:
        raise LoaderEnded(1, "the load engine ended")

    run, _ = rounds(script)
    with pytest.raises(LoaderEnded):
        run.run(peers("floor"), [SMALL])


def test_a_target_that_cannot_be_had_is_told_with_the_reason_for_each_kind_of_load() -> None:
    run, kept = rounds(lambda *_: CALM, unfit=frozenset({"nginx"}))
    run.run(peers("floor", "nginx"), [SMALL, replace(SMALL, name="off", features=False)])
    assert run.unfit == {
        "nginx": {"answers": "it ended with exit code 1", "answers, features off": "it ended with exit code 1"}
    }
    assert run.fit == {"floor"}
    assert {window.target for window in kept} == {"floor"}


def test_an_open_loop_has_a_share_of_the_slower_plain_proxys_capacity_and_no_target_that_cannot_keep_up() -> None:
    capacity = {"floor": 60_000.0, "nginx": 50_000.0, "haproxy": 40_000.0, "headgated": 45_000.0, "litellm": 120.0}
    run, kept = rounds(lambda name, *_: replace(CALM, calls_per_second=capacity[name]))
    run.run(peers(*capacity), [OPEN])
    assert {window.target for window in kept} == set(capacity) - {"litellm"}
    meter = cast("FakeMeter", run.meter)
    assert {plan.per_second for _, plan in meter.seen if plan.round >= 0} == {24_000.0}
    assert "64b-open: 24,000 calls per second" in run.notes
    assert "litellm is left out of 64b-open: it can do 120 calls per second" in run.notes
