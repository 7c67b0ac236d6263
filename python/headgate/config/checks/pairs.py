"""Settings that bound each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.config.sections.base import Section


def both(section: Section, one: str, other: str) -> tuple[int, int] | None:
    """Two settings as far as both were written in this place; a default is no promise that could be broken."""
    if not {one, other} <= section.model_fields_set:
        return None
    first, second = getattr(section, one), getattr(section, other)
    return None if first is None or second is None else (first, second)
