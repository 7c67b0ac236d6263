"""Which header lines pass: the caller's to a provider, a provider's to the caller.

What is not listed passes: libraries and providers agree on headers that a gateway does not know.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from multidict import CIMultiDictProxy

REQUEST_FAMILIES: Final = ("cf-", "headgate-", "proxy-", "sec-", "x-forwarded-")
REQUEST: Final = frozenset({
    "api-key", "authorization", "accept-encoding", "baggage", "cookie", "cookie2", "connection", "content-length",
    "expect", "forwarded", "host", "http2-settings", "keep-alive", "origin", "openai-project", "openai-organization",
    "ocp-apim-subscription-key", "referer", "te", "trailer", "true-client-ip", "transfer-encoding", "upgrade", "via",
    "x-api-key", "x-real-ip", "x-client-ip", "x-goog-api-key", "x-goog-user-project",
})  # fmt: skip
"""What belongs to the caller's connection, says who or where it is, is a credential, or would choose who pays."""

ANSWER_FAMILIES: Final = ("access-control-", "cf-", "headgate-", "proxy-", "x-envoy-")
ANSWER: Final = frozenset({
    "alt-svc", "anthropic-organization-id", "connection", "content-length", "clear-site-data", "date", "keep-alive",
    "nel", "openai-project", "openai-organization", "report-to", "reporting-endpoints", "server", "set-cookie",
    "set-cookie2", "strict-transport-security", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-powered-by",
})  # fmt: skip
"""What belongs to the provider's connection, would act on the caller's browser, or says whose account pays."""

_PLAIN: Final = frozenset({"keep-alive", "close"})


@lru_cache(maxsize=4096)
def _going(name: str) -> str | None:
    """The name in lower case, if lines of this name go on."""
    lower = name.lower()
    return None if lower in REQUEST or lower.startswith(REQUEST_FAMILIES) else lower


@lru_cache(maxsize=4096)
def _coming(name: str) -> str | None:
    """The name in lower case, if lines of this name come back."""
    lower = name.lower()
    return None if lower in ANSWER or lower.startswith(ANSWER_FAMILIES) else lower


def going_on(headers: CIMultiDictProxy[str], own: frozenset[str]) -> list[tuple[str, str]]:
    """The caller's lines that go on to a provider; those named in `own` (lower case) give way to the provider's."""
    kept = own | _named(headers)
    return [(name, value) for name, value in headers.items() if (lower := _going(name)) and lower not in kept]


def coming_back(headers: CIMultiDictProxy[str]) -> list[tuple[str, str]]:
    """The provider's lines that the caller gets."""
    kept = _named(headers)
    return [(name, value) for name, value in headers.items() if (lower := _coming(name)) and lower not in kept]


def _named(headers: Mapping[str, str]) -> frozenset[str]:
    """The lines that `Connection` names, besides its own words."""
    value = headers.get("Connection")
    if value is None or value.lower() in _PLAIN:
        return frozenset()
    return frozenset(token.strip().lower() for token in value.split(",")) - _PLAIN
