"""Reads the calls of `--replay`: one JSON object a line, `{"at_ms"?, "path"?, "body", "headers"?}`.

A file may hold more than fits: no more is kept than the load can send, and never more than `MOST_CALLS` calls or
`MOST_BYTES` of bodies. Every line that is read is checked; an error names file and line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pydantic import ValidationError

from headgate.bench import bodies
from headgate.bench.run import options
from headgate.bench.spec import Call
from headgate.config.units import show_size
from headgate.errors import UsageError

MOST_CALLS = 200_000
MOST_BYTES = 256 << 20
MOST_LINE = 16 << 20
FIELDS = ("at_ms", "path", "body", "headers")


@dataclass(frozen=True)
class Need:
    """How much of a file a load can use, and what its lines leave open."""

    traced: bool = False
    """Whether the calls are sent at their times; else `at_ms` is passed over."""
    calls: int | None = None
    before_ms: float | None = None
    """On the file's clock."""
    path: str = "/chat/completions"
    """Of a line that names none."""


@dataclass
class Calls:
    """What was read, in the order of their times where they have times."""

    calls: list[Call] = field(default_factory=list)
    timed: bool = False
    last_ms: float = 0.0
    """The time of the last call that is kept."""


def read(file: str, need: Need) -> Calls:
    """Reads calls until there are enough; raises `UsageError` for a file without a good call."""
    found = Calls()
    size = 0
    for number, line in _lines(file):
        call = _call(f"{file}:{number}", line, need)
        timed = call.at_ms is not None
        if found.calls and timed != found.timed:
            said = ("has `at_ms`", "have none") if timed else ("has no `at_ms`", "have")
            _refuse(f"{file}:{number}", f"{said[0]}, and lines before it {said[1]}")
        found.timed = timed
        if call.at_ms is not None and need.before_ms is not None and call.at_ms >= need.before_ms:
            continue
        size += len(call.body)
        if len(found.calls) >= MOST_CALLS or size > MOST_BYTES:
            _refuse(f"{file}:{number}", f"more than {MOST_CALLS:,} calls or {show_size(MOST_BYTES)}; split the file")
        found.calls.append(call)
        if need.calls is not None and len(found.calls) >= need.calls:
            break
    if not found.calls:
        _refuse(file, "holds no call" if need.before_ms is None else "holds no call before the end of --for")
    if found.timed:
        found.calls.sort(key=lambda call: call.at_ms or 0.0)
        found.last_ms = found.calls[-1].at_ms or 0.0
    return found


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers from 1."""
    try:
        with open(file, "rb") as lines:
            number = 0
            while line := lines.readline(MOST_LINE + 1):
                number += 1
                if len(line) > MOST_LINE:
                    _refuse(f"{file}:{number}", f"the line is longer than {show_size(MOST_LINE)}")
                if line.strip():
                    yield number, line
    except OSError as error:
        _refuse(file, f"cannot be read: {error.strerror}")


def _call(place: str, line: bytes, need: Need) -> Call:
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(place, f"is no JSON: {error}")
    if not isinstance(value, dict):
        _refuse(place, 'is no object; write {"body": {...}}')
    unknown = [name for name in value if name not in FIELDS]
    if unknown:
        _refuse(place, f"`{unknown[0]}` is not known; known are {', '.join(FIELDS)}")
    at_ms = _time(place, value.get("at_ms"))
    try:
        return Call(
            path=_path(place, value.get("path"), need.path),
            body=_body(place, value.get("body")),
            headers=_headers(place, value.get("headers")),
            at_ms=at_ms if need.traced else None,
        )
    except ValidationError:  # of what JSON can write and UTF-8 cannot
        _refuse(place, "`body` holds half of a character")


def _body(place: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        try:
            return bodies.as_json(value)
        except ValueError:
            _refuse(place, "`body` holds a number that is too large")
    if isinstance(value, str):
        return value
    _refuse(place, "has no `body`" if value is None else "`body` is neither an object nor a text")


def _path(place: str, value: Any, usual: str) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return usual
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        _refuse(place, "`path` is no path such as chat/completions")
    return "/" + value.removeprefix("/v1/").removeprefix("/")


def _headers(place: str, value: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    if value is None:
        return []
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        _refuse(place, "`headers` is no map of names and texts")
    return [options.header_pair(name, one, f"{place}: header `{name}`") for name, one in value.items()]


def _time(place: str, value: Any) -> float | None:  # noqa: ANN401 - any JSON value
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        _refuse(place, "`at_ms` is no number of milliseconds from 0")
    return float(value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _refuse(place: str, problem: str) -> NoReturn:
    raise UsageError(f"{place}: {problem}")
