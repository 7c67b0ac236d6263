"""Keys for people and programs: those of the policy beside those of the store. Nothing here holds a secret."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headgate.cli.text import console, safe
from headgate.keys.desk import state
from headgate.ledger.buckets import NS
from headgate.ledger.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.config.sections import Policy
    from headgate.keys.store import StoredKey

Row = dict[str, Any]


def rows(policy: Policy, stored: Sequence[StoredKey], now_ns: int) -> list[Row]:
    """Each key with what it may do."""
    of_policy: list[Row] = [
        {
            "name": key.name,
            "from": "policy",
            "state": "expired" if key.expires and key.expires.timestamp() * NS <= now_ns else "active",
            "settings": key.model_dump(mode="json", exclude={"name", "secret", "former"}, exclude_unset=True),
            "created": None,
            "revoked": None,
            "secrets": [],
        }
        for key in policy.keys
    ]
    return [*of_policy, *(_stored(key, now_ns) for key in stored)]


def _stored(key: StoredKey, now_ns: int) -> Row:
    return {
        "name": key.name,
        "from": "store",
        "state": state(key, now_ns),
        "settings": key.settings,
        "created": iso(key.created_ns // NS),
        "revoked": None if key.revoked_ns is None else iso(key.revoked_ns // NS),
        "secrets": [
            {
                "begins": secret.hint,
                "created": iso(secret.created_ns // NS),
                "until": None if secret.until_ns is None else iso(secret.until_ns // NS),
            }
            for secret in key.secrets
        ],
    }


def print_rows(found: Sequence[Row]) -> None:
    """A table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("name", "from", "state", "begins", "created", "may ask for", "settings"):
        table.add_column(name)
    for row in found:
        begins = ", ".join(secret["begins"] for secret in row["secrets"] if secret["begins"]) or "-"
        cells = [row["name"], row["from"], row["state"], begins, row["created"] or "-", _scope(row), _rest(row)]
        table.add_row(*(safe(cell) for cell in cells))
    out = console()
    if not out.is_terminal:
        out.width = 1_000
    out.print(table if found else "there are no keys")


def print_row(row: Row) -> None:
    """One key, a line for each thing."""
    out = console()
    out.print(f"[bold]{safe(row['name'])}[/]: {row['state']}, from the {row['from']}")
    out.print(f"  may ask for {safe(_scope(row))}")
    if rest := _rest(row):
        out.print(f"  {safe(rest)}")
    if row["created"]:
        out.print(f"  made {row['created']}")
    if row["revoked"]:
        out.print(f"  revoked {row['revoked']}")
    for secret in row["secrets"]:
        until = f", taken until {secret['until']}" if secret["until"] else ""
        begins = f"begins with {secret['begins']}, " if secret["begins"] else ""
        out.print(f"  a secret: {safe(begins)}made {secret['created']}{until}")


def _scope(row: Row) -> str:
    aliases = row["settings"].get("aliases")
    scope = "everything" if aliases is None else ", ".join(aliases) or "no alias"
    return f"{scope}, and calls that name no model" if row["settings"].get("passthrough") else scope


def _rest(row: Row) -> str:
    rest = {name: value for name, value in row["settings"].items() if name not in ("aliases", "passthrough")}
    return ", ".join(f"{name} {_words(value)}" for name, value in rest.items())


def _words(value: Any) -> str:  # noqa: ANN401 - whatever a setting holds
    if isinstance(value, dict) and {"usd", "window"} <= value.keys():
        rest = {name: other for name, other in value.items() if name not in ("usd", "window")}
        more = "".join(f" {name} {_words(other)}" for name, other in rest.items())
        return f"${Decimal(str(value['usd'])):f}/{_words(value['window'])}{more}"
    if isinstance(value, dict):
        return " ".join(_words(each) for each in value.values())
    return " ".join(str(each) for each in value) if isinstance(value, list) else str(value)
