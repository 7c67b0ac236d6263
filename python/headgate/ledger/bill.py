"""A provider's own bill, read from what it exports: by day (UTC) and model.

Taken are OpenAI's pages of usage and of costs (JSON, `organization.usage.*.result` and `organization.costs.result`, as
its administration API answers), the same flattened to CSV, and a plain CSV: `date,model`, and of `calls`,
`input_tokens`, `cached_tokens`, `output_tokens`, `usd` what there is. Several rows of a day and a model add up.
Source: the types `usage_completions_response` and `usage_costs_response` of OpenAI's Python library 3.52.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from headgate.errors import GatewayError
from headgate.ledger.money import NANO

COUNTS: Final = {
    "attempts": ("num_model_requests", "calls", "requests"),
    "input": ("input_tokens",),
    "cache_read": ("input_cached_tokens", "cached_tokens"),
    "output": ("output_tokens",),
}
"""Of our counters, what bills call them. Each attempt is a call to the provider."""
MONEY: Final = ("amount_value", "usd", "cost_usd", "cost")
_DAYS: Final = ("start_time", "start_time_iso", "date", "day")
_MODELS: Final = ("model", "snapshot_id", "line_item")

Place = tuple[str, str]
"""A day and a model."""


@dataclass(slots=True)
class Charged:
    """What is billed for a day and a model; only what the bill speaks of. Money in nano-dollars.

    `rounding` is by how much the money may be off, as its last digits were rounded.
    """

    counts: dict[str, int] = field(default_factory=dict)
    nano_usd: Decimal | None = None
    rounding: Decimal = Decimal(0)


def read(path: str) -> dict[Place, Charged]:
    """The bill in a file. Raises `GatewayError`, with the line where there is one."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise GatewayError(f"{path}: the bill cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GatewayError(f"{path}: the bill cannot be read: this is no text in UTF-8") from None
    found: dict[Place, Charged] = {}
    rows = _of_json(text, path) if text.lstrip()[:1] in ("{", "[") else _of_csv(text, path)
    for number, row in rows:
        try:
            _add(found, row)
        except (ValueError, InvalidOperation, OverflowError) as error:
            raise GatewayError(f"{path}:{number}: {error}") from None
    if not found:
        raise GatewayError(f"{path}: there is no row in this bill")
    return found


def _of_csv(text: str, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    names = [name.strip().lower() for name in reader.fieldnames or []]
    for wanted, what in ((_DAYS, "a day"), (_MODELS, "a model")):
        if not set(wanted) & set(names):
            raise GatewayError(f"{path}:1: no column says {what}: one of {', '.join(wanted)} is needed")
    reader.fieldnames = names
    for row in reader:
        yield reader.line_num, row


def _of_json(text: str, path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        pages = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise GatewayError(f"{path}:{error.lineno}:{error.colno}: {error.msg}") from None
    for page in pages if isinstance(pages, list) else [pages]:
        for bucket in page.get("data", []) if isinstance(page, dict) else []:
            for result in bucket.get("results", bucket.get("result", [])):
                amount = result.get("amount") or {}
                money = {} if amount.get("value") is None else {"amount_value": amount["value"]}
                yield 1, {"start_time": bucket["start_time"]} | result | money


def _add(found: dict[Place, Charged], row: dict[str, Any]) -> None:
    place = (_day(str(_first(row, _DAYS) or "")), _model(str(_first(row, _MODELS) or "")))
    charged = found.setdefault(place, Charged())
    for name, columns in COUNTS.items():
        if (value := _first(row, columns)) is not None:
            charged.counts[name] = charged.counts.get(name, 0) + int(Decimal(str(value).replace(",", "")))
    if (value := _first(row, MONEY)) is not None:
        dollars = Decimal(str(value).replace(",", "").lstrip("$"))
        charged.nano_usd = (charged.nano_usd or Decimal(0)) + dollars * NANO
        charged.rounding += Decimal(5).scaleb(int(dollars.as_tuple().exponent) - 1) * NANO


def _first(row: dict[str, Any], names: tuple[str, ...]) -> object:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _day(text: str) -> str:
    if text.isdecimal() and len(text) > 8:
        return datetime.fromtimestamp(int(text), UTC).strftime("%Y-%m-%d")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text[:40]}` is no day: 2026-11-01, or seconds since 1970, is needed") from None
    return (at.astimezone(UTC) if at.tzinfo is not None else at).strftime("%Y-%m-%d")


def _model(text: str) -> str:
    """Of a line of costs, `gpt-5.2, input`, the model."""
    return text.partition(", ")[0].strip()
