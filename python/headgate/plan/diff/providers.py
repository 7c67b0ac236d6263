"""How providers are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.plan.diff import resilience
from headgate.plan.diff.change import Change, by, for_operators, secret

if TYPE_CHECKING:
    from collections.abc import Iterator


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Providers in both plans that are reached otherwise."""
    old, new = by(before["providers"], "id"), by(after["providers"], "id")
    for name in [name for name in new if name in old]:
        yield from _changed(name, old[name], new[name])


def _changed(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    if _endpoints(old) != _endpoints(new):
        yield for_operators(f"calls to `{name}` now connect to {_endpoints(new)}, no longer to {_endpoints(old)}")
    if old["credentials"] != new["credentials"]:
        shown = " and ".join(secret(each) for each in new["credentials"])
        yield for_operators(f"calls to `{name}` now show {f'what stands in {shown}' if shown else 'no credential'}")
    if (old["auth"], old["headers"]) != (new["auth"], new["headers"]):
        lines = ", ".join(f"`{header}`" for header in (new["auth"]["header"], *new["headers"]))
        yield for_operators(f"calls to `{name}` now carry other header lines: {lines}")
    if old["stream_usage"] != new["stream_usage"]:
        asked = "are asked" if new["stream_usage"] == "ask" else "are no longer asked"
        yield for_operators(f"streams of `{name}` {asked} to say what they used")
    if old["http"] != new["http"]:
        yield for_operators(f"calls to `{name}` now speak {new['http']} (was {old['http']})")
    yield from resilience.provider(name, old, new)


def _endpoints(provider: dict[str, Any]) -> str:
    return ", ".join(endpoint["id"].partition("@")[2] for endpoint in provider["endpoints"])
