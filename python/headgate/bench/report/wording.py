"""Numbers as words. Three digits that count, a thousands separator, a hyphen for what is not there."""

from __future__ import annotations

import math
from datetime import datetime

from headgate.bench.figures import show_us

NONE = "-"


def plain(value: float | None) -> str:
    """`8.42`, `16.3`, `756`, `60,933`; never an exponent."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 4)}f}"


def count(value: float | None) -> str:
    """A whole number."""
    return NONE if value is None or not math.isfinite(value) else f"{round(value):,}"


def times(value: float | None) -> str:
    """A ratio: `0.88x` with two decimals up to ten, then as `plain`."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.2f}x" if abs(value) < 10 else f"{plain(value)}x"


def within(low: float, high: float) -> str:
    """An interval of ratios: `[0.86, 0.91]`."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NONE
    return f"[{times(low)[:-1]}, {times(high)[:-1]}]"


def duration(us: float | None) -> str:
    """Microseconds in the unit that suits them: `84.2 µs`, `1.24 ms`, `2.31 s`."""
    return NONE if us is None or not math.isfinite(us) else show_us(us)


def tick(value: float) -> str:
    """A round number beside an axis: `0.5`, `20`, `5,000`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def tick_duration(us: float) -> str:
    """A round time beside an axis: `100 µs`, `5 ms`."""
    if us < 1e3:
        return f"{tick(us)} µs"
    return f"{tick(us / 1e3)} ms" if us < 1e6 else f"{tick(us / 1e6)} s"


def added(us: float | None) -> str:
    """A difference in microseconds, with its sign."""
    if us is None or not math.isfinite(us):
        return NONE
    return f"{'+' if us > 0 else ''}{plain(us)}"


def share(value: float | None) -> str:
    """A share as percent: `97 %`, `0.43 %`, `99.54 %`; never `100 %` or `0 %` for what is not quite."""
    if value is None or not math.isfinite(value):
        return NONE
    percent = 100 * value
    if 99 < percent < 100:
        return f"{min(percent, 99.99):.2f} %"
    return f"{percent:.0f} %" if percent == 0 or percent >= 9.95 else f"{plain(percent)} %"


def size(number: float | None) -> str:
    """Bytes: `64 B`, `100 KB`, `5.4 MiB`. KB is 1024 here, as in the names of cells."""
    if number is None or not math.isfinite(number):
        return NONE
    if number < 1024:
        return f"{number:.0f} B"
    return f"{number / 1024:,.0f} KB" if number < 2**20 else f"{plain(number / 2**20)} MiB"


def mib(number: float) -> str:
    """Bytes as MiB, for a column that says so."""
    return plain(number / 2**20)


def seconds(value: float) -> str:
    """How long something took, for people: `3 s`, `19 min 44 s`, `2 h 03 min`."""
    if value < 60:
        return f"{plain(value) if value % 1 else round(value)} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(text: str) -> str:
    """RFC 3339 as a reader writes it, `2026-11-20 09:14 UTC`; anything else as it is."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = when.strftime("%z")
    return when.strftime("%Y-%m-%d %H:%M ") + ("UTC" if zone in ("+0000", "") else f"{zone[:3]}:{zone[3:]}")


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
