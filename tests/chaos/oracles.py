"""What must hold of every call, whatever the provider did. Each raises an AssertionError that says what does not."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos import events
from tests.chaos.seen import Seen

LATE_S = 1.0
"""How much later than its deadline a call may end. The bound is 100 ms; a busy machine gets more."""

Oracle = Callable[[Seen], None]


def one_terminal(seen: Seen) -> None:
    """O1: a stream ends once, with nothing behind it, and well only if the provider's stream ended well."""
    if not seen.is_events:
        return
    body = seen.answer.body
    ends = events.terminals(body)
    assert len(ends) == 1, f"a stream has {len(ends)} terminals: {ends}, {body[-300:]!r}"
    place, how = ends[0]
    assert place == len(events.data(body)) - 1, f"events stand behind the terminal: {body[-300:]!r}"
    if how == "error":
        return
    assert seen.answer.whole, "a stream that ends well is broken off"
    source = next((one for one in seen.all if one.owed == body), None)
    assert source is not None, "a stream ends well that no provider sent so"


def one_answer(seen: Seen) -> None:
    """O2: the caller has a part of one provider's answer, from its beginning, or an answer of the gateway itself."""
    if is_ours(seen):
        return
    body = seen.theirs
    fits = [one for one in seen.all if one.owed.startswith(body)]
    bodies = [one.owed[:200] for one in seen.all]
    assert fits, f"what the caller got is nobody's answer: {body[:300]!r} of {bodies}"


def within_bounds(seen: Seen) -> None:
    """O3: no more attempts than allowed, all of them told of, and an end within the deadline."""
    made = [one for one in seen.all if not one.is_refused]
    refused = len(seen.all) - len(made)
    assert sum(one in seen.primary for one in made) <= seen.max_attempts, f"{len(seen.primary)} attempts at the primary"
    assert len(seen.spare) <= seen.max_attempts, f"{len(seen.spare)} attempts at the spare"
    assert len(made) <= seen.max_attempts_per_call, f"{len(made)} attempts"
    assert seen.took_s <= seen.total_s + LATE_S, f"{seen.took_s:.3f} s with a deadline of {seen.total_s} s"
    told = int(seen.answer.header("headgate-attempts") or 0)
    assert refused <= 2 * told, f"{refused} times not taken in {told} attempts, each of which may be sent once more"
    most = len(seen.all) if seen.counted else told
    assert len(made) <= told <= most, f"{told} attempts are told of, {len(seen.all)} were made, {refused} not taken"


def nothing_after_commit(seen: Seen) -> None:
    """No provider is asked once another one's answer has begun to reach the caller."""
    if is_ours(seen) or not seen.all:
        return
    sources = [one for one in seen.all if one.owed.startswith(seen.theirs)]
    last = max(seen.all, key=lambda one: one.at)
    assert not sources or last in sources or seen.answer.status >= 400, "an attempt was made behind the answer"


def is_ours(seen: Seen) -> bool:
    """Whether the answer is the gateway's own: it names no provider."""
    return seen.answer.header("headgate-provider") is None


ORACLES: dict[str, Oracle] = {
    "O1": one_terminal,
    "O2": one_answer,
    "O3": within_bounds,
    "commit": nothing_after_commit,
}


def check(seen: Seen, unlike: frozenset[str] = frozenset()) -> None:
    """All of them but those that the row excepts."""
    for name, oracle in ORACLES.items():
        if name not in unlike:
            oracle(seen)
