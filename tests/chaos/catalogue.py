"""The table of `catalogue.yaml` as values. A row that says what it cannot mean is refused with its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

TABLE = Path(__file__).with_name("catalogue.yaml")

Kind = Literal["first", "again", "spare", "relayed", "ours", "error", "theirs", "cut"]
Route = Literal["pair", "alone", "only-down", "window", "filter", "keys", "brief"]
Ask = Literal["chat", "counted", "tools", "long", "responses", "response-tools"]

OF_STREAMS: tuple[Kind, ...] = ("error", "theirs")
FORMS: dict[Kind, str] = {
    "first": r"first",
    "again": r"again (?P<tries>\d)",
    "spare": r"spare",
    "relayed": r"relayed (?P<status>\d{3})",
    "ours": r"ours (?P<status>\d{3}) (?P<code>\w+)",
    "error": r"error (?P<code>\w+)",
    "theirs": r"theirs",
    "cut": r"cut",
}


@dataclass(frozen=True)
class Outcome:
    """What the caller must see."""

    kind: Kind
    tries: range
    """How often the primary may be asked."""
    status: int = 200
    code: str = ""

    @staticmethod
    def read(text: str, tries: object) -> Outcome:
        """Reads an outcome, and the number or range of tries that its row states."""
        for kind, form in FORMS.items():
            if found := re.fullmatch(form, text):
                parts = found.groupdict()
                usual = {"first": "1", "again": parts.get("tries")}.get(kind, "1-3")
                status = int(parts.get("status") or 200)
                return Outcome(
                    kind, read_range(str(usual if tries is None else tries)), status, parts.get("code") or ""
                )
        raise ValueError(f"`{text}` is no outcome")


@dataclass(frozen=True)
class Cell:
    """One call of the catalogue."""

    name: str
    stream: bool
    group: str
    outcome: Outcome
    fault: str | None = None
    times: int | None = None
    at: str = "simulator"
    route: Route = "pair"
    ask: Ask = "chat"
    warm: int = 0
    pace: dict[str, Any] | None = None
    unlike: frozenset[str] = frozenset()
    """Oracles that do not hold."""

    @property
    def id(self) -> str:
        """For the test's name."""
        return f"{self.group}: {self.name} ({'stream' if self.stream else 'whole'})"


def read(path: Path = TABLE) -> list[Cell]:
    """All cells, in the order of the table."""
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [cell for group, rows in groups.items() for row in rows for cell in read_row(group, row)]


def read_row(group: str, row: dict[str, Any]) -> list[Cell]:
    """The cells of a row: one for each outcome that it states."""
    rest = dict(row)
    outcomes = {stream: rest.pop(key, None) for key, stream in (("whole", False), ("stream", True))}
    tries, unlike = rest.pop("tries", None), frozenset(rest.pop("unlike", {}))
    try:
        check_words(row, outcomes)
        return [
            Cell(stream=stream, group=group, outcome=Outcome.read(text, tries), unlike=unlike, **rest)
            for stream, text in outcomes.items()
            if text is not None
        ]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{group}: {row.get('name')}: {error}") from error


def check_words(row: dict[str, Any], outcomes: dict[bool, str | None]) -> None:
    """Refuses words of a row that mean nothing."""
    if not isinstance(row.get("name"), str):
        raise ValueError("`name` is no text")
    for key, known in (("route", get_args(Route)), ("ask", get_args(Ask))):
        if row.get(key, known[0]) not in known:
            raise ValueError(f"{key}: `{row[key]}` is none of {', '.join(known)}")
    whole, stream = outcomes[False] or "", outcomes[True] or ""
    if not whole and not stream:
        raise ValueError("neither `whole` nor `stream`")
    if whole.split(" ")[0] in OF_STREAMS or stream.split(" ")[0] == "cut":
        raise ValueError("an outcome of the other kind of answer")


def read_range(text: str) -> range:
    """Reads `2` or `1-3`."""
    low, _, high = text.partition("-")
    return range(int(low), int(high or low) + 1)
