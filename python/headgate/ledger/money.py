"""Nano-dollars as text."""

from __future__ import annotations

from decimal import Decimal

NANO = 1_000_000_000


def exact_usd(nano: int) -> str:
    """US dollars to the last digit, `0.000123`, for programs."""
    return f"{(Decimal(nano) / NANO).normalize():f}"


def short_usd(nano: int) -> str:
    """US dollars for people: cents from a hundred dollars on, else as many digits as tell it apart from nothing."""
    dollars = Decimal(nano) / NANO
    if abs(dollars) >= 100 or not nano:
        return f"${dollars:,.2f}"
    return f"${dollars:.4f}" if abs(dollars) >= 1 else f"${dollars:.6f}"
