"""Providers: what the policy says, filled up from the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from headgate.config import catalogue
from headgate.config.addresses import parse_endpoint
from headgate.config.sections.base import merged
from headgate.plan import document
from headgate.plan.lower import resilience

if TYPE_CHECKING:
    from headgate.config import addresses, sections
    from headgate.config.secrets import Secret
    from headgate.plan.lower.prices import Table

BEARER: Final = document.Auth(header="authorization", prefix="Bearer ")
_VERSIONS: Final[dict[str, Literal["auto", "http1", "http2"]]] = {"auto": "auto", "1": "http1", "2": "http2"}


def provider(name: str, policy: sections.Policy, table: Table) -> document.Provider:
    """One provider of the policy; what it does not say of retries and breakers is as for all."""
    section = policy.providers[name]
    known = catalogue.providers().get(name)
    budget = merged(policy.resilience.retry, section.retry)
    return document.Provider(
        id=name,
        kind=name if known else "",
        dialect="openai",
        endpoints=tuple(_endpoints(name, section, known)),
        credentials=tuple(secret(each) for each in section.credential),
        auth=_auth(known),
        headers=dict(sorted(section.headers.items())),
        http=_VERSIONS[section.http],
        breaker=resilience.breaker(merged(policy.resilience.breaker, section.breaker)),
        retry_permille=budget.budget_ratio,
        retry_floor_per_second=budget.budget_floor,
        max_concurrency=section.concurrency,
        stream_usage=section.stream_usage,
        prices=table.models(name),
        price=table.provider(section),
    )


def secret(given: Secret) -> document.SecretRef:
    """Where a secret stands."""
    match given.kind:
        case "env":
            return document.Env(given.value)
        case "file":
            return document.File(given.value)
        case "literal":
            return document.Literally(given.value)
        case "digest":
            return document.Digest(document.KeyDigest("secret", given.value))
        case "digest_of_sha256":
            return document.Digest(document.KeyDigest("sha256", given.value))


def _endpoints(name: str, section: sections.Provider, known: catalogue.KnownProvider | None) -> list[document.Endpoint]:
    if section.endpoints is not None:
        return [_endpoint(name, each, named=True) for each in section.endpoints]
    if known is None or known.openai_url is None:
        raise ValueError(f"no address of the provider {name} is known")
    return [_endpoint(name, parse_endpoint(known.openai_url), named=known.local)]


def _endpoint(provider: str, address: addresses.Endpoint, *, named: bool) -> document.Endpoint:
    return document.Endpoint(
        id=f"{provider}@{address}",
        scheme=address.scheme,
        host=address.host,
        port=address.port,
        base_path=address.base_path,
        named=named,
    )


def _auth(known: catalogue.KnownProvider | None) -> document.Auth:
    """What the catalogue says of a provider's own dialect; the OpenAI-compatible address of another takes a Bearer."""
    if known is None or known.dialect != "openai":
        return BEARER
    return document.Auth(header=known.auth_header, prefix=known.auth_prefix)
