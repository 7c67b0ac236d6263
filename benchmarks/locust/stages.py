"""Load shapes as data: how many users there are in which part of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Stage:
    """A part of a run in which the number of users stays the same."""

    share: float
    """Of the run's time; the shares of a shape sum up to 1."""
    volume: float
    """Users, as a multiple of `--users`."""


@dataclass(frozen=True)
class Shape:
    """A course of the load."""

    is_: str
    """What it is, for a person."""
    stages: Sequence[Stage]
    run_time_s: float
    """Where `--run-time` says nothing."""
    users: int = 50
    """Where `--users` says nothing."""


def _even(*volumes: float) -> list[Stage]:
    return [Stage(1 / len(volumes), volume) for volume in volumes]


SHAPES = {
    "tenfold": Shape(
        "the pilot's volume for a quarter of the time, then in steps to ten times that, and back",
        [Stage(0.25, 1), *(Stage(0.1, step) for step in (2, 4, 6, 8)), Stage(0.25, 10), Stage(0.1, 1)],
        run_time_s=600,
    ),
    "soak": Shape(
        "the same volume for hours, with a pause at half-time",
        [Stage(0.49, 1), Stage(0.02, 0), Stage(0.49, 1)],
        run_time_s=4 * 3600,
    ),
    "burst": Shape(
        "quiet, then five times as many users at once, four times over", _even(*(0.2, 1) * 4), run_time_s=480
    ),
}


@dataclass(frozen=True)
class Course:
    """A shape with its scale."""

    shape: Shape
    users: int
    run_time_s: float
    spawn_rate: float | None = None
    """Users that come or go in a second; None: all of a stage within a second."""

    def at(self, elapsed_s: float) -> tuple[int, float] | None:
        """How many users there are to be, and how fast that is to come about; None after the end."""
        end = 0.0
        for stage in self.shape.stages:
            end += stage.share * self.run_time_s
            if elapsed_s < end:
                users = round(stage.volume * self.users)
                return users, self.spawn_rate or float(max(1, users))
        return None
