"""Several calls of one user at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gevent.pool import Group  # type: ignore[import-untyped] # gevent has no types; this is the one place that needs it

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_all(items: Sequence[Item], call: Callable[[Item], Result]) -> list[Result]:
    """Makes the call for all items together; the results in their order. A user that is stopped stops them too."""
    group = Group()
    try:
        running = [group.spawn(call, item) for item in items]
        group.join(raise_error=True)
        return [greenlet.value for greenlet in running]
    finally:
        group.kill()
