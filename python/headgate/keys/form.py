"""Virtual keys: how a fresh one is made.

`hg_` says to people and to secret scanners whose it is; 43 characters of base62 hold 256 bits from the operating
system's source of randomness; the last 6 are a CRC-32 of what stands before, so that a scanner can tell a key from a
text that looks like one. GitHub's tokens have the same three parts.
"""

from __future__ import annotations

import secrets
import string
import zlib
from typing import Final

PREFIX: Final = "hg_"
_DIGITS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET_LENGTH: Final = 43  # 62 ** 43 > 2 ** 256
_CHECK_LENGTH: Final = 6  # 62 ** 6 > 2 ** 32


def fresh() -> str:
    """A new key: `hg_`, 43 random characters, 6 of checksum."""
    body = PREFIX + _base62(secrets.randbits(256), _SECRET_LENGTH)
    return body + _checksum(body)


def is_wellformed(key: str) -> bool:
    """Whether a text has the form of a fresh key, its checksum included."""
    body, check = key[:-_CHECK_LENGTH], key[-_CHECK_LENGTH:]
    length = len(PREFIX) + _SECRET_LENGTH
    return body.startswith(PREFIX) and len(body) == length and check == _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
