"""What `headgate usage` prints for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headgate.cli.text import console, safe
from headgate.ledger.buckets import NS
from headgate.ledger.lookout import said
from headgate.ledger.money import short_usd
from headgate.ledger.report import named
from headgate.ledger.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from headgate.ledger.reconcile import Compared
    from headgate.ledger.standing import Standing
    from headgate.ledger.usage import Answer, Line

_LATE_S = 30
_ALWAYS = ("calls", "errors", "input", "output")
_COLUMNS = {
    "calls": "calls",
    "errors": "errors",
    "input": "input",
    "cache_read": "cache read",
    "cache_write": "cache write",
    "output": "output",
    "reasoning": "reasoning",
    "audio": "audio",
    "image": "image",
}
"""Figures of a table, where any line has them, and what stands above them. Tokens, but for calls and errors."""


def print_answer(answer: Answer, standing: Standing, now_s: int) -> None:
    """A table with a line for each group, a total, and what there is to know about it."""
    from rich import box
    from rich.table import Table

    total = answer.total
    table = Table(box=box.SIMPLE_HEAD, show_footer=bool(answer.question.by), pad_edge=False, show_edge=False)
    for number, name in enumerate(answer.question.by):
        table.add_column(name, footer="total" if number == 0 else "")
    columns = [name for name in _COLUMNS if name in _ALWAYS or _figure(total, name)]
    for name in columns:
        table.add_column(_COLUMNS[name], justify="right", footer=f"{_figure(total, name):,}")
    table.add_column("cache share", justify="right", footer=_cache_share(total))
    table.add_column("money", justify="right", footer=short_usd(total["nano_usd"]))
    for line in answer.lines:
        names = [safe(value) or "[dim]-[/]" for value in named(answer, line).values()]
        figures = [f"{_figure(line, name):,}" for name in columns]
        table.add_row(*names, *figures, _cache_share(line), short_usd(line["nano_usd"]))
    out = console()
    _print_whole(out, table if answer.lines else "nothing was used")
    for note in _notes(answer, total, standing, now_s):
        out.print(safe(note))


def _print_whole(out: Console, table: Table | str) -> None:
    """Into a file or a pipe, with no column cut to the width of a terminal that is not there."""
    if not out.is_terminal:
        out.width = 1_000
    out.print(table)


def _figure(line: Line, name: str) -> int:
    if name in ("audio", "image"):
        return line[f"input_{name}"] + line[f"output_{name}"]
    return line[name]


def _cache_share(line: Line) -> str:
    return f"{100 * line['cache_read'] / line['input']:.0f} %" if line["input"] else "-"


def _notes(answer: Answer, total: Line, standing: Standing, now_s: int) -> Iterator[str]:
    yield f"from {iso(answer.since_s)} to {iso(answer.until_s)}"
    again = total["retry_nano_usd"] + total["hedge_nano_usd"]
    if total["retries"] or total["hedges"]:
        yield (
            f"second tries: {total['retries']:,} retries and {total['hedges']:,} hedges; attempts beside those that "
            f"served cost {short_usd(again)} ({_share(again, total['nano_usd'])} of the money)"
        )
    if total["counted"]:
        share = _share(total["counted_nano_usd"], total["nano_usd"])
        yield f"estimated: {total['counted']:,} attempts are settled by our own count, {share} of the money"
    if total["reserved"]:
        share = _share(total["reserved_nano_usd"], total["nano_usd"])
        yield (
            f"reserved: {total['reserved']:,} attempts were cut off when the gateway was killed; they count as "
            f"what was reserved for them, {share} of the money"
        )
    if total["unpriced"]:
        yield f"unpriced: {total['unpriced']:,} attempts used something whose price is not known; they count as nothing"
    if total["unsettled"]:
        held = short_usd(total["unsettled_nano_usd"])
        yield f"unsettled: {total['unsettled']:,} attempts are open or were cut off; {held} is held for them"
    if standing.folded_s is None:
        yield "nothing was folded from a journal into this ledger yet"
    elif standing.entry_s is not None and now_s - standing.folded_s > _LATE_S:
        yield f"the newest entry is of {iso(standing.entry_s)}: no call came since, or `headgate serve` does not run"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def print_compared(compared: Compared, *, as_json: bool) -> None:
    """What differs between the ledger and a bill."""
    if as_json:
        told = {"since": compared.since, "until": compared.until, "compared": compared.places}
        differences = [difference.as_json() for difference in compared.differences]
        print(json.dumps(told | {"differences": differences}, indent=2))
        return
    from rich import box
    from rich.table import Table

    out = console()
    what = f"{compared.places} days and models from {compared.since} to {compared.until}"
    if not compared.differences:
        out.print(f"the same: {what}")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("day", "model", "what"):
        table.add_column(name)
    for name in ("ours", "theirs", "ours - theirs"):
        table.add_column(name, justify="right")
    for each in compared.differences:
        show = short_usd if each.what == "nano_usd" else "{:,}".format
        name = {"nano_usd": "money", "attempts": "calls"}.get(each.what, f"{each.what} tokens")
        figures = (show(each.ours), show(each.theirs), show(each.ours - each.theirs))
        table.add_row(each.day, safe(each.model), name, *figures)
    _print_whole(out, table)
    out.print(f"{len(compared.differences)} figures differ, of {what}")


def print_anomalies(found: list[dict[str, Any]]) -> None:
    """A line for each finding."""
    out = console()
    for row in found:
        at, told = iso(row["at_ns"] // NS), said(row)
        if row["kind"] == "task":
            agent = f" of the agent {told['agent']}" if told["agent"] else ""
            key = f" (key {told['key']})" if told["key"] else ""
            figures = f"{row['measured']:,} tokens; the others use {row['ordinary']:,} on average"
            out.print(safe(f"{at}  the task {told['task']}{agent}{key} used {figures}"))
        else:
            figures = f"{short_usd(row['measured'])} in this hour; {short_usd(row['ordinary'])} is ordinary"
            out.print(safe(f"{at}  the key {told['key'] or '(none)'} spent {figures}"))
    if not found:
        out.print("nothing was out of the ordinary")
