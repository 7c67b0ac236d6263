"""The way out to providers: one client session per kind of connection, the proxies, TLS."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final
from urllib.request import getproxies, proxy_bypass

import aiohttp

from benchmarks.baseline.admission import is_loopback
from benchmarks.baseline.guard import GuardedResolver
from headgate.errors import PlanError
from headgate.plan.document import Url

if TYPE_CHECKING:
    from headgate.plan.document import Egress, Endpoint, Roots

IDLE_S: Final = 60.0
"""How long a connection to a provider rests before it is closed."""
READ_BYTES: Final = 256 * 1024
RESOLVED_FOR_S: Final = 30


class Sessions:
    """Client sessions; each holds a pool of connections. Made within the event loop."""

    def __init__(self, egress: Egress) -> None:
        self._tls = _tls(egress.roots)
        self._proxy = egress.proxy
        self._sessions: dict[tuple[str, object], aiohttp.ClientSession] = {}

    def of(self, endpoint: Endpoint) -> aiohttp.ClientSession:
        """The session that reaches an endpoint."""
        unix = endpoint.scheme == "unix"
        key = ("unix", endpoint.host) if unix else ("tcp", endpoint.named)
        if key not in self._sessions:
            connector: aiohttp.BaseConnector
            if unix:
                connector = aiohttp.UnixConnector(endpoint.host, limit=0, keepalive_timeout=IDLE_S)
            else:
                connector = aiohttp.TCPConnector(
                    limit=0,
                    keepalive_timeout=IDLE_S,
                    ttl_dns_cache=RESOLVED_FOR_S,
                    resolver=GuardedResolver(named=endpoint.named),
                    ssl=self._tls,
                )
            self._sessions[key] = _session(connector)
        return self._sessions[key]

    def proxy_of(self, endpoint: Endpoint) -> str | None:
        """The proxy on the way to an endpoint."""
        if endpoint.scheme == "unix" or self._proxy == "off":
            return None
        if isinstance(self._proxy, Url):
            return self._proxy.url
        proxies = getproxies()
        if proxy_bypass(endpoint.host) or is_loopback(endpoint.host):
            return None
        return proxies.get(endpoint.scheme) or proxies.get("all")

    async def close(self) -> None:
        """Closes all connections."""
        for session in self._sessions.values():
            await session.close()


def _session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BYTES,
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
    )


def _tls(roots: Roots) -> ssl.SSLContext:
    context = ssl.create_default_context() if roots.system or roots.bundled else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in roots.files:
        try:
            context.load_verify_locations(path)
        except OSError as error:
            raise PlanError(f"egress.roots: cannot read {path}: {error}") from None
    return context
