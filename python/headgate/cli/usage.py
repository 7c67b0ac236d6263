"""`headgate usage`: what was used, by whatever it is asked."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.errors import GatewayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from headgate.config.sections import Ledger
    from headgate.ledger.keep import Keep
    from headgate.ledger.usage import Question

app = typer.Typer(help="What was used and spent.", invoke_without_command=True)

PolicyOption = Annotated[
    str, typer.Option("--policy", "-p", metavar="POLICY", help="The policy, which names the ledger.")
]
LedgerOption = Annotated[
    str | None, typer.Option("--ledger", metavar="URL", help="The ledger's database, instead of the policy's.")
]
Since = Annotated[str, typer.Option(metavar="TIME", help="From when on: 7d (ago), 2026-11-01, 2026-11-01T08:00Z.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Up to when; now if left out.")]
Where = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Only these, such as key=ci.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
POLICY = "policy.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the ledger stands."""

    policy: str
    ledger: str | None


@app.callback()
def usage(
    context: typer.Context,
    *,
    by: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="key, team, user, agent, alias, model, deployment, provider, minute, hour, day, month, operation, "
            "session, task, tag, outcome.",
        ),
    ] = "alias,model",
    since: Since = "7d",
    until: Until = None,
    where: Where = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    plot: Annotated[str | None, typer.Option(metavar="FILE", help="Draw money over time: .svg or .png.")] = None,
    reconcile: Annotated[
        str | None, typer.Option(metavar="FILE", help="Compare with a provider's own bill, CSV or JSON.")
    ] = None,
    policy: PolicyOption = POLICY,
    ledger: LedgerOption = None,
) -> None:
    """Say what was used and what it cost, by whatever it is asked; or compare it with a provider's own bill."""
    if context.invoked_subcommand is not None:
        return
    if as_json and as_csv:
        raise UsageError("--json, --csv: one of them")
    question = _question(by, since, until, where)
    if reconcile is not None:
        _reconcile(Place(policy, ledger), reconcile, question, as_json=as_json)
    else:
        _ask(Place(policy, ledger), question, plot, "json" if as_json else "csv" if as_csv else "text")


def _ask(place: Place, question: Question, plot: str | None, form: str) -> None:
    from headgate.cli import usage_text
    from headgate.ledger import plot as plots
    from headgate.ledger import report
    from headgate.ledger.standing import standing
    from headgate.ledger.usage import ask

    if plot is not None:
        plots.check(plot)
    now_s = int(time.time())
    with reading(place) as (connection, keep):
        answer, known = ask(connection, question, keep, now_s), standing(connection)
        if plot is not None:
            plots.write(connection, question, keep, now_s, plot)
    if form == "json":
        print(json.dumps(report.as_json(answer, known), indent=2))
    elif form == "csv":
        print(report.as_csv(answer), end="")
    else:
        usage_text.print_answer(answer, known, now_s)
    if plot is not None:
        print(f"drawn: {plot}", file=sys.stderr)


def _reconcile(place: Place, path: str, question: Question, *, as_json: bool) -> None:
    from headgate.cli import usage_text
    from headgate.ledger import bill, reconcile

    billed = bill.read(path)
    with reading(place) as (connection, keep):
        compared = reconcile.compare(connection, billed, question, keep, int(time.time()))
    usage_text.print_compared(compared, as_json=as_json)


@app.command()
def call(
    call: Annotated[str, typer.Argument(metavar="ID", help="As in the answer's header `headgate-request-id`.")],
    *,
    as_json: AsJson = False,
    policy: PolicyOption = POLICY,
    ledger: LedgerOption = None,
) -> None:
    """Show one call with its attempts: where each went, what it used, what it cost and by which price."""
    from headgate.cli import call_text
    from headgate.ledger.rows import call_by_id
    from headgate.ledger.show import call_id, call_json

    wanted = call_id(call)
    with reading(Place(policy, ledger)) as (connection, keep):
        found = call_by_id(connection, wanted)
    if found is None:
        days = keep.calls_s // 86_400
        raise GatewayError(
            f"{call} is not in the ledger: it is not folded yet, or older than the {days} days of calls kept"
        )
    if as_json:
        print(json.dumps(call_json(found), indent=2))
    else:
        call_text.print_call(found)


