"""Trying the secrets of a plan, with the place of each in the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.problems import Problem
from headgate.engine import native

if TYPE_CHECKING:
    from headgate.compile import Compiled


def problems(compiled: Compiled) -> list[Problem]:
    """Secrets that cannot be read (errors) and virtual keys that are easy to guess (warnings)."""
    found = []
    for finding in native.resolve(compiled.document):
        path = compiled.path_of(finding["place"])
        place = compiled.loaded.places.of_value(path)
        if finding["problem"]:
            found.append(Problem(place, path, finding["problem"]))
        elif finding["weak"]:
            text = "a weak key: it could be guessed; `headgate key new` prints a strong one"
            found.append(Problem(place, path, text, is_error=False))
    return found
