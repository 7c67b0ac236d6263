"""What pydantic refuses, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def reason(error: ValidationError) -> str:
    """The first thing that is wrong, in a few words, without the value."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("<", "[")))
    text = "this headgate knows no such field" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{place}: {text}" if place else text
