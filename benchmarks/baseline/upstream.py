"""One endpoint of a provider: what it is sent, and what a failed exchange with it means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from benchmarks.baseline.faults import Fault
from benchmarks.baseline.guard import EgressRefusedError, refused_host
from benchmarks.baseline.headers import going_on
from headgate import version

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

    from benchmarks.baseline.egress import Sessions
    from headgate.plan.document import Endpoint, Provider

Body = bytes | AsyncIterator[bytes] | None

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNRESOLVED: Final = "could not be found: its host name does not resolve"
_REFUSED: Final = (
    "has an address to which calls never go: link-local, metadata, or private where the policy does not name it"
)


class Upstream:
    """One endpoint with the provider's own header lines; several credentials are used in turn."""

    def __init__(self, provider: Provider, endpoint: Endpoint, credentials: list[str], sessions: Sessions) -> None:
        self._provider = provider.id
        self._own = frozenset([*provider.headers, provider.auth.header])
        self._fixed = [("Accept-Encoding", "identity"), *provider.headers.items()]
        self._shown = [(provider.auth.header, provider.auth.prefix + credential) for credential in credentials]
        self._user_agent = f"headgate-baseline/{version()}"
        self._turn = 0
        self._session = sessions.of(endpoint)
        self._proxy = sessions.proxy_of(endpoint)
        self._why_refused = None if endpoint.scheme == "unix" else refused_host(endpoint.host, named=endpoint.named)
        self._url = lru_cache(maxsize=1024)(lambda target: URL(_base(endpoint) + target, encoded=True))

    async def send(
        self, method: str, target: str, headers: CIMultiDict[str], body: Body, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """Sends a call; the head of the answer is there when it returns. `target` is what follows the base path."""
        if self._why_refused is not None:
            raise self._fault("egress_refused", _REFUSED, self._why_refused)
        try:
            return await self._session.request(
                method,
                self._url(target),
                data=body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=timeout,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise self._fault_of(error) from error

    def lines(self, incoming: CIMultiDictProxy[str]) -> CIMultiDict[str]:
        """The header lines of a call."""
        lines = CIMultiDict(going_on(incoming, self._own))
        lines.extend(self._fixed)
        if self._shown:
            lines.add(*self._shown[self._turn])
            self._turn = (self._turn + 1) % len(self._shown)
        if "User-Agent" not in lines:
            lines.add("User-Agent", self._user_agent)
        return lines

    async def piece(self, response: aiohttp.ClientResponse) -> bytes:
        """The next piece; empty at the end."""
        try:
            return await response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise self._fault(
                "stream_cut", "ended its answer before it was whole: what came so far is not complete", error
            ) from error

    def credential_rejected(self) -> Fault:
        """The provider refused our credential: its 401 would mislead the caller, whose key is fine."""
        return self._fault("provider_credential_rejected", "refused this gateway's credential: tell its operator", None)

    def _fault(self, code: str, sentence: str, cause: object) -> Fault:
        # An error of the client may quote what the provider sent: its kind is enough.
        shown = type(cause).__name__ if isinstance(cause, Exception) else cause
        return Fault(code, f"The provider `{self._provider}` {sentence}", cause=shown)

    def _fault_of(self, error: Exception) -> Fault:
        """What a failed exchange means. The order matters: aiohttp's errors are a tree."""
        match error:
            case aiohttp.ConnectionTimeoutError():
                return self._fault("connect_timeout", "took no connection within `timeouts.connect`", error)
            case aiohttp.ClientConnectorDNSError(os_error=EgressRefusedError()):
                return self._fault("egress_refused", _REFUSED, error)
            case aiohttp.ClientConnectorDNSError():
                return self._fault("provider_unresolved", _UNRESOLVED, error)
            case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
                return self._fault("provider_tls_failed", "could not be reached: TLS failed", error)
            case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
                return self._fault("provider_unreachable", "could not be reached: the connection failed", error)
            case aiohttp.ClientResponseError():
                return self._fault("provider_garbled", "sent an answer that is not HTTP", error)
        return self._fault("provider_closed", "closed the connection before it answered", error)


def _base(endpoint: Endpoint) -> str:
    if endpoint.scheme == "unix":
        return "http://localhost" + endpoint.base_path
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    port = "" if endpoint.port == _DEFAULT_PORTS[endpoint.scheme] else f":{endpoint.port}"
    return f"{endpoint.scheme}://{host}{port}{endpoint.base_path}"
