"""Whether a caller saw what its row of the catalogue says."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos import events
from tests.chaos.catalogue import Cell, Kind
from tests.chaos.recorded import Exchange
from tests.chaos.seen import Seen
from tests.harness.wire import Answer


def judge(cell: Cell, seen: Seen) -> None:
    """Fails with what was seen instead."""
    outcome = cell.outcome
    told = f"{seen.answer.status} {seen.answer.body[-300:]!r}; primary {summary(seen.primary)}, {summary(seen.spare)}"
    assert seen.answer.status == outcome.status or outcome.kind == "first", told
    if seen.counted:
        assert len(seen.primary) in outcome.tries, f"{len(seen.primary)} tries at the primary: {told}"
    assert len(seen.spare) == (outcome.kind == "spare"), f"the spare was asked {len(seen.spare)} times: {told}"
    JUDGES[outcome.kind](cell, seen)


def summary(exchanges: list[Exchange]) -> list[tuple[int | None, int]]:
    """Statuses and sizes, for a message."""
    return [(one.status, len(one.body)) for one in exchanges]


def is_answer_of(answer: Answer, source: Exchange) -> None:
    """The answer is this provider's, byte for byte as its caller is owed it."""
    assert answer.status == source.status
    assert answer.body == source.owed, f"{answer.body[-200:]!r} is not {source.owed[-200:]!r}"


def of_primary(_: Cell, seen: Seen) -> None:
    """The primary's last answer, whatever it is."""
    is_answer_of(seen.answer, seen.primary[-1])
    assert seen.answer.whole


def of_spare(_: Cell, seen: Seen) -> None:
    """The spare's answer, a good one, and no trace of the primary."""
    is_answer_of(seen.answer, seen.spare[-1])
    assert seen.answer.whole
    assert (seen.answer.header("headgate-deployment") or "").startswith("spare")
    assert not events.tells_error(seen.answer.body)


def relayed(_: Cell, seen: Seen) -> None:
    """The primary's own error."""
    assert seen.answer.body in [one.body for one in seen.primary], seen.answer.body
    assert b'"error"' in seen.answer.body


def ours(cell: Cell, seen: Seen) -> None:
    """The gateway's own error, which says whether to try again."""
    assert seen.answer.code == cell.outcome.code
    assert seen.answer.header("x-should-retry") in ("true", "false")


def error_event(cell: Cell, seen: Seen) -> None:
    """A part of an answer, and the gateway's error event behind it."""
    assert events.error_code(seen.answer.body) == cell.outcome.code, seen.answer.body[-300:]
    assert events.DONE not in events.data(seen.answer.body)
    assert seen.theirs, "nothing came before the error, so it could have been tried again"
    assert b'"tool_calls"' not in seen.answer.body or b'"finish_reason":"tool_calls"' not in seen.answer.body


def their_event(_: Cell, seen: Seen) -> None:
    """The primary's stream, which ends in its own error event."""
    assert seen.answer.body == seen.primary[-1].owed
    assert events.terminals(seen.answer.body)[-1][1] == "error"


def cut(_: Cell, seen: Seen) -> None:
    """A part of a body, which nobody takes for all of it."""
    assert not seen.answer.whole
    assert seen.primary[-1].owed.startswith(seen.answer.body)


JUDGES: dict[Kind, Callable[[Cell, Seen], None]] = {
    "first": of_primary,
    "again": of_primary,
    "spare": of_spare,
    "relayed": relayed,
    "ours": ours,
    "error": error_event,
    "theirs": their_event,
    "cut": cut,
}
