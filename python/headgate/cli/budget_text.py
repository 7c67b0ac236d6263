"""Budgets for people and programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headgate.cli.text import console, safe
from headgate.ledger.buckets import NS
from headgate.ledger.money import exact_usd
from headgate.ledger.times import iso
from headgate.plan.limits import describe, whose

if TYPE_CHECKING:
    from headgate.compile import Compiled
    from headgate.keys.merge import InStore

Rows = dict[str, list[dict[str, Any]]]


def rows(compiled: Compiled, store: InStore) -> Rows:
    """Budgets and grants."""
    plan = json.loads(compiled.document)
    were_set = {each.slot: each for each in store.budgets}
    budgets = []
    for each in plan["budgets"]:
        slot = each["id"] if each["value"] is None else f"{each['id']}={each['value']}"
        at = were_set.get(slot)
        of_key = each["per"] == "key" and each["value"] in {key.name for key in store.keys}
        told = {"budget": slot, "of": whose(each), "says": describe(each, plan), "usd": exact_usd(each["nano_usd"])}
        origin = "store" if at is not None else "key" if of_key else "policy"
        budgets.append(told | {"from": origin, "set": at and iso(at.changed_ns // NS)})
    granted = [
        {"approval": each.approval, "usd": exact_usd(each.nano_usd), "granted": iso(each.granted_ns // NS)}
        for each in store.grants
    ]
    return {"budgets": budgets, "grants": granted}


def print_rows(found: Rows) -> None:
    """A line for each."""
    out = console()
    for each in found["budgets"]:
        where = {"policy": "the policy", "key": "made with the key"}.get(each["from"]) or f"set {each['set']}"
        out.print(f"[bold]{safe(each['budget'])}[/]: {safe(each['of'])}: {safe(each['says'])} ({where})")
    for each in found["grants"]:
        out.print(f"granted ${each['usd']} under {safe(each['approval'])} ({each['granted']})")
    if not found["budgets"] and not found["grants"]:
        out.print("there are no budgets")
