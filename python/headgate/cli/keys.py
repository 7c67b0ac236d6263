"""`headgate key`: virtual keys in the ledger's database."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headgate.errors import UsageError

if TYPE_CHECKING:
    from headgate.config.sections import Policy
    from headgate.keys.desk import Made
    from headgate.keys.store import Settings

app = typer.Typer(help="Virtual keys.", no_args_is_help=True)

PolicyOption = Annotated[
    str, typer.Option("--policy", "-p", metavar="POLICY", help="The policy, which names the ledger.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The key's name.")]
POLICY = "policy.yaml"


@app.command()
def new(*, as_json: AsJson = False) -> None:
    """Print a fresh strong virtual key. It is shown here and kept nowhere."""
    from headgate.keys import fresh

    key = fresh()
    print(json.dumps({"key": key}) if as_json else key)


@app.command()
def create(
    *,
    name: Annotated[str | None, typer.Option(help="Its name in records; made up if left out.")] = None,
    team: Annotated[str | None, typer.Option(help="Its team.")] = None,
    user: Annotated[str | None, typer.Option(help="Who is behind all its calls.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="What its calls are tagged with; again for more.")] = None,
    alias: Annotated[
        list[str] | None, typer.Option(help="An alias that it may ask for; again for more. None: everything.")
    ] = None,
    passthrough: Annotated[bool, typer.Option("--passthrough", help="It may make calls that name no model.")] = False,
    usd: Annotated[str | None, typer.Option(metavar="50/day", help="How much it may spend in which time.")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="As in the policy's keys: requests_per_minute=600; again for more."),
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="TIME", help="2026-12-31, or a time with its offset.")] = None,
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """Make a key, and show it once. A gateway that serves takes it within a second."""
    from headgate.keys import desk
    from headgate.keys.settings import budget_of, limits_of

    given: Settings = {"team": team, "user": user, "tags": tag, "aliases": alias, "expires": expires}
    settings = {field: value for field, value in given.items() if value is not None} | limits_of(limit or [])
    settings |= {"passthrough": True} if passthrough else {}
    settings |= {"budget": budget_of(usd)} if usd is not None else {}
    _show(desk.create(_policy(policy), name, settings, desk.now_ns()), as_json=as_json)


@app.command("list")
def list_(*, policy: PolicyOption = POLICY, as_json: AsJson = False) -> None:
    """List the keys: those of the policy and those of the store."""
    from headgate.cli import keys_text
    from headgate.keys import desk

    loaded = _policy(policy)
    rows = keys_text.rows(loaded, desk.listed(loaded), desk.now_ns())
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        keys_text.print_rows(rows)


@app.command()
def show(name: Name, *, policy: PolicyOption = POLICY, as_json: AsJson = False) -> None:
    """Show what a key may do, and when its secrets were made. No secret is shown: none is kept."""
    from headgate.cli import keys_text
    from headgate.config.near import hint
    from headgate.keys import desk

    loaded = _policy(policy)
    rows = {row["name"]: row for row in keys_text.rows(loaded, desk.listed(loaded), desk.now_ns())}
    if name not in rows:
        raise UsageError(f"there is no key `{name}`{hint(name, rows)}")
    if as_json:
        print(json.dumps(rows[name], indent=2))
    else:
        keys_text.print_row(rows[name])


@app.command()
def revoke(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The keys' names.")],
    *,
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """End keys at once and for good; their names stay taken."""
    from headgate.keys import desk

    desk.revoke(_policy(policy), names, desk.now_ns())
    print(json.dumps({"revoked": names}) if as_json else f"revoked: {', '.join(names)}")


@app.command()
def rotate(
    name: Name,
    *,
    overlap: Annotated[str, typer.Option(metavar="24h", help="How long the secret of before is still taken.")] = "24h",
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """Give a key another secret, and show it once."""
    from pydantic_core import PydanticCustomError

    from headgate.config.units import parse_duration
    from headgate.keys import desk

    try:
        overlap_s = parse_duration(overlap) // 1000
    except PydanticCustomError as error:
        raise UsageError(f"--overlap: {error.message()}") from None
    _show(desk.rotate(_policy(policy), name, overlap_s, desk.now_ns()), as_json=as_json)
    if not as_json:
        print(f"the secret of before is taken for {overlap} more", file=sys.stderr)


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON: names, and SHA-256 of secrets.")],
    *,
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """Take over keys of which the SHA-256 is known, such as LiteLLM's: their callers notice nothing."""
    from headgate.keys import desk, imported

    found = imported.read(file, desk.now_ns() // 1_000_000_000)
    desk.add_imported(_policy(policy), found.keys, desk.now_ns())
    names = [key.name for key in found.keys]
    if as_json:
        print(json.dumps({"imported": names, "left_out": found.left_out}, indent=2))
        return
    for line in found.left_out:
        print(f"left out: {line}", file=sys.stderr)
    print(f"imported {len(names)}: {', '.join(names)}")


def _policy(path: str) -> Policy:
    from headgate.config import load

    return load(path).policy


def _show(made: Made, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"name": made.name, "key": made.secret}))
        return
    print(made.secret)
    print(f"the key `{made.name}`; it is shown this once and kept nowhere", file=sys.stderr)
