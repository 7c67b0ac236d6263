"""A secret as a policy names it, and whether one that is written in clear is easy to guess."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headgate.config.references import WHOLE

MIN_LENGTH = 20
MIN_BITS = 64
_WORDS = (
    "password",
    "passwd",
    "secret",
    "changeme",
    "letmein",
    "qwerty",
    "example",
    "admin",
    "headgate",
    "12345",
    "abcde",
)


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Where a secret stands. `value` is a variable's name, a file's path, or the secret itself; no `repr` shows it.

    Of a key in the ledger it is a digest of the secret, or of its SHA-256; no policy can say so.
    """

    kind: Literal["env", "file", "literal", "digest", "digest_of_sha256"]
    value: str

    def __repr__(self) -> str:
        return "Secret(literal)" if self.kind == "literal" else f"Secret({self.kind}:{self.value})"


def _parse(value: Any) -> Secret:  # noqa: ANN401 - whatever YAML holds
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("secret", "a text is needed; put it in quotes, or better in ${env:NAME}")
    if whole := WHOLE.fullmatch(value):
        return Secret("env" if whole["kind"] == "env" else "file", whole["name"])
    if not value:
        raise PydanticCustomError("secret", "empty; name where it stands, such as ${env:NAME} or ${file:PATH}")
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        raise PydanticCustomError("secret", "has characters that no header line can carry")
    return Secret("literal", value)


SecretRef = Annotated[
    Secret,
    PlainValidator(_parse),
    WithJsonSchema({"type": "string", "description": "`${env:NAME}` or `${file:PATH}`; in clear with a warning."}),
]


def weakness(secret: str) -> str | None:
    """Why a secret is easy to guess, or nothing. `headgate key new` prints one that is not."""
    if len(secret) < MIN_LENGTH:
        return f"shorter than {MIN_LENGTH} characters"
    low = secret.lower()
    if any(word in low for word in _WORDS):
        return "holds a word that is guessed first"
    if _bits(secret) < MIN_BITS:
        return "repeats too few characters"
    return None


def _bits(secret: str) -> float:
    """The empirical entropy of the characters; an upper bound of what a guesser faces."""
    total = len(secret)
    return -sum(count * math.log2(count / total) for count in Counter(secret).values())
