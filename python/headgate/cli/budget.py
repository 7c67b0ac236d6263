"""`headgate budget`: budgets that are set and money that is granted while the gateway serves."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

import typer

from headgate.errors import UsageError

app = typer.Typer(help="Budgets, while the gateway serves.", no_args_is_help=True)

PolicyOption = Annotated[
    str, typer.Option("--policy", "-p", metavar="POLICY", help="The policy, which names the ledger.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
POLICY = "policy.yaml"
_AMOUNT_FIRST: Final = {"ignore_unknown_options": True}
"""So that a negative amount is told as that, and not as an option that there is not."""


@app.command("set", context_settings=_AMOUNT_FIRST)
def set_(
    usd: Annotated[str, typer.Argument(metavar="50/day", help="How much, and in which time; 20/7d rolls.")],
    *,
    per: Annotated[str | None, typer.Option(help="What is counted apart, such as agent; none: all calls.")] = None,
    value: Annotated[str | None, typer.Option(help="The one that it is for, such as the name of a team.")] = None,
    name: Annotated[str | None, typer.Option(help="What it is called in messages and metrics.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of its calendar, such as Europe/Berlin.")] = None,
    warn_at: Annotated[
        list[float] | None, typer.Option(metavar="0.8", help="At which share something is said; again for more.")
    ] = None,
    when_spent: Annotated[str | None, typer.Option(metavar="WHAT", help="refuse, ask, or use=ALIAS.")] = None,
    observe: Annotated[bool, typer.Option("--observe", help="Count what it would refuse, and refuse nothing.")] = False,
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """Set a budget, in the place of the policy's of the same kind, or one more; in force within a second."""
    from headgate.config import load
    from headgate.keys import desk
    from headgate.keys.settings import budget_of

    given = {"per": per, "value": value, "name": name, "time_zone": time_zone, "warn_at": warn_at}
    settings: dict[str, Any] = budget_of(usd, "") | {field: said for field, said in given.items() if said is not None}
    if when_spent is not None:
        settings["when_spent"] = _when_spent(when_spent)
    if observe:
        settings["mode"] = "observe"
    slot = desk.set_budget(load(policy), settings, desk.now_ns())
    print(json.dumps({"budget": slot}) if as_json else f"set: {slot}")


@app.command()
def unset(
    budget: Annotated[str, typer.Argument(metavar="BUDGET", help="As `budget list` calls it.")],
    *,
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """Take away a budget that was set, so that the policy's counts again."""
    from headgate.config import load
    from headgate.keys import desk

    desk.unset_budget(load(policy).policy, budget)
    print(json.dumps({"unset": budget}) if as_json else f"unset: {budget}")


@app.command(context_settings=_AMOUNT_FIRST)
def grant(
    approval: Annotated[
        str, typer.Argument(metavar="ID", help="As the refused caller was told, 402 `approval_required`.")
    ],
    usd: Annotated[str, typer.Argument(metavar="USD", help="How much more, in US dollars.")],
    *,
    policy: PolicyOption = POLICY,
    as_json: AsJson = False,
) -> None:
    """Grant more money to one value in one window of a budget; again for more still."""
    from pydantic_core import PydanticCustomError

    from headgate.config import load
    from headgate.config.units import parse_usd
    from headgate.keys import desk
    from headgate.keys.settings import amount_of
    from headgate.ledger.money import exact_usd

    try:
        nano = parse_usd(amount_of(usd))
    except PydanticCustomError as error:
        raise UsageError(error.message()) from None
    if nano == 0:
        raise UsageError("nothing would be granted: name more than 0 US dollars")
    if not re.fullmatch(r"apr_[0-9a-f]{20}", approval):
        raise UsageError(f"`{approval[:40]}` is no id of an approval: `apr_` and 20 hex digits, as the caller was told")
    desk.grant(load(policy).policy, approval, nano, desk.now_ns())
    print(
        json.dumps({"approval": approval, "nano_usd": nano}) if as_json else f"granted ${exact_usd(nano)}: {approval}"
    )


@app.command("list")
def list_(*, policy: PolicyOption = POLICY, as_json: AsJson = False) -> None:
    """List all budgets that count, those of the policy and those that were set, and what was granted."""
    from headgate.cli import budget_text
    from headgate.compile import compile_file
    from headgate.engine.stored import look
    from headgate.keys import desk

    compiled = compile_file(policy, merge=look)
    rows = budget_text.rows(compiled, desk.in_store(compiled.loaded.policy))
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        budget_text.print_rows(rows)


def _when_spent(text: str) -> str | dict[str, str]:
    word, equals, alias = text.partition("=")
    return {"use": alias} if word == "use" and equals else text
