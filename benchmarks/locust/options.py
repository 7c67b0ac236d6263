"""The options that the agents add to locust's own, and their values."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.locust.stages import SHAPES

if TYPE_CHECKING:
    from locust.argument_parser import LocustArgumentParser


@dataclass(frozen=True)
class Settings:
    """What was asked for."""

    model: str
    tools_model: str
    max_tokens: int | None
    think_s: float


def add(parser: LocustArgumentParser, **_: object) -> None:
    """Adds them; each may also be set by a variable of the environment."""
    group = parser.add_argument_group("agents")

    def option(name: str, **how: Any) -> None:  # noqa: ANN401 - whatever argparse takes
        group.add_argument(f"--{name}", env_var=f"LOCUST_{name.replace('-', '_').upper()}", **how)

    option("shape", default="steady", choices=["steady", *SHAPES], help="how the number of users changes")
    option("model", default="chat", help="the model of all calls but those with tools")
    option("tools-model", default="tools", help="the model of calls with tools")
    option("max-tokens", type=_positive(int), default=None, help="sent as max_completion_tokens; not sent by default")
    option("think", type=_positive(float), default=2.0, help="mean pause of a user between two calls, in seconds")


def settings(parsed: argparse.Namespace) -> Settings:
    """The values of a parsed command line."""
    return Settings(parsed.model, parsed.tools_model, parsed.max_tokens, parsed.think)


def _positive(kind: type[int] | type[float]) -> Any:  # noqa: ANN401 - what argparse calls a type
    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value < 1_000_000:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    read.__name__ = kind.__name__
    return read
