"""Paths with gaps: `("providers", ANY, "credential")` stands for the credential of each provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.config.problems import Path

ANY: Final = "*"
"""Stands for any name, or any number of a list's item."""

Pattern = tuple[str, ...]


def fits(path: Path, pattern: Pattern) -> bool:
    """Whether the whole path fits the pattern."""
    return len(path) == len(pattern) and all(want in (ANY, part) for part, want in zip(path, pattern, strict=True))


def fits_any(path: Path, patterns: Iterable[Pattern]) -> bool:
    """Whether the path fits one of the patterns."""
    return any(fits(path, pattern) for pattern in patterns)


SECRETS: Final[tuple[Pattern, ...]] = (
    ("providers", ANY, "credential"),
    ("providers", ANY, "credential", ANY),
    ("keys", ANY, "secret"),
    ("keys", ANY, "former", ANY, "secret"),
    ("pepper",),
)
"""Values that no output shows and that stay references in the plan."""

FILES: Final[tuple[Pattern, ...]] = (
    ("listen", "tls", "cert"),
    ("listen", "tls", "key"),
    ("egress", "roots", ANY),
)
"""Names of files; a relative one starts at the directory of the policy that names it."""

DATABASES: Final[tuple[Pattern, ...]] = (("ledger",), ("ledger", "url"))
"""URLs of databases; the file of one on SQLite is named as in `FILES`."""


def is_secret(path: Path) -> bool:
    """Whether the value at this path must not be shown."""
    return fits_any(path, SECRETS)
