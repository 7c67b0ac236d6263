"""The catalogue, cell by cell: the caller sees what the row says, and the oracles hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.chaos import catalogue, oracles, places, rest, world
from tests.chaos.catalogue import Cell
from tests.chaos.judge import judge
from tests.chaos.seen import Seen
from tests.harness import wire
from tests.harness.gateway import Gateway
from tests.harness.provider import Provider

CELLS = catalogue.read()
NOT_HERE = {
    "refuse": "places.py: it happens before anything of the call is known",
    "silence": "places.py, as `refuse`",
    "no-continue": "the gateway sends no `expect`",
}
"""Faults of the simulator that no row asks for by name."""


class Played(NamedTuple):
    """What is left when all cells have been played."""

    gateway: Gateway
    seen: dict[str, Seen | BaseException]
    before: rest.Held


@pytest.fixture(scope="module")
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All cells that were selected, several at a time, on one gateway."""
    items = request.session.items
    chosen = {item.callspec.id for item in items if isinstance(item, pytest.Function) and hasattr(item, "callspec")}
    cells = [cell for cell in CELLS if cell.id in chosen]
    with world.built(cells, tmp_path_factory.mktemp("catalogue")) as (gateway, stages, retire):
        before = rest.held(gateway)
        seen = world.play(gateway, stages)
        retire()
        yield Played(gateway, seen, before)


@pytest.mark.parametrize("cell", CELLS, ids=[cell.id for cell in CELLS])
def test_a_caller_sees_what_the_row_says(played: Played, cell: Cell) -> None:
    seen = played.seen[cell.id]
    if isinstance(seen, BaseException):
        raise seen
    judge(cell, seen)
    oracles.check(seen, cell.unlike)


def test_nothing_is_left_when_all_is_over(played: Played) -> None:
    """O7."""
    rest.comes(played.gateway, played.before, swept=True)


def test_there_are_enough_rows_and_no_two_of_one_name() -> None:
    names = {cell.name for cell in CELLS}
    assert len(names) >= 60
    assert len({cell.id for cell in CELLS}) == len(CELLS)
    assert sum(cell.stream for cell in CELLS) >= 60
    assert sum(not cell.stream for cell in CELLS) >= 60


def test_every_fault_of_the_simulator_is_in_the_catalogue(provider: Provider) -> None:
    listed = {row["name"] for row in wire.ask(provider.address, "GET", "/faults").json()["faults"]}
    faults = [cell.fault or "" for cell in CELLS if cell.at != places.HTTP2]
    asked = {part.partition(";")[0].strip() for fault in faults for part in fault.split(",") if part}
    missing = listed - asked - NOT_HERE.keys()
    assert not missing, f"no row asks for {missing}"
    assert asked <= listed


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"name": "x", "whole": "second"}, "no outcome"),
        ({"name": "x"}, "neither"),
        ({"name": "x", "whole": "error stream_cut"}, "other kind"),
        ({"name": "x", "whole": "first", "route": "round"}, "route"),
        ({"name": "x", "whole": "first", "falt": "html"}, "falt"),
    ],
)
def test_a_row_that_means_nothing_is_refused_with_its_name(row: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=re.escape("group: x: ")) as told:
        catalogue.read_row("group", row)
    assert named in str(told.value)
