"""What is wrong with a policy, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Path = tuple[str | int, ...]
"""The way to a value: names of fields and numbers of list items, from 0."""

_PLAIN = re.compile(r"[A-Za-z0-9_*/-]+")
_SHORTEST_SECRET = 8
_LONGEST_SHOWN = 300
_WORDS = {None: "nothing", True: "true", False: "false"}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written. `line` and `column` count from 1; both are 0 where there are no lines."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(slots=True)
class Places:
    """Where each key and each value of a policy was written."""

    root: Place
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def of_value(self, path: Path) -> Place:
        """Where the value stands; where it is absent, the nearest that holds it."""
        while path:
            if path in self.values:
                return self.values[path]
            path = path[:-1]
        return self.values.get((), self.root)

    def of_key(self, path: Path) -> Place:
        """Where the key of a value stands; the value itself for an item of a list."""
        return self.keys.get(path) or self.of_value(path)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong (an error) or doubtful (a warning)."""

    place: Place
    path: Path
    text: str
    is_error: bool = True

    def __str__(self) -> str:
        kind = "" if self.is_error else "warning: "
        subject = f"{dotted(self.path)}: " if self.path else ""
        return f"{self.place}: {kind}{subject}{self.text}"


@dataclass(slots=True)
class Report:
    """Collects problems, so that all are told at once.

    What a reference stood for is told as the reference: it may be a secret that was named in the wrong place.
    """

    places: Places
    problems: list[Problem] = field(default_factory=list)
    _hidden: dict[str, str] = field(default_factory=dict)

    def hide(self, text: str, reference: str) -> None:
        """Shows `reference` wherever a later problem would show `text`, or the beginning of it."""
        if len(text) >= _SHORTEST_SECRET:
            self._hidden[text[:_LONGEST_SHOWN].lower()] = reference

    def error(self, path: Path, text: str, *, key: bool = False) -> None:
        """Reports an error at the value of `path`, or at its key."""
        self.problems.append(Problem(self._place(path, key=key), path, self._masked(text)))

    def warning(self, path: Path, text: str, *, key: bool = False) -> None:
        """Reports something doubtful; the policy is good all the same."""
        self.problems.append(Problem(self._place(path, key=key), path, self._masked(text), is_error=False))

    def _masked(self, text: str) -> str:
        for hidden, reference in self._hidden.items():
            # The longest beginning that is there: messages cut long values, and host names are told in lower case.
            low = text.lower()
            lengths = range(len(hidden), _SHORTEST_SECRET - 1, -1)
            beginning = next((hidden[:length] for length in lengths if hidden[:length] in low), None)
            if beginning is not None:
                text = reference.join(re.split(re.escape(beginning), text, flags=re.IGNORECASE))
        return text

    def _place(self, path: Path, *, key: bool) -> Place:
        return self.places.of_key(path) if key else self.places.of_value(path)

    @property
    def errors(self) -> list[Problem]:
        """The errors, in the order of the file, each once."""
        return _in_order(problem for problem in self.problems if problem.is_error)

    @property
    def warnings(self) -> list[Problem]:
        """The warnings, in the order of the file, each once."""
        return _in_order(problem for problem in self.problems if not problem.is_error)


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.place)


def dotted(path: Path) -> str:
    """A path as people write it: `aliases.smart.chain[0].use`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN.fullmatch(part) else f'"{shown(part)}"'
            text += f".{name}" if text else name
    return text


def shown(value: object, most: int = 60) -> str:
    """A value for a message: as YAML writes it, on one line, short, without control characters."""
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    text = _WORDS[value] if value is None or isinstance(value, bool) else str(value)
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= most else f"{clean[: most - 3]}..."
