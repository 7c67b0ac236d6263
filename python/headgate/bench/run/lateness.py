"""Whose fault it is that calls were sent late.

Times count from when a call was due, so the load's own lateness can only make figures look worse: a threshold that was
kept all the same is kept, and one that was missed says nothing about the target.
"""

from __future__ import annotations

from headgate.bench.result import LoadResult

_WHOLE = 0.99


def is_own(result: LoadResult) -> bool:
    """Whether the schedule was not kept and this machine is why."""
    return result.health.reason is not None and result.health.own


def sent_whole(result: LoadResult, due: float = 0) -> bool:
    """Whether all calls but 1 % were sent; `due` is how many there had to be at least."""
    return result.sent >= _WHOLE * max(result.asked, due)
