"""`headgate tail`: calls as they end."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from headgate.cli.text import console, safe
from headgate.errors import LedgerError, UsageError
from headgate.ledger.money import short_usd
from headgate.ledger.show import call_json, call_name

if TYPE_CHECKING:
    from headgate.config import Loaded
    from headgate.ledger.state import Call
    from headgate.ledger.tail import Wanted

LOOK_S = 0.25


def tail(policy: str, directory: str | None, since: str | None, wanted: Wanted, *, as_json: bool) -> None:
    """Prints calls as they end, until Ctrl-C."""
    from headgate.config import load
    from headgate.config.near import hint
    from headgate.engine import native
    from headgate.engine.ledger import journal_directory
    from headgate.ledger.journal import Directory
    from headgate.ledger.tail import OUTCOMES, follow
    from headgate.ledger.times import parse_time

    if wanted.outcome and wanted.outcome not in OUTCOMES:
        raise UsageError(f"--outcome: no call ends as `{wanted.outcome[:40]}`{hint(wanted.outcome, OUTCOMES)}")
    loaded = load(policy) if directory is None else None
    place = directory or (journal_directory(loaded.policy) if loaded is not None else None)
    if place is None:
        raise UsageError("the policy has no journal: add `journal: {}` to it, or name one with --journal DIR")
    now_s = time.time()
    since_ns = int(now_s * 1e9) if since is None else parse_time(since, int(now_s), "--since") * 1_000_000_000
    journal = Directory(place, native.open_journal(place))
    after = _near_the_end(loaded, journal.source) if since is None and loaded is not None else ""
    with suppress(KeyboardInterrupt):
        for call in follow(journal, after, since_ns, _wait):
            if wanted.fits(call):
                print(json.dumps(call_json(call))) if as_json else _print(call)


def _wait() -> bool:
    time.sleep(LOOK_S)
    return True


def _near_the_end(loaded: Loaded, source: str) -> str:
    """How far the ledger has come, so that what lies before need not be read; the beginning where it cannot tell."""
    from headgate.ledger.opening import open_for_questions
    from headgate.ledger.standing import position

    if loaded.policy.ledger is None:
        return ""
    try:
        database, _ = open_for_questions(loaded.policy.ledger)
        with database.reading() as connection:
            found = position(connection, source)
        database.close()
    except LedgerError:
        return ""
    return found


def _print(call: Call) -> None:
    opened, closed, served = call.opened, call.closed, call.served
    if closed is None:
        return
    at = time.strftime("%H:%M:%SZ", time.gmtime(closed.at_ns / 1e9))
    status = str(closed.status or "-")
    colour = "green" if closed.outcome == "answered" and status < "400" else "red"
    sent = served.sent if served is not None else None
    where = f"{opened.alias if opened else '?'} -> {sent.model + ' at ' + sent.provider if sent else '-'}"
    settled = [each.settled for each in call.attempts.values() if each.settled is not None]
    tokens = f"{sum(each.usage.input for each in settled):,} + {sum(each.usage.output for each in settled):,} tokens"
    money = short_usd(sum(each.nano_usd or 0 for each in settled))
    unpriced = " (unpriced)" if any(each.nano_usd is None and each.basis != "void" for each in settled) else ""
    again = f", {len(call.attempts)} attempts" if len(call.attempts) > 1 else ""
    because = f" {closed.fault}" if closed.fault else ""
    who = f"{opened.key} " if opened and opened.key else ""
    line = f"{at} [{colour}]{status} {closed.outcome}{safe(because)}[/] {safe(who)}{safe(where)}: {tokens}, {money}"
    console().print(f"{line}{unpriced}, {closed.took_ns / 1e9:.2f} s{again} [dim]{call_name(call.id)}[/]")
