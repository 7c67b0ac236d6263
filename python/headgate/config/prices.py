"""Prices of the catalogue as integers of nano-dollars, each with the time that it holds."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from headgate.config import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

NANO: Final = 1_000_000_000
USUAL: Final = ""
"""The kind of call that says nothing of how it is to be served."""
CLASSES: Final = {
    "input": "",
    "cache_read": "input",
    "cache_write": "input",
    "input_audio": "input",
    "input_image": "input",
    "output": "",
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
}
"""What tokens are billed as, and what a class costs as that has no price of its own."""
_NAMES = {"reasoning": "output_reasoning"}


@dataclass(frozen=True)
class Tier:
    """What a million tokens of each class cost, of calls with more than so many tokens of prompt."""

    above_tokens: int
    per_million: dict[str, int]


@dataclass(frozen=True)
class Period:
    """A price and when it holds: from a moment on, and of each day between two times (seconds, UTC) where it says so.

    No tiers: there is no price for tokens. `audio_hour` is what an hour of sound costs, `call` each call besides.
    """

    from_unix_s: int
    daily: tuple[int, int] | None
    tiers: tuple[Tier, ...]
    audio_hour: int | None
    call: int


Prices = dict[str, tuple[Period, ...]]
"""The periods of the usual price, and of each service tier; the last that holds counts."""


@cache
def of_model(provider: str, model: str) -> Prices:
    """What the catalogue knows of a model; empty where that is nothing."""
    known = catalogue.providers().get(provider)
    return of_entries(known.prices(model), known.date) if known else {}


def of_entries(entries: list[dict[str, Any]], date: str) -> Prices:
    """The prices in force on a date, and those that follow."""
    by_kind: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        kind = _kind(entry.get("when", {}))
        if kind is not None and entry["usd"]:
            by_kind[kind].append(entry)
    found = {kind: tuple(_periods(listed, date)) for kind, listed in sorted(by_kind.items())}
    usual = found.get(USUAL, ())
    return {kind: periods for kind, periods in found.items() if any(_says_something(period) for period in usual)}


def _kind(when: dict[str, str]) -> str | None:
    """The service tier that a price is for; none for a kind of call that is not told from others."""
    match when:
        case {"service_tier": tier} if len(when) == 1:
            return tier
        case {"processing": "batch"} if len(when) == 1:
            return "batch"
    return None if when else USUAL


def _periods(entries: list[dict[str, Any]], date: str) -> Iterator[Period]:
    """The entries from the last on that holds all day; what stood before it is past."""
    for_good = [number for number, each in enumerate(entries) if "between" not in each and each.get("from", "") <= date]
    for entry in entries[for_good[-1] if for_good else 0 :]:
        usd = entry["usd"]
        yield Period(
            from_unix_s=_unix_s(entry["from"]) if entry.get("from", "") > date else 0,
            daily=_daily(entry["between"]) if "between" in entry else None,
            tiers=tuple(_tiers(usd)) if "input_mtok" in usd else (),
            audio_hour=_nano(usd["audio_hours"]) if "audio_hours" in usd else None,
            call=-(-_nano(usd.get("requests_kcount", "0")) // 1000),
        )


def _says_something(period: Period) -> bool:
    return bool(period.tiers) or period.audio_hour is not None or period.call > 0


def _tiers(usd: dict[str, Any]) -> Iterator[Tier]:
    """The tiers of all classes at the starts of any."""
    listed = {kind: usd.get(f"{_NAMES.get(kind, kind)}_mtok") for kind in CLASSES}
    starts = {start for amount in listed.values() if isinstance(amount, list) for start, _ in amount}
    for start in sorted(starts | {0}):
        rates: dict[str, int] = {}
        for kind, otherwise in CLASSES.items():
            amount = listed[kind]
            rates[kind] = rates.get(otherwise, 0) if amount is None else _nano(_at(amount, start))
        yield Tier(above_tokens=start, per_million=rates)


def _at(amount: str | list[list[Any]], start: int) -> str:
    """The amount of the last tier that begins there or before."""
    if isinstance(amount, str):
        return amount
    text: str = next(each for begins, each in reversed(amount) if begins <= start)
    return text


def _nano(amount: str) -> int:
    """A decimal text in nano-dollars; finer parts are rounded up."""
    return int((Decimal(amount) * NANO).to_integral_value(ROUND_CEILING))


def _unix_s(date: str) -> int:
    return int(datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC).timestamp())


def _daily(between: list[str]) -> tuple[int, int]:
    start, end = (60 * int(hours) * 60 + 60 * int(minutes) for hours, minutes in (each.split(":") for each in between))
    return start, end
