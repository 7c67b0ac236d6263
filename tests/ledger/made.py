"""Made entries: journals in memory, and strategies that make what a gateway could have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from hypothesis import strategies as st

from headgate.ledger.entries import Basis, Closed, Entry, Opened, Sent, Settled, Usage

START_NS = 1_790_000_000_000_000_000
"""2026-09-21, near the end of an hour."""


@dataclass
class Made:
    """A journal in memory. A position is the number of entries before it, as text."""

    entries: list[Entry] = field(default_factory=list)
    source: str = "made"
    acknowledged: str = ""

    def read(self, after: str, most: int) -> tuple[Sequence[Entry], str]:
        """See `headgate.ledger.entries.Journal`."""
        start = int(after or 0)
        found = self.entries[start : start + most]
        return found, (str(start + len(found)) if found else after)

    def acknowledge(self, position: str) -> None:
        """See `headgate.ledger.entries.Journal`."""
        self.acknowledged = position


def call_id(number: int) -> bytes:
    """The id of a made call."""
    return number.to_bytes(16)


def simple(number: int, at_ns: int = START_NS, nano_usd: int | None = 1_000, **who: str) -> list[Entry]:
    """A call that went well at the first attempt: 10 tokens in, 5 out."""
    call = call_id(number)
    usage = Usage(input=10, output=5)
    return [
        Opened(call, at_ns, alias="smart", operation="chat", **who),  # type: ignore[arg-type]  # texts alone
        Sent(call, 0, at_ns + 1, provider="openai", deployment="gpt", model="gpt-5.2"),
        Settled(call, 0, at_ns + 9, status=200, became="good", usage=usage, nano_usd=nano_usd, price="2026-09-01"),
        Closed(call, at_ns + 10, outcome="answered", status=200, took_ns=10, attempts=1),
    ]


_few = st.sampled_from
_times = st.integers(START_NS, START_NS + 40 * 86_400_000_000_000)
_tokens = st.integers(0, 10_000)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """What an attempt used."""
    return Usage(draw(_tokens), draw(_tokens), output=draw(_tokens), reasoning=draw(_tokens), audio_ms=draw(_tokens))


@st.composite
def calls(draw: st.DrawFn, number: int) -> list[Entry]:
    """All entries of one call, in their order; any of them may be missing, as after a crash."""
    call, at = call_id(number), draw(_times)
    entries: list[Entry] = [
        Opened(
            call,
            at,
            alias=draw(_few(["smart", "fast"])),
            key=draw(_few(["ci", "ops"])),
            agent=draw(_few(["", "coder", "x" * 300, "zero\0byte"])),
            task=draw(_few(["", "t1", "t2"])),
            tags=draw(_few([(), (("env", "prod"), ("blue", "yes"))])),
        )
    ]
    count = draw(st.integers(0, 3))
    for attempt in range(count):
        hedge, basis = draw(st.booleans()), draw(_few(get_args(Basis)))
        deployment = draw(_few(["gpt", "claude"]))
        entries.append(
            Sent(call, attempt, at + attempt, deployment=deployment, hedge=hedge, reserved_nano_usd=draw(_tokens))
        )
        became = draw(_few(["good", "unavailable", "hedge_lost"]))
        nano = draw(st.none() | st.integers(0, 10**10))
        settled = Settled(call, attempt, at + attempt + 5, became=became, usage=draw(usages()), nano_usd=nano)
        entries.append(replace(settled, basis=basis))
    outcome, status = draw(_few([("answered", 200), ("answered", 400), ("refused", 429), ("client_gone", 0)]))
    entries.append(Closed(call, at + 10, outcome=outcome, status=status, took_ns=draw(st.integers(0, 10**10))))
    kept = draw(st.lists(st.booleans(), min_size=len(entries), max_size=len(entries)))
    return [entry for entry, keep in zip(entries, kept, strict=True) if keep or draw(st.booleans())]


@st.composite
def streams(draw: st.DrawFn) -> list[Entry]:
    """Entries of a few calls in any order, some of them twice."""
    entries = [entry for number in range(draw(st.integers(0, 4))) for entry in draw(calls(number))]
    again = draw(st.lists(st.sampled_from(entries), max_size=6)) if entries else []
    return list(draw(st.permutations([*entries, *again])))
