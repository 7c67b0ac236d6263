"""Figures as people read them: three digits, and a unit that fits."""

from __future__ import annotations


def show_us(amount_us: float | None) -> str:
    """Microseconds as `412 µs`, `1.23 ms`, `61.3 ms` or `2.50 s`; a dash for none."""
    if amount_us is None:
        return "-"
    if amount_us < 999.5:
        return f"{amount_us:.3g} µs" if amount_us < 100 else f"{amount_us:.0f} µs"
    if amount_us < 999_500:
        return f"{_three(amount_us / 1_000)} ms"
    return f"{_three(amount_us / 1_000_000)} s"


def show_count(amount: float) -> str:
    """A count with its thousands apart; of parts, one place below ten thousand."""
    return f"{amount:,.0f}" if float(amount).is_integer() or amount >= 10_000 else f"{amount:,.1f}"


def several(number: int, word: str) -> str:
    """`1 window`, `5 windows`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def show_share(part: float, whole: float) -> str:
    """A share in percent, never `0 %` for something."""
    share = 100 * part / whole if whole else 0.0
    if share == 0 or share >= 0.001:
        return f"{share:.3g} %"
    return "< 0.001 %"


def show_bytes(amount: float) -> str:
    """Bytes as `20 KiB` or `1.5 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.4g} {unit}"
        amount /= 1024
    return f"{amount:.4g} GiB"


def _three(amount: float) -> str:
    if amount >= 99.95:
        return f"{amount:.0f}"
    return f"{amount:.1f}" if amount >= 9.995 else f"{amount:.2f}"
