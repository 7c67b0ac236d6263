"""What concerns the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config.units import show_duration, show_size
from headgate.plan.diff.change import Change, for_callers, for_operators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FULL = {
    "refuse_budgeted": "those under a budget that must hold are refused, others are served",
    "refuse": "all are refused",
    "serve": "all are served",
}
_FIELDS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "directory": ("it is written down in {} what calls use", str),
    "sync_ms": ("the journal is handed to the disk every {}", show_duration),
    "segment_bytes": ("files of the journal have {}", show_size),
    "keep_for_ms": ("files of the journal are kept for {}", show_duration),
    "keep_bytes": ("files of the journal take at most {}", show_size),
}


def callers(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """What callers feel."""
    old, new = before["journal"], after["journal"]
    if new and (old["when_full"] if old else "serve") != new["when_full"]:
        yield for_callers(f"of calls for which the journal has no room, {_FULL[new['when_full']]}")


def operators(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """What operators alone feel."""
    old, new = before["journal"], after["journal"]
    if old is None and new is not None:
        yield for_operators(f"it is now written down in {new['directory']} what calls use")
    if new is None and old is not None:
        yield for_operators("it is no longer written down what calls use")
    if old is None or new is None:
        return
    for field, (sentence, show) in _FIELDS.items():
        if old[field] != new[field]:
            yield for_operators(f"{sentence.format(show(new[field]))} (was {show(old[field])})")
