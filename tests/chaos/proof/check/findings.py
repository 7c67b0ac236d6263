"""What the checker found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["lost", "twice", "wrong", "invented", "unseen", "journal", "sums", "overspent"]
_SHOWN: Final = 20


@dataclass(slots=True)
class Findings:
    """What does not hold: how often, and the first of each kind; and figures of what does."""

    counts: Counter[str] = field(default_factory=Counter)
    shown: dict[str, list[str]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)

    def add(self, kind: Kind, sentence: str) -> None:
        """Something does not hold: what, where and how much."""
        self.counts[kind] += 1
        known = self.shown.setdefault(kind, [])
        if len(known) < _SHOWN:
            known.append(sentence)

    @property
    def is_good(self) -> bool:
        """Whether all holds."""
        return not self.counts

    def document(self) -> dict[str, Any]:
        """All of it."""
        return {
            "is_good": self.is_good,
            "findings": dict(sorted(self.counts.items())),
            "first": self.shown,
            "figures": dict(sorted(self.figures.items())),
        }
