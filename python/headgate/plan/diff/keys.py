"""What the holders of virtual keys may do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.plan.diff.change import Change, by, for_callers, quoted, secret

if TYPE_CHECKING:
    from collections.abc import Iterator


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Keys that are new, gone, or may do something else."""
    old, new = by(before["keys"], "name"), by(after["keys"], "name")
    for name in [name for name in new if name not in old]:
        yield for_callers(f"the key `{name}` is new: it may ask for {_scope(new[name], after)}")
    for name in [name for name in old if name not in new]:
        yield for_callers(f"callers with the key `{name}` are refused: 401")
    for name in [name for name in new if name in old]:
        yield from _changed(name, (old[name], before), (new[name], after))


def _changed(
    name: str, old: tuple[dict[str, Any], dict[str, Any]], new: tuple[dict[str, Any], dict[str, Any]]
) -> Iterator[Change]:
    was, now = _scope(*old), _scope(*new)
    if was != now:
        yield for_callers(f"callers with the key `{name}` may now ask for {now} (was {was})")
    if old[0]["passthrough"] != new[0]["passthrough"]:
        may = "may now" if new[0]["passthrough"] else "may no longer"
        yield for_callers(f"callers with the key `{name}` {may} make calls that name no model")
    for field, words in (("team", "belong to"), ("user", "are made by"), ("tags", "are tagged")):
        if old[0][field] != new[0][field]:
            yield for_callers(
                f"calls with the key `{name}` {words} {_names(new[0][field])} (was {_names(old[0][field])})"
            )
    if old[0]["expires_unix_ms"] != new[0]["expires_unix_ms"]:
        yield for_callers(f"the key `{name}` is good {_until(new[0])} (was {_until(old[0])})")
    if old[0]["secret"] != new[0]["secret"]:
        while_ = ", or for a while what they show now" if _still_taken(old[0], new[0]) else ""
        yield for_callers(f"callers with the key `{name}` must show what stands in {secret(new[0]['secret'])}{while_}")
    if old[0]["expires_unix_ms"] != new[0]["expires_unix_ms"]:
        yield for_callers(
            f"the key `{name}` {_end(new[0]['expires_unix_ms'])} (was: {_end(old[0]['expires_unix_ms'])})"
        )


def _still_taken(old: dict[str, Any], new: dict[str, Any]) -> bool:
    return any(former["secret"] == old["secret"] for former in new["former"])


def _end(unix_ms: int | None) -> str:
    if unix_ms is None:
        return "does not expire"
    return f"expires {datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec='seconds')}"


def _scope(key: dict[str, Any], plan: dict[str, Any]) -> str:
    if key["aliases"] is None:
        return "everything"
    if not key["aliases"]:
        return "nothing but calls that name no model"
    return quoted(sorted(plan["aliases"][number]["name"] for number in key["aliases"]), most=10)


def _names(value: str | list[str] | None) -> str:
    names = [value] if isinstance(value, str) else value
    return quoted(names, most=10) if names else "nobody" if value is None else "nothing"


def _until(key: dict[str, Any]) -> str:
    moment = key["expires_unix_ms"]
    return "for ever" if moment is None else f"until {datetime.fromtimestamp(moment / 1000, UTC).isoformat()}"
