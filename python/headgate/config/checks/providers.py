"""Providers: that an address, a dialect and a credential are known for each; and who gets calls without a model."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from headgate.config import catalogue
from headgate.config.near import nearest
from headgate.config.secrets import Secret

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.problems import Path, Report
    from headgate.config.sections import Policy, Provider


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks `providers` and `passthrough`."""
    for name, provider in policy.providers.items():
        path = ("providers", name)
        if names.is_broken(path):
            continue
        known = catalogue.providers().get(name)
        if known is None:
            _unknown(name, provider, path, report)
        else:
            _known(name, known, provider, report)
        _credentials(provider, path, report)
        _endpoints(provider, path, report)
    if policy.passthrough is not None:
        names.require(policy.passthrough, "provider", ("passthrough",), report)


def _unknown(name: str, provider: Provider, path: Path, report: Report) -> None:
    absent = [field for field in ("dialect", "endpoints") if getattr(provider, field) is None]
    if not absent:
        return
    near = nearest(name, catalogue.providers())
    hint = f"; did you mean `{near}`?" if near else ""
    needs = " and ".join(f"`{field}`" for field in absent)
    report.error(path, f"the catalogue does not know `{name}`, so it needs {needs}{hint}", key=True)


def _known(name: str, known: catalogue.KnownProvider, provider: Provider, report: Report) -> None:
    path: Path = ("providers", name)
    if provider.dialect is None and known.dialect != "openai":
        layer = f"; `dialect: openai` uses its OpenAI-compatible address {known.openai_url}" if known.openai_url else ""
        report.error(path, f"its dialect `{known.dialect}` is not supported yet{layer}", key=True)
        return
    if provider.endpoints is None and known.openai_url is None:
        form = f", such as {known.endpoint_form}" if known.endpoint_form else ""
        report.error(
            path, f"`endpoints` is needed{form}: the catalogue knows no OpenAI-compatible address of it", key=True
        )
    if not provider.credential and provider.endpoints is None and known.credential == "required":
        report.error(path, f'`credential` is needed, such as "${{env:{name.upper()}_API_KEY}}"', key=True)


def _credentials(provider: Provider, path: Path, report: Report) -> None:
    seen: dict[Secret, int] = {}
    for number, secret in enumerate(provider.credential):
        at = (*path, "credential", number) if len(provider.credential) > 1 else (*path, "credential")
        if secret in seen:
            report.error(at, f"the same as number {seen[secret] + 1}; each credential is named once")
        elif secret.kind == "literal":
            report.warning(at, "a secret in clear; name where it stands: ${env:NAME} or ${file:PATH}")
        seen.setdefault(secret, number)


def _endpoints(provider: Provider, path: Path, report: Report) -> None:
    endpoints = provider.endpoints or []
    for number, endpoint in enumerate(endpoints):
        at = (*path, "endpoints", number)
        if endpoint in endpoints[:number]:
            report.error(at, f"`{endpoint}` is named twice")
        if endpoint.scheme == "http" and provider.credential and not _is_private(endpoint.host):
            report.warning(at, "the credential travels in clear over http; use https")


def _is_private(host: str) -> bool:
    """Whether a host is, by its name, on this machine or in a private network. Names without a dot count as such."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))
    return address.is_private
