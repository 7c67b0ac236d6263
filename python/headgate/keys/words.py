"""What pydantic refuses, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config import shape
from headgate.config.problems import dotted

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


def reason(error: ValidationError, value: dict[str, Any], model: type[BaseModel]) -> str:
    """The first thing that is wrong with a value, as it would be told of a policy."""
    path, text = shape.first(error, value, model)
    return f"{dotted(path)}: {text}" if path else text
