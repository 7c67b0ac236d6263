"""Calls as they end: each once, in order, whole, and from the time that was asked for."""

from __future__ import annotations

from headgate.ledger.entries import Closed
from headgate.ledger.tail import Ended, Wanted, follow
from tests.ledger.made import START_NS, Made, call_id, simple


def ended(journal: Made, since_ns: int = 0, rounds: int = 0) -> list[int]:
    """The numbers of the calls that a follower tells of."""
    left = iter(range(rounds))
    found = follow(journal, "", since_ns, lambda: next(left, None) is not None)
    return [int.from_bytes(call.id) for call in found]


def test_a_call_is_told_when_it_has_ended() -> None:
    one, two = simple(1), simple(2)
    assert ended(Made([*one[:3], *two, one[3]])) == [2, 1]
    assert ended(Made(one[:3])) == []


def test_what_ended_before_is_not_told_but_what_began_before_is_whole() -> None:
    journal = Made([*simple(1), *simple(2, START_NS + 100)])
    assert ended(journal, START_NS + 50) == [2]
    (call,) = follow(Made(simple(3)), "", START_NS + 10, lambda: False)
    assert call.opened is not None
    assert call.attempts[0].settled is not None


def test_what_comes_later_is_told_later() -> None:
    journal = Made(simple(1))
    more = [simple(2), simple(3)]

    def wait() -> bool:
        if not more:
            return False
        journal.entries.extend(more.pop(0))
        return True

    assert [call.id for call in follow(journal, "", 0, wait)] == [call_id(1), call_id(2), call_id(3)]


def test_calls_that_never_end_are_bounded() -> None:
    puts = Ended(most_open=3)
    for number in range(10):
        assert puts.take(simple(number)[0]) is None
    call = puts.take(simple(0)[3])
    assert call is not None
    assert call.opened is None, "its beginning was forgotten"


def test_only_what_is_wanted_fits() -> None:
    (call,) = follow(Made(simple(1, key="ci")), "", 0, lambda: False)
    assert Wanted().fits(call)
    assert Wanted(key="ci", alias="smart", outcome="answered").fits(call)
    for other in (Wanted(key="ops"), Wanted(alias="fast"), Wanted(outcome="failed")):
        assert not other.fits(call)
    call.opened, call.closed = None, Closed(call.id, 1, outcome="refused")
    assert Wanted(outcome="refused").fits(call)
