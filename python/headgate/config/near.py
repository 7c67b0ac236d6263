"""The name that was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The valid name that is most like `name`, if one is like it at all."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def hint(name: str, names: Iterable[str]) -> str:
    """The end of a sentence: what was probably meant, or which names there are, or nothing where there are too many."""
    known = sorted(names)
    match = nearest(name, known)
    if match is not None:
        return f"; did you mean `{match}`?"
    if 0 < len(known) <= 12:
        return f"; there is {', '.join(f'`{candidate}`' for candidate in known)}"
    return ""
