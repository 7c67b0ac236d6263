"""Which addresses calls go to: never to what hands out a machine's identity, and to private ones only by name."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

from aiohttp.abc import AbstractResolver
from aiohttp.resolver import ThreadedResolver

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("100.100.100.200", "168.63.129.16", "192.0.0.192", "255.255.255.255", "fd00:ec2::254", "fd20:ce::254"),
    )
)
_NAMES: Final = frozenset({"metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"})


class EgressRefusedError(OSError):
    """No address of a host may be called."""


def refusal(address: str, *, named: bool) -> str | None:
    """Why calls do not go to an address, if they do not. `named`: the policy wrote the host."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    if found in _METADATA:
        return "a metadata address"
    if found.is_link_local or found.is_multicast or found.is_unspecified:
        return "link-local, multicast or unspecified"
    return None if named or found.is_global else "not global"


def refused_host(host: str, *, named: bool) -> str | None:
    """Why a host that is written as an address, or that names a metadata service, is not called."""
    if host.rstrip(".").lower() in _NAMES:
        return "a metadata service"
    try:
        return refusal(host, named=named)
    except ValueError:
        return None  # a name: the resolver's answers are looked at


class GuardedResolver(AbstractResolver):
    """The system's resolver, less addresses that are refused."""

    def __init__(self, *, named: bool) -> None:
        self._resolver = ThreadedResolver()
        self._named = named

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises `EgressRefusedError` where none may be called."""
        found = await self._resolver.resolve(host, port, family)
        good = [result for result in found if refusal(result["host"], named=self._named) is None]
        if found and not good:
            raise EgressRefusedError(f"{host} resolves to addresses that are refused")
        return good

    async def close(self) -> None:
        """Nothing is held open."""
        await self._resolver.close()
