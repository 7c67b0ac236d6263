"""Each call: what was billed for it, what the ledger charges for it, and what its caller was told."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.chaos.proof.check import money
from tests.chaos.proof.check.evidence import Evidence
from tests.chaos.proof.check.findings import Findings

CLASSES: Final = ("input", "cache_read", "cache_write", "input_audio", "input_image")
CLASSES_OUT: Final = ("output", "reasoning", "output_audio", "output_image")
SETTLES_WITHIN_NS: Final = 2 * 10**9
"""From the last byte that a caller got until its attempts are settled; long, as a machine may be busy."""
GOES_ON_FOR_NS: Final = 12 * 10**9
"""For so long an attempt may go on after its caller has left."""


@dataclass(frozen=True, slots=True)
class Billed:
    """One line of the bill."""

    model: str
    tokens: dict[str, int]
    nano_usd: int | None
    """What it costs; none where no price is known."""

    @property
    def is_something(self) -> bool:
        """Whether the provider bills any token."""
        return any(self.tokens.values())


@dataclass(slots=True)
class Named:
    """All that is known under one name: a call, or calls that may share an answer."""

    name: str
    callers: list[sqlite3.Row]
    calls: list[sqlite3.Row]
    attempts: list[sqlite3.Row]
    lines: list[Billed]


@dataclass(slots=True)
class Spent:
    """What the provider bills for the calls of each agent, in nano-dollars."""

    of: Counter[str] = field(default_factory=Counter)
    by_second_tries: Counter[str] = field(default_factory=Counter)
    """Of this, what further exchanges for the same call cost, all but the dearest."""
    above_estimates: Counter[str] = field(default_factory=Counter)
    """Of this, what the bill says beyond estimates: of answers that were cut or could not be read."""


class Judge:
    """Judges call after call."""

    def __init__(self, evidence: Evidence, findings: Findings) -> None:
        self._evidence = evidence
        self._prices = money.read(evidence.job["prices"])
        self._kills_ns: list[int] = evidence.job["kills_ns"]
        self._findings = findings
        self._figures = findings.figures
        self.spent = Spent()

    def all(self) -> None:
        """Judges all that was called, billed or charged."""
        for named in _by_name(self._evidence, self._billed):
            self._figures["callers"] += len(named.callers)
            if not named.callers:
                self._findings.add("invented", f"{named.name}: nobody called, but it is billed or in the ledger")
            self._spend(named)
            self._calls(named)
            self._match(named)

    def _billed(self, line: sqlite3.Row) -> Billed:
        tokens = {name: line[name] for name in ("input", "cache_read", "output", "reasoning") if line[name]}
        if line["path"].startswith("/v1/images/") and line["output"]:
            tokens["output_image"] = line["output"]
        price = self._prices.get(line["model"])
        return Billed(line["model"], tokens, None if price is None else money.cost(price, tokens))

    def _spend(self, named: Named) -> None:
        costs = sorted(line.nano_usd or 0 for line in named.lines)
        self._figures["billed"] += len(costs)
        self._figures["billed_tokens"] += sum(
            line.tokens.get("input", 0) + line.tokens.get("output", 0) for line in named.lines
        )
        self._figures["billed_nano_usd"] += sum(costs)
        for caller in named.callers[:1]:
            self.spent.of[caller["agent"]] += sum(costs)
            self.spent.by_second_tries[caller["agent"]] += sum(costs[:-1])

    def _calls(self, named: Named) -> None:
        """Each call is in the ledger once, and each that its caller saw answered is there."""
        self._figures["calls"] += len(named.calls)
        self._figures["attempts"] += len(named.attempts)
        if len(named.calls) > len(named.callers):
            self._findings.add(
                "twice", f"{named.name}: called {len(named.callers)} times, {len(named.calls)} in the ledger"
            )
        known = {call["call"]: call for call in named.calls}
        held = Counter(attempt["call"] for attempt in named.attempts)
        for call in named.calls:
            if call["attempts"] not in (None, held[call["call"]]):
                told = f"{call['attempts']} attempts, {held[call['call']]} are in the ledger"
                kind = "lost" if call["attempts"] > held[call["call"]] else "twice"
                self._findings.add("lost" if kind == "lost" else "twice", f"{named.name}: it was closed with {told}")
        for caller in named.callers:
            if caller["status"] == 200 and caller["whole"]:
                self._figures["answered"] += 1
                self._told(named, caller, known.get(caller["call"]))

    def _told(self, named: Named, caller: sqlite3.Row, call: sqlite3.Row | None) -> None:
        if call is None:
            self._findings.add("unseen", f"{named.name}: its caller was answered as {caller['call'].hex()}")
            return
        of = [attempt for attempt in named.attempts if attempt["call"] == call["call"]]
        if caller["total_tokens"] is None or len(of) != 1 or of[0]["basis"] != "provider":
            return
        self._figures["told"] += 1
        total = of[0]["input"] + of[0]["output"]
        if total != caller["total_tokens"]:
            told = f"its caller was told {caller['total_tokens']} tokens, the ledger has {total}"
            self._findings.add("wrong", f"{named.name}: {told}")

    def _match(self, named: Named) -> None:
        """Each line of the bill to one attempt."""
        left = list(named.lines)
        rest = []
        for attempt in named.attempts:
            self._figures[f"basis {attempt['basis'] or 'open'}"] += 1
            self._arithmetic(named, attempt)
            if attempt["basis"] == "provider":
                self._said(named, attempt, left)
            else:
                rest.append(attempt)
        for attempt in sorted(rest, key=lambda attempt: attempt["basis"] == "void"):
            self._unsaid(named, attempt, left)
        for line in left:
            told = f"{line.tokens} at {line.model}, {line.nano_usd} nano-dollars: on the bill, and no attempt is for it"
            self._findings.add("lost", f"{named.name}: {told}")

    def _said(self, named: Named, attempt: sqlite3.Row, left: list[Billed]) -> None:
        """An attempt of which the provider said what it used."""
        tokens = _tokens(attempt)
        same = next((line for line in left if line.model == attempt["model"] and line.tokens == tokens), None)
        if same is not None:
            left.remove(same)
            self._figures["exact"] += 1
            self._figures["exact_nano_usd"] += attempt["nano_usd"] or 0
            return
        where = f"{named.name}, attempt {attempt['number']}"
        other = next((line for line in left if line.model == attempt["model"]), None)
        if other is not None:
            left.remove(other)
            self._findings.add("wrong", f"{where}: {tokens} in the ledger, {other.tokens} on the bill")
        elif elsewhere := next((line for line in left if line.tokens == tokens), None):
            left.remove(elsewhere)
            self._findings.add("wrong", f"{where}: charged at {attempt['model']}, billed at {elsewhere.model}")
        elif any(line.model == attempt["model"] and line.tokens == tokens for line in named.lines):
            self._findings.add("twice", f"{where}: {tokens} at {attempt['model']} are billed once")
        else:
            self._findings.add("invented", f"{where}: {tokens} at {attempt['model']}, and no such line on the bill")

    def _unsaid(self, named: Named, attempt: sqlite3.Row, left: list[Billed]) -> None:
        """An attempt that is estimated, void, or settled by what was reserved for it."""
        basis = attempt["basis"] or "open"
        where = f"{named.name}, attempt {attempt['number']} ({basis})"
        # Of a request whose body it never read whole, a provider does not know the model.
        at_model = [line for line in left if line.model in (attempt["model"], "")]
        line = next((line for line in at_model if line.is_something != (basis == "void")), None)
        line = line or next(iter(at_model), None)
        if line is not None:
            left.remove(line)
        if basis == "open":
            self._findings.add("lost", f"{where}: sent, and never settled")
        elif basis == "reserved":
            self._cut_off(where, named, attempt, line)
        elif basis == "void":
            if line is not None and line.is_something:
                told = f"{line.tokens}, {line.nano_usd} nano-dollars on the bill, and settled as nothing"
                self._findings.add("lost", f"{where}: {told}")
        else:
            self._estimated(where, named, attempt, line)

    def _estimated(self, where: str, named: Named, attempt: sqlite3.Row, line: Billed | None) -> None:
        if line is None and not self._may_be_unbilled(named, attempt):
            told = f"{attempt['nano_usd']} nano-dollars, and the provider was never asked"
            self._findings.add("invented", f"{where}: {told}")
        self._figures["estimated_nano_usd"] += attempt["nano_usd"] or 0
        billed = (line.nano_usd or 0) if line else 0
        self._figures["estimates_billed_nano_usd"] += billed
        for caller in named.callers[:1]:
            self.spent.above_estimates[caller["agent"]] += max(0, billed - (attempt["nano_usd"] or 0))

    def _may_be_unbilled(self, named: Named, attempt: sqlite3.Row) -> bool:
        """Bytes had left, but whoever waited was gone before the provider had read them."""
        return attempt["status"] is None and (
            any(caller["left"] for caller in named.callers) or attempt["became"] in ("hedge_lost", "ours", "timeout")
        )

    def _cut_off(self, where: str, named: Named, attempt: sqlite3.Row, line: Billed | None) -> None:
        """An attempt that a kill cut off: shortly before one, and billed for no more than was reserved."""
        reserved = attempt["reserved_nano_usd"]
        self._figures["cut_off_reserved_nano_usd"] += reserved or 0
        self._figures["cut_off_billed_nano_usd"] += (line.nano_usd or 0) if line else 0
        if not any(self._is_near_a_kill(caller) for caller in named.callers):
            self._findings.add("lost", f"{where}: nobody was killed while it was under way")
        if line is not None and line.nano_usd is not None and (reserved is None or line.nano_usd > reserved):
            self._findings.add("lost", f"{where}: {line.nano_usd} nano-dollars on the bill, reserved were {reserved}")
        if attempt["nano_usd"] != reserved:
            self._findings.add("wrong", f"{where}: {attempt['nano_usd']} nano-dollars, reserved were {reserved}")

    def _is_near_a_kill(self, caller: sqlite3.Row) -> bool:
        until_ns = caller["ended_ns"] + (GOES_ON_FOR_NS if caller["left"] else SETTLES_WITHIN_NS)
        return any(caller["began_ns"] <= at_ns <= until_ns for at_ns in self._kills_ns)

    def _arithmetic(self, named: Named, attempt: sqlite3.Row) -> None:
        """The money of an attempt is what its own tokens cost."""
        if attempt["basis"] not in ("provider", "counted", "void"):
            return
        price = self._prices.get(attempt["model"])
        tokens = _tokens(attempt)
        costs = money.cost(price, tokens) if price is not None else None if tokens else attempt["nano_usd"]
        if attempt["basis"] == "void":
            costs = 0
        if attempt["nano_usd"] != costs:
            told = f"{attempt['nano_usd']} nano-dollars, {tokens} at {attempt['model']} cost {costs}"
            self._findings.add("wrong", f"{named.name}, attempt {attempt['number']}: {told}")


def _tokens(attempt: sqlite3.Row) -> dict[str, int]:
    return {name: attempt[name] for name in (*CLASSES, *CLASSES_OUT) if attempt[name]}


def _by_name(evidence: Evidence, billed: Callable[[sqlite3.Row], Billed]) -> Iterator[Named]:
    """Everything, name by name, in their order; never more than one of them in memory."""
    streams = [
        _Stream(evidence.rows(question + " ORDER BY name"))
        for question in (
            "SELECT * FROM callers",
            "SELECT name, calls.* FROM named JOIN ledger.calls USING (call)",
            "SELECT name, a.* FROM named JOIN ledger.attempts AS a USING (call)",
            "SELECT * FROM lines",
        )
    ]
    while (name := min((stream.name for stream in streams if stream.name is not None), default=None)) is not None:
        callers, calls, attempts, lines = [stream.take(name) for stream in streams]
        attempts.sort(key=lambda attempt: (attempt["call"], attempt["number"]))
        yield Named(name, callers, calls, attempts, [billed(line) for line in lines])


class _Stream:
    """Rows in the order of their names."""

    def __init__(self, rows: Iterator[sqlite3.Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)

    @property
    def name(self) -> str | None:
        """The name of the next rows; none at the end. What has no name is called `?`, and comes first."""
        return None if self._next is None else self._next["name"] or "?"

    def take(self, name: str) -> list[sqlite3.Row]:
        """The rows of a name, if it is the next."""
        found: defaultdict[str, list[sqlite3.Row]] = defaultdict(list)
        while self._next is not None and self.name == name:
            found[name].append(self._next)
            self._next = next(self._rows, None)
        return found[name]
