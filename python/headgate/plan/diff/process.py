"""What concerns the gateway as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config.units import show_duration, show_size
from headgate.plan.diff.change import Change, for_callers, for_operators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WHO = {
    "keys": "callers must show a virtual key",
    "loopback": "programs on this machine may call without a key, others cannot",
    "anyone": "anyone who reaches the listener may call without a key",
}
_LIMITS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "max_body_bytes": ("a body that names a model may have {}", show_size),
    "max_upload_bytes": ("an upload may have {}", show_size),
    "max_head_bytes": ("the head of a request may have {}", show_size),
    "max_connections": ("{} connections may be open", str),
    "max_calls": ("{} calls may be open", str),
    "max_streams": ("{} streams may be open", str),
    "max_buffered_bytes": (
        "bodies may hold {}",
        lambda size: "a quarter of the memory that there is" if size is None else show_size(size),
    ),
    "idle_ms": ("a connection may rest for {} between calls", show_duration),
    "read_gap_ms": ("a request may stop arriving for {}", show_duration),
    "origins": ("web pages of these origins may call: {}", lambda origins: ", ".join(origins) or "none"),
}


def callers(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """What callers feel."""
    old, new = before["listen"], after["listen"]
    if old["data"] != new["data"]:
        yield for_callers(f"the base URL moves from {_address(old['data'])} to {_address(new['data'])}")
    if (old["tls"] is None) != (new["tls"] is None):
        yield for_callers(f"the base URL is now {'https' if new['tls'] else 'http, without TLS'}")
    if before["callers"] != after["callers"]:
        yield for_callers(_WHO[after["callers"]])
    for field, (sentence, show) in _LIMITS.items():
        was, now = before["http"][field], after["http"][field]
        if was != now:
            yield for_callers(f"{sentence.format(show(now))} (was {show(was)})")
    if _passthrough(before) != _passthrough(after):
        now = _passthrough(after)
        goes = f"now go to `{now}`" if now else "are refused: 404"
        yield for_callers(f"calls that name no model (files, batches, ...) {goes}")


def operators(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """What operators alone feel."""
    if before["listen"]["ops"] != after["listen"]["ops"]:
        yield for_operators(f"probes and metrics move to {_address(after['listen']['ops'])}")
    old_tls, new_tls = before["listen"]["tls"], after["listen"]["tls"]
    if old_tls and new_tls and old_tls != new_tls:
        yield for_operators(f"the certificate is now read from {new_tls['cert']}")
    for field, words in (("accept_for_ms", "still takes new calls for"), ("grace_ms", "then waits for open ones for")):
        was, now = before["drain"][field], after["drain"][field]
        if was != now:
            yield for_operators(f"a stop {words} {show_duration(now)} (was {show_duration(was)})")
    for section, words in (
        ("egress", "the way out to providers"),
        ("workers", "the number of workers"),
        ("log", "the log"),
    ):
        if before[section] != after[section]:
            yield for_operators(f"{words} changes: {_flat(after[section])} (was {_flat(before[section])})")


def _passthrough(plan: dict[str, Any]) -> str | None:
    number = plan["passthrough"]
    return None if number is None else str(plan["providers"][number]["id"])


def _address(address: dict[str, str]) -> str:
    kind, value = next(iter(address.items()))
    return f"unix:{value}" if kind == "unix" else value


def _flat(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