@app.command()
def export(
    *,
    as_csv: Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write CSV.")] = None,
    as_parquet: Annotated[str | None, typer.Option("--parquet", metavar="FILE", help="Write Parquet.")] = None,
    since: Since = "7d",
    until: Until = None,
    policy: PolicyOption = POLICY,
    ledger: LedgerOption = None,
) -> None:
    """Write the rows of calls, one for each attempt, to a file."""
    from headgate.ledger import export as files
    from headgate.ledger.buckets import NS

    if (as_csv is None) == (as_parquet is None):
        raise UsageError("name one file: --csv FILE or --parquet FILE")
    question = _question("", since, until, None)
    with reading(Place(policy, ledger)) as (connection, _):
        rows = files.rows(connection, question.since_s * NS, question.until_s * NS)
        count = files.write_csv(as_csv, rows) if as_csv else files.write_parquet(as_parquet or "", rows)
    print(f"{count:,} rows: {as_csv or as_parquet}", file=sys.stderr)


@app.command()
def anomalies(
    *, since: Since = "7d", as_json: AsJson = False, policy: PolicyOption = POLICY, ledger: LedgerOption = None
) -> None:
    """List what was out of the ordinary: tasks that used far more than others, keys that spent far more than before."""
    from headgate.cli import usage_text
    from headgate.ledger import lookout
    from headgate.ledger.buckets import NS

    since_ns = _question("", since, None, None).since_s * NS
    with reading(Place(policy, ledger)) as (connection, _):
        found = lookout.listed(connection, since_ns)
    if as_json:
        print(json.dumps([{"at": row["at_ns"], **lookout.said(row)} for row in found], indent=2))
    else:
        usage_text.print_anomalies(found)


@contextmanager
def reading(place: Place) -> Iterator[tuple[Connection, Keep]]:
    """One state of the ledger that a command asks."""
    from headgate.config import load
    from headgate.ledger.opening import open_for_questions

    section = load(place.policy).policy.ledger if place.ledger is None else _named(place.ledger)
    database, keep = open_for_questions(section)
    try:
        with database.reading() as connection:
            yield connection, keep
    finally:
        database.close()


def _named(url: str) -> Ledger:
    """A ledger that the command line names."""
    from pydantic import ValidationError

    from headgate.config import shape
    from headgate.config.sections import Ledger

    try:
        return Ledger(url=url)
    except ValidationError as error:
        raise UsageError(f"--ledger: {shape.first(error, {'url': url}, Ledger)[1]}") from None


def _question(by: str, since: str, until: str | None, where: list[str] | None) -> Question:
    from headgate.ledger.times import parse_time
    from headgate.ledger.usage import Question

    now_s = int(time.time())
    since_s = parse_time(since, now_s, "--since")
    until_s = now_s + 1 if until is None else parse_time(until, now_s, "--until")
    if since_s >= until_s:
        raise UsageError("--since is not before --until: there is no time between them")
    names = tuple(dict.fromkeys(_dimension(name.strip(), "--by") for name in by.split(",") if name.strip()))
    pairs = [pair.partition("=") for pair in where or []]
    if broken := next((name for name, equals, _ in pairs if not equals), None):
        raise UsageError(f"--where: `{broken[:40]}`: NAME=VALUE is needed, such as key=ci")
    return Question(names, since_s, until_s, {_dimension(name, "--where"): value for name, _, value in pairs})


def _dimension(name: str, option: str) -> str:
    from headgate.config.near import nearest
    from headgate.ledger.usage import BY, TIMES

    known = [each for each in BY if option == "--by" or each not in TIMES]
    if name in known:
        return name
    near = nearest(name, known)
    hint = f"did you mean `{near}`?" if near else f"it is one of {', '.join(known)}"
    raise UsageError(f"{option}: `{name[:40]}`: {hint}")
