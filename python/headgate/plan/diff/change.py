"""One change, and words that all topics need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence, and who feels it."""

    who: Literal["callers", "operators"]
    text: str


def for_callers(text: str) -> Change:
    """A change that callers feel."""
    return Change("callers", text)


def for_operators(text: str) -> Change:
    """A change that operators alone feel."""
    return Change("operators", text)


def by(items: list[dict[str, Any]], field: str) -> dict[str, dict[str, Any]]:
    """A list of a plan as a map by one of its fields."""
    return {item[field]: item for item in items}


def quoted(names: list[str], most: int = 5) -> str:
    """`a`, `b` and 3 more."""
    shown = [f"`{name}`" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def secret(reference: dict[str, str]) -> str:
    """Where a secret stands; a literal one is never shown."""
    kind, value = next(iter(reference.items()))
    if kind == "digest":
        return "the ledger"
    if kind == "literal":
        return "a secret written in the policy"
    return f"the {'environment variable' if kind == 'env' else 'file'} `{value}`"
