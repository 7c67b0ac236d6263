"""Makes the catalogue: `providers.yaml` beside this file, and models, windows and prices from `genai-prices`.

    python config/catalogue/generate.py            writes python/headgate/config/catalogue.json
    python config/catalogue/generate.py --check    exits 1 when the file is not what would be written

The result is one dated snapshot. Prices are US dollars as decimal texts, per the unit in their name: `input_mtok` is a
million input tokens, `audio_hours` an hour of audio. A model has a list of prices: the last whose `from` (a date) is
past and whose `between` (times of the day, UTC) fits is the one; those with `when` are for calls of that kind alone.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from genai_prices import types
from genai_prices.data import providers as priced

HERE = Path(__file__).parent
OUTPUT = HERE.parents[1] / "python" / "headgate" / "config" / "catalogue.json"
FORMAT = 1
BEARER = {"header": "authorization", "prefix": "Bearer "}


def main() -> int:
    """Writes or checks the file."""
    parser = argparse.ArgumentParser(description="Makes the catalogue of providers, models and prices.")
    parser.add_argument("--check", action="store_true", help="compare only")
    parser.add_argument("--date", help="the date of the snapshot; today if absent")
    options = parser.parse_args()
    source = f"genai-prices {version('genai-prices')}"
    date = options.date or datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    if options.check:
        return check(source)
    OUTPUT.write_text(render(snapshot(date, source)), encoding="utf-8")
    print(f"{OUTPUT}: {source}, {date}")
    return 0


def check(source: str) -> int:
    """Compares the file with what would be written on its date; another release of the source is no staleness."""
    current = OUTPUT.read_text(encoding="utf-8")
    header = json.loads(current)
    if header["source"] != source:
        print(f"{OUTPUT}: from {header['source']}, {source} is installed: only providers.yaml is compared")
        fresh = {name: entry | {"models": {}} for name, entry in header["providers"].items()}
        ours = {name: provider(entry) | {"models": {}} for name, entry in table().items()}
        stale = fresh != ours
    else:
        stale = current != render(snapshot(header["date"], source))
    if stale:
        print(f"{OUTPUT} is stale: run {Path(__file__).name}")
    return int(stale)


def render(catalogue: dict[str, Any]) -> str:
    """One line for each model, so that a change shows as such."""
    lines = [
        f'{{"format":{catalogue["format"]},"date":"{catalogue["date"]}","source":"{catalogue["source"]}","providers":{{'
    ]
    for number, (name, entry) in enumerate(catalogue["providers"].items()):
        models = entry["models"]
        head = compact({key: value for key, value in entry.items() if key != "models"})
        lines.append(f'{"," if number else ""}"{name}":{head[:-1]},"models":{{')
        lines.append(",\n".join(f"{compact(model)}:{compact(facts)}" for model, facts in models.items()))
        lines.append("}}")
    return "\n".join([*lines, "}}", ""])


def compact(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON on one line."""
    return json.dumps(value, separators=(",", ":"))


def snapshot(date: str, source: str) -> dict[str, Any]:
    """The whole catalogue."""
    entries = {name: provider(entry) for name, entry in table().items()}
    return {"format": FORMAT, "date": date, "source": source, "providers": entries}


def table() -> dict[str, Any]:
    """Our own table."""
    loaded: dict[str, Any] = yaml.safe_load((HERE / "providers.yaml").read_text(encoding="utf-8"))
    return loaded


def provider(entry: dict[str, Any]) -> dict[str, Any]:
    """One provider, complete."""
    fixed: dict[str, Any] = {model: {"prices": []} for model in entry.get("models", [])}
    return {
        "dialect": entry["dialect"],
        "base_url": entry.get("base_url"),
        "openai_url": entry.get("openai_url") or (entry.get("base_url") if entry["dialect"] == "openai" else None),
        "endpoint_form": entry.get("endpoint_form"),
        "credential": entry.get("credential", "required"),
        "auth": entry.get("auth", BEARER),
        "listed": entry.get("listed", True),
        "local": entry.get("local", False),
        "models": fixed | models(entry.get("prices"), tuple(entry.get("only", [""]))),
    }


def models(source: str | None, only: tuple[str, ...]) -> dict[str, Any]:
    """Name to facts, by name. A model stands under each name that its provider takes for it."""
    found: dict[str, Any] = {}
    for entry in (entry for entry in priced if entry.id == source):
        for model in entry.models:
            for name in names(model):
                if name.startswith(only):
                    found.setdefault(name, facts(model))
    return dict(sorted(found.items()))


def names(model: types.ModelInfo) -> list[str]:
    """The exact names in a model's match, and its id where that matches too; looser forms are no names."""
    exact = list(equals(model.match))
    own = [model.id] if model.match.is_match(model.id) else []
    return [
        name for name in (*own, *exact) if not name.endswith(("-", "/", ":")) and name.isascii() and " " not in name
    ]


def equals(match: Any) -> list[str]:  # noqa: ANN401 - the clauses share no type
    """The names that a clause takes literally."""
    if isinstance(match, types.ClauseEquals):
        return [match.equals]
    if isinstance(match, types.ClauseOr):
        return [name for clause in match.or_ for name in equals(clause)]
    return []


def facts(model: types.ModelInfo) -> dict[str, Any]:
    """Window and prices of a model."""
    known: dict[str, Any] = {}
    if model.context_window:
        known["context_tokens"] = model.context_window
    if model.deprecated:
        known["deprecated"] = True
    listed = model.prices if isinstance(model.prices, list) else [types.ConditionalPrice(prices=model.prices)]
    known["prices"] = [condition(each.constraint) | usd(each.prices) for each in listed]
    known["prices"] += [
        {"when": dict(sorted(each.when.items()))} | condition(each.constraint) | usd(each.prices)
        for each in model.price_variants or []
    ]
    return known


def condition(constraint: types.StartDateConstraint | types.TimeOfDateConstraint | None) -> dict[str, Any]:
    """When a price holds."""
    if isinstance(constraint, types.StartDateConstraint):
        return {"from": constraint.start_date.isoformat()}
    if isinstance(constraint, types.TimeOfDateConstraint):
        return {"between": [f"{constraint.start_time:%H:%M}", f"{constraint.end_time:%H:%M}"]}
    return {}


def usd(prices: types.ModelPrice) -> dict[str, Any]:
    """The amounts of a price."""
    return {"usd": {name: amount(value) for name, value in sorted(vars(prices).items()) if value is not None}}


def amount(value: Decimal | types.TieredPrices) -> Any:  # noqa: ANN401 - a text, or a list of tiers
    """A decimal text, or `[[from input tokens, text], ...]` where the price depends on the input's length."""
    if isinstance(value, types.TieredPrices):
        return [[0, amount(value.base)], *([tier.start, amount(tier.price)] for tier in value.tiers)]
    return f"{value.normalize():f}"


if __name__ == "__main__":
    sys.exit(main())
