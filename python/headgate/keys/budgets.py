"""Budgets that were set, and money that was granted, while the gateway runs: beside the keys, with the same counter.

A budget that is set takes the place of the policy's of the same id and value, or is one more. It stands in the words of
the policy's `budgets:`. A grant adds to what one value may spend in one window, under the id that a refusal named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sqlalchemy import delete, select

from headgate.config import checks, measures
from headgate.config.near import hint
from headgate.config.problems import Place, Places, Report
from headgate.config.sections import Budget
from headgate.errors import UsageError
from headgate.keys import tables
from headgate.keys.store import changed
from headgate.keys.words import reason
from headgate.ledger.database import upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.config.measures import Spending
    from headgate.config.sections import Policy
    from headgate.ledger.database import Database


@dataclass(frozen=True, slots=True)
class SetBudget:
    """A budget; `slot` is its id, with the value that it is for."""

    slot: str
    settings: dict[str, Any]
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Granted:
    """So much more, under the id of a refusal."""

    approval: str
    nano_usd: int
    granted_ns: int


def spending(settings: dict[str, Any], policy: Policy) -> Spending:
    """A budget in the policy's words, as the policy would count it; `policy` has the keys of the store.

    Raises `UsageError` for what the policy would refuse.
    """
    try:
        budget = Budget.model_validate(settings)
    except ValidationError as error:
        raise UsageError(reason(error, settings, Budget)) from None
    keys = [key.name for key in policy.keys]
    if budget.per == "key" and budget.value is not None and budget.value not in keys:
        raise UsageError(f"no key `{budget.value}`{hint(budget.value, keys)}")
    report = Report(Places(Place("--")))
    alone = policy.model_copy(update={"budgets": [budget], "limits": []})
    checks.limits.check(alone, checks.Names.of(_named(policy)), report)
    own = [problem for problem in report.errors if problem.path[:2] == ("budgets", 0)]
    if own:
        field = ".".join(str(part) for part in own[0].path[2:])
        raise UsageError(f"{field}: {own[0].text}" if field else own[0].text)
    return next(each for each in measures.budgets(alone) if each.path == ("budgets", 0))


def slot_of(spending: Spending) -> str:
    """What a budget is called: its id, and the value that it is for."""
    return spending.id if spending.value is None else f"{spending.id}={spending.value}"


def _named(policy: Policy) -> dict[str, Any]:
    """The names of a policy, as they are found in its value tree."""
    return {
        section: dict.fromkeys(getattr(policy, section)) for section in ("providers", "deployments", "aliases", "teams")
    }


def all_budgets(connection: Connection) -> list[SetBudget]:
    """All budgets that were set, by their slots."""
    rows = connection.execute(select(tables.budgets).order_by(tables.budgets.c.slot))
    return [SetBudget(row.slot, json.loads(row.settings), row.changed_ns) for row in rows]


def set_budget(connection: Connection, database: Database, budget: SetBudget) -> None:
    """Sets a budget, in the place of one that stood in its slot."""
    values = {"settings": json.dumps(budget.settings, sort_keys=True), "changed_ns": budget.changed_ns}
    insert = upsert(database, tables.budgets).values(slot=budget.slot, **values)
    connection.execute(insert.on_conflict_do_update(index_elements=["slot"], set_=values))
    changed(connection, database)


def unset_budget(connection: Connection, database: Database, slot: str) -> bool:
    """Takes a budget away, so that the policy's counts again; whether there was one."""
    gone = connection.scalar(select(tables.budgets.c.slot).where(tables.budgets.c.slot == slot)) is not None
    if gone:
        connection.execute(delete(tables.budgets).where(tables.budgets.c.slot == slot))
        changed(connection, database)
    return gone


def all_grants(connection: Connection) -> list[Granted]:
    """All grants, by their ids."""
    rows = connection.execute(select(tables.grants).order_by(tables.grants.c.approval))
    return [Granted(row.approval, row.nano_usd, row.granted_ns) for row in rows]


def grant(connection: Connection, database: Database, granted: Granted) -> None:
    """Adds to what was granted under an id."""
    table = tables.grants
    values = {"approval": granted.approval, "nano_usd": granted.nano_usd, "granted_ns": granted.granted_ns}
    insert = upsert(database, table).values(values)
    more = {"nano_usd": table.c.nano_usd + insert.excluded.nano_usd, "granted_ns": insert.excluded.granted_ns}
    connection.execute(insert.on_conflict_do_update(index_elements=["approval"], set_=more))
    changed(connection, database)
