"""Who calls, and whether they may: decided from the head alone."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from benchmarks.baseline.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multidict import CIMultiDictProxy

    from headgate.plan.document import Callers

CARRIERS: Final = ("Authorization", "x-api-key", "api-key")
"""Where a caller may show its key; the first that is there counts."""


class Keys:
    """Virtual keys as digests under a key that is drawn at start: a lookup's time says nothing about a near miss."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._seed = secrets.token_bytes(32)
        digests = (self._digest(secret.encode()) for secret in keys)
        self._by_digest = {digest: (digest, index) for index, digest in enumerate(digests)}

    def find(self, headers: CIMultiDictProxy[str]) -> int:
        """The index of the key that a caller shows."""
        for carrier in CARRIERS:
            shown = headers.get(carrier)
            if shown is not None:
                index = self._index(shown[7:].strip() if shown[:7].lower() == "bearer " else shown)
                if index is not None:
                    return index
                break
        raise Fault(
            "invalid_api_key",
            "No valid key: show a virtual key of this gateway as `Authorization: Bearer …`, `x-api-key` or `api-key`",
        )

    def _index(self, secret: str) -> int | None:
        digest = self._digest(secret.encode(errors="surrogateescape"))
        known, index = self._by_digest.get(digest, (b"", None))
        return index if hmac.compare_digest(known, digest) else None

    def _digest(self, secret: bytes) -> bytes:
        return blake2b(secret, key=self._seed, digest_size=32).digest()


class Admission:
    """Decides who is let in."""

    def __init__(self, callers: Callers, keys: Keys, origins: tuple[str, ...]) -> None:
        self._callers = callers
        self._keys = keys
        self._origins = frozenset(origins)

    def admit(self, headers: CIMultiDictProxy[str], *, unix: bool) -> int | None:
        """The index of the caller's key; none where the policy has none. Raises a fault that refuses."""
        if self._callers == "keys":
            return self._keys.find(headers)
        if "Origin" in headers and self.listed_origin(headers) is None:
            raise Fault(
                "origin_forbidden",
                "Web pages of this origin may not call: list it in `http.origins`, or set up `keys`",
            )
        if self._callers == "loopback" and not unix and not _is_ours(headers.get("Host")):
            raise Fault(
                "host_forbidden",
                "Without `keys` only this machine may call, as `localhost` or by a loopback address: set up `keys`, "
                "or say `open: true`",
            )
        return None

    def listed_origin(self, headers: CIMultiDictProxy[str]) -> str | None:
        """The caller's origin, when it is a web page that the policy lists."""
        if not self._origins:
            return None
        origin = headers.get("Origin")
        return origin if origin is not None and origin.lower() in self._origins else None


def _is_ours(host: str | None) -> bool:
    if host is None:
        return True
    return is_loopback(host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0])


def is_loopback(name: str) -> bool:
    """Whether a host is this machine."""
    if name.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
