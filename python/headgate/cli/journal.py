"""`headgate journal cat` and `headgate journal verify`."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate.config.units import parse_duration
from headgate.engine import native
from headgate.errors import GatewayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BATCH = 10_000
_LOOK_S = 0.2
_MS = 1_000_000
_WHAT = {
    "gap": "bytes {from} to {until} are damaged; what stands behind them was read",
    "torn_tail": "its last {length} bytes are no whole entry: its writer was killed, and nothing else is lost",
    "header": "{why}; none of its {length} bytes can be read",
    "missing": "the file that stood before it is gone, though older ones are there",
}


def cat(directory: str, since: str | None, *, as_json: bool, follow: bool) -> int:
    """Prints entries, oldest first; the exit code."""
    journal, position = native.open_journal(directory), ""
    least_ns = _since_ns(since, time.time_ns())
    while True:
        entries, position, damage = journal.read(position, _BATCH)
        for entry in entries:
            if int(str(entry["at_ns"])) >= least_ns:
                print(json.dumps(entry) if as_json else line(entry))
        _tell(damage)
        if len(entries) == _BATCH:
            continue
        if not follow:
            return 0
        sys.stdout.flush()
        try:
            time.sleep(_LOOK_S)
        except KeyboardInterrupt:
            return 0


def verify(directory: str, *, as_json: bool) -> int:
    """Says whether a journal is whole; the exit code: 1 where something is lost."""
    report = native.open_journal(directory).verify()
    if as_json:
        print(json.dumps(report))
    else:
        print("\n".join(summary(report)))
        _tell(report["damage"])
    return GatewayError.exit_code if report["is_damaged"] else 0


def line(entry: Mapping[str, Any]) -> str:
    """An entry on one line: when, which call, what, and all that is known."""
    at = datetime.fromtimestamp(entry["at_ns"] // 1_000_000_000, UTC)
    when = f"{at:%Y-%m-%dT%H:%M:%S}.{entry['at_ns'] // _MS % 1000:03}Z"
    rest = {name: value for name, value in entry.items() if name not in ("at_ns", "call", "kind", "worker")}
    return " ".join([when, entry["call"], f"{entry['kind']:7}", *_words(rest)])


def _words(fields: Mapping[str, Any]) -> list[str]:
    """`name=value` of what is known; of maps, `name.key=value`."""
    words = []
    for name, value in fields.items():
        if isinstance(value, dict):
            words += _words({f"{name}.{key}": item for key, item in value.items()})
        elif value is not None:
            words.append(f"{name}={_shown(value)}")
    return words


def _shown(value: Any) -> str:  # noqa: ANN401 - any value of an entry
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    # What a caller wrote must not write on the terminal.
    return text if text.isprintable() and not set(text) & set(' "=') else json.dumps(text)


def summary(report: Mapping[str, Any]) -> list[str]:
    """What a journal holds, and whether it is whole."""
    entries = report["entries"]
    lines = [
        f"{report['segments']:,} files, {report['bytes']:,} bytes",
        f"calls:    {entries['opened']:,} opened, {entries['closed']:,} closed, {report['open_calls']:,} open",
        f"attempts: {entries['sent']:,} sent, {entries['settled']:,} settled, {report['open_attempts']:,} open",
    ]
    if report["twice"]:
        lines.append(f"{report['twice']:,} entries are there twice")
    lines.append("damaged" if report["is_damaged"] else "whole")
    return lines


def _tell(damage: Sequence[Mapping[str, Any]] | object) -> None:
    for one in damage if isinstance(damage, list) else ():
        length = one["until"] - one["from"]
        print(f"{one['path']}: {_WHAT[one['what']].format(length=length, **one)}", file=sys.stderr)


def _since_ns(since: str | None, now_ns: int) -> int:
    """The moment that `--since` means: so long ago, or a time as RFC 3339 writes it."""
    if since is None:
        return 0
    try:
        return now_ns - parse_duration(since) * _MS
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(since)
    except ValueError:
        raise UsageError(
            f"--since: `{since}` is neither a duration such as 10m nor a time such as {_example()}"
        ) from None
    return int(at.astimezone(UTC).timestamp() * 1_000) * _MS


def _example() -> str:
    return "2026-11-21T08:00:00Z"
