"""The options of `headgate bench run` as they were given, and which of them cannot stand together."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from headgate.config.units import parse_duration, parse_size
from headgate.errors import UsageError


@dataclass(frozen=True)
class RunOptions:
    """What was said; None, False and an empty list are what was left out. Names are those of the options."""

    url: str | None = None
    key: str | None = field(default=None, repr=False)
    model: str | None = None
    rate: float | None = None
    poisson: bool = False
    closed: bool = False
    connections: int | None = None
    ramp: str | None = None
    users: int | None = None
    think: str | None = None
    turns: int | None = None
    replay: str | None = None
    speed: float | None = None
    for_: str | None = None
    warmup: str | None = None
    stream: bool = False
    prompt_bytes: str | None = None
    max_tokens: int | None = None
    path: str | None = None
    header: list[str] = field(default_factory=list, repr=False)
    body: str | None = None
    timeout: str | None = None
    threads: int | None = None
    seed: int | None = None
    ca_file: str | None = None
    insecure: bool = False
    expect_text: str | None = None
    expect_body: str | None = None
    expect_frames: int | None = None
    expect_tokens: int | None = None
    expect_status: int | None = None
    slo: str | None = None
    find_capacity: bool = False

    def given(self, name: str) -> bool:
        """Whether an option was said."""
        return getattr(self, name) not in (None, False, [])


_OWN_PACE = "callers who wait for their answers make their own rate"
_ONE_RATE = "the ramp is the rate"
_USERS = "users make their own rate"
_SEARCH = "the search sets the rate"
_OF_FILE = "the file says what is sent"
_OF_TIMES = "it is about the file's own times, which another schedule passes over"
APART: list[tuple[str, str, str]] = [
    ("closed", "rate", _OWN_PACE),
    ("closed", "poisson", _OWN_PACE),
    ("closed", "ramp", _OWN_PACE),
    ("closed", "users", "each is a schedule of its own"),
    ("closed", "find_capacity", _OWN_PACE),
    ("ramp", "rate", _ONE_RATE),
    ("ramp", "poisson", _ONE_RATE),
    ("ramp", "users", _USERS),
    ("ramp", "find_capacity", _SEARCH),
    ("users", "rate", _USERS),
    ("users", "poisson", _USERS),
    ("users", "find_capacity", _USERS),
    *[("speed", name, _OF_TIMES) for name in ("rate", "poisson", "closed", "ramp", "users", "find_capacity")],
    ("body", "replay", "each says what is sent"),
    *[("body", name, _OF_FILE) for name in ("model", "stream", "prompt_bytes", "max_tokens", "turns")],
    *[("replay", name, _OF_FILE) for name in ("model", "stream", "prompt_bytes", "max_tokens", "turns")],
    ("insecure", "ca_file", "any certificate is taken, so none is checked"),
]
NEEDS: list[tuple[str, str, str]] = [
    ("speed", "replay", "it is how fast the file's times pass"),
    ("think", "users", "it is how long a user thinks"),
    ("turns", "users", "it is how often a user asks within one conversation"),
    ("find_capacity", "slo", "what has to hold at that rate, such as --slo 'p99<50ms,errors<0.1%'"),
]


def check(options: RunOptions) -> None:
    """Raises `UsageError` for the first two options that cannot stand together, naming both."""
    for one, other, why in APART:
        if options.given(one) and options.given(other):
            raise UsageError(f"{name_of(one)} and {name_of(other)} contradict each other: {why}")
    for one, other, why in NEEDS:
        if options.given(one) and not options.given(other):
            raise UsageError(f"{name_of(one)} needs {name_of(other)}: {why}")


def name_of(name: str) -> str:
    """A field as it is written on the command line."""
    return "--" + name.rstrip("_").replace("_", "-")


def in_options(text: str) -> str:
    """A sentence of the load engine, with the fields that it names as options."""
    for field_name, option in _OF_FIELDS.items():
        text = text.replace(field_name, option)
    return text


_OF_FIELDS = {
    "max_connections": "--connections",
    "ask for fewer connections": "lower --connections",
    "allow more connections": "raise --connections",
    "ca_file": "--ca-file",
    "set verify to false": "use --insecure",
}


def all_names() -> set[str]:
    """The names of all fields."""
    return {one.name for one in dataclasses.fields(RunOptions)}


def duration_ms(name: str, value: str | None, usual: str) -> int:
    """A duration in milliseconds."""
    return _parsed(name, value or usual, parse_duration)


def size_bytes(name: str, value: str | None, usual: str) -> int:
    """A size; a bare number is bytes."""
    text = value or usual
    return int(text) if text.isdecimal() and text.isascii() else _parsed(name, text, parse_size)


def ramp_ends(value: str) -> tuple[float, float]:
    """`100..5000` as two rates."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\.\.(\d+(?:\.\d+)?)", value)
    if match is None or float(match[1]) + float(match[2]) == 0:
        raise UsageError(f"--ramp {value}: write two rates per second, such as 100..5000")
    return float(match[1]), float(match[2])


def header_pairs(headers: list[str]) -> list[tuple[str, str]]:
    """`NAME=VALUE` options as pairs. An error shows the name alone, as the value may be a secret."""
    pairs = []
    for header in headers:
        name, equals, value = header.partition("=")
        if not equals:
            raise UsageError("--header: write NAME=VALUE")
        pairs.append(header_pair(name, value, f"--header {name}"))
    return pairs


def header_pair(name: str, value: str, what: str) -> tuple[str, str]:
    """A header line that can be sent; raises `UsageError`, starting with `what`."""
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise UsageError(f"{what}: this is no name of a header")
    if name.lower() in ("content-length", "transfer-encoding", "connection"):
        raise UsageError(f"{what}: this one follows from the call and cannot be set")
    return name, sendable(value, what)


def sendable(value: str, what: str) -> str:
    """A header's value; raises `UsageError`, without the value, for what no header can carry."""
    if not value.isascii() or not value.isprintable():
        raise UsageError(f"{what}: the value holds a character that no header can carry")
    return value


def _parsed(name: str, text: str, parse: Callable[[str], int]) -> int:
    try:
        return parse(text)
    except PydanticCustomError as error:
        raise UsageError(f"{name_of(name)}: {error.message()}") from None
