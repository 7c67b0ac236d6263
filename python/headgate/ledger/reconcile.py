"""The ledger beside a provider's own bill: what differs, by day and model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.ledger.bill import Charged
from headgate.ledger.keep import DAY_S
from headgate.ledger.money import exact_usd
from headgate.ledger.usage import Question, ask

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.ledger.bill import Place
    from headgate.ledger.keep import Keep
    from headgate.ledger.usage import Line

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a day and a model: ours, and theirs; money in nano-dollars."""

    day: str
    model: str
    what: str
    ours: int
    theirs: int

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        told = {"day": self.day, "model": self.model, "what": self.what, "ours": self.ours, "theirs": self.theirs}
        return told | ({"usd": exact_usd(self.ours - self.theirs)} if self.what == "nano_usd" else {})


@dataclass(frozen=True, slots=True)
class Compared:
    """How many days and models were compared, and every figure that differs."""

    places: int
    since: str
    until: str
    differences: list[Difference]


def compare(connection: Connection, bill: dict[Place, Charged], question: Question, keep: Keep, now_s: int) -> Compared:
    """Compares the days of a bill with the ledger; of `question` only `where` counts."""
    days = sorted(day for day, _ in bill)
    since_s = int(datetime.fromisoformat(days[0]).replace(tzinfo=UTC).timestamp())
    until_s = int(datetime.fromisoformat(days[-1]).replace(tzinfo=UTC).timestamp()) + DAY_S
    answer = ask(connection, Question(("day", "model"), since_s, until_s, question.where), keep, now_s)
    if answer.question.is_of_rows:
        raise UsageError("--where: a bill is compared by key, team, user, agent, alias, model, deployment or provider")
    ours = {(_day(line.group[0]), str(line.group[1])): line for line in answer.lines}
    models = {model for _, model in ours}
    theirs: dict[Place, Charged] = {}
    for (day, model), charged in bill.items():
        _merge(theirs.setdefault((day, _named_as_ours(model, models)), Charged()), charged)
    places = sorted({*ours, *theirs})
    found = [difference for place in places for difference in _differences(place, ours.get(place), theirs.get(place))]
    return Compared(len(places), days[0], days[-1], found)


def _day(bucket: str | int) -> str:
    return datetime.fromtimestamp(int(bucket), UTC).strftime("%Y-%m-%d")


def _named_as_ours(model: str, models: set[str]) -> str:
    """A bill names the dated snapshot that answered, where the call named the model."""
    short = _SNAPSHOT.sub("", model)
    return short if model not in models and short in models else model


def _merge(into: Charged, charged: Charged) -> None:
    for name, count in charged.counts.items():
        into.counts[name] = into.counts.get(name, 0) + count
    if charged.nano_usd is not None:
        into.nano_usd = charged.nano_usd + (into.nano_usd or 0)
        into.rounding += charged.rounding


def _differences(place: Place, ours: Line | None, theirs: Charged | None) -> list[Difference]:
    if theirs is None:
        theirs = Charged({"attempts": 0})
    held = ours.sums if ours is not None else {}
    found = [
        Difference(*place, name, held.get(name, 0), count)
        for name, count in theirs.counts.items()
        if held.get(name, 0) != count
    ]
    if theirs.nano_usd is not None and abs(held.get("nano_usd", 0) - theirs.nano_usd) > theirs.rounding:
        found.append(Difference(*place, "nano_usd", held.get("nano_usd", 0), int(theirs.nano_usd)))
    return found
