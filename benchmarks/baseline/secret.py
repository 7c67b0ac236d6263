"""Secrets, read at start and at reload, and never written anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import PlanError
from headgate.plan.document import Env, File, Literally

if TYPE_CHECKING:
    from headgate.plan.document import SecretRef


def read(place: str, reference: SecretRef) -> str:
    """One secret. Raises `PlanError` that names its place, never its value."""
    match reference:
        case Env(name):
            secret, source = os.environ.get(name), f"the environment variable {name}"
        case File(path):
            source = f"the file {path}"
            try:
                secret = Path(path).read_text(encoding="ascii").removesuffix("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise PlanError(f"{place}: cannot read {source}: {error}") from None
        case Literally(literal):
            secret, source = literal, "the secret in the policy"
        case _:
            raise PlanError(f"{place}: the baseline knows no keys of a ledger")
    if not secret:
        raise PlanError(f"{place}: {source} is not set, or empty")
    if not all("\x21" <= character <= "\x7e" for character in secret):
        raise PlanError(f"{place}: {source} holds a character that cannot stand in a header")
    return secret
