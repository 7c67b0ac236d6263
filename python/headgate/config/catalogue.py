"""What is known of providers: addresses, how a credential is shown, models, windows and prices.

`catalogue.json` is one dated snapshot that `config/catalogue/generate.py` makes; nothing here looks at the network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

FORMAT: Final = 1
NANO: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class KnownProvider:
    """What the catalogue knows of a provider.

    `base_url` is absent where each operator has their own; `endpoint_form` then shows what it looks like.
    `openai_url` is where it speaks the `openai` dialect, if it does. `models` is name to facts.
    """

    dialect: str
    base_url: str | None
    openai_url: str | None
    endpoint_form: str | None
    credential: Literal["required", "optional", "none"]
    auth_header: str
    auth_prefix: str
    listed: bool
    local: bool
    models: dict[str, dict[str, Any]]
    date: str

    def context_tokens(self, model: str) -> int | None:
        """The window of a model, where it is known."""
        window: int | None = self.models.get(model, {}).get("context_tokens")
        return window

    def price(self, model: str) -> tuple[int, int] | None:
        """What a million tokens of the prompt and of the answer cost in nano-dollars, where that is known.

        It is the price of a plain call on the day of the catalogue: no discount for batches, or for a time of the day.
        Where the price depends on the length of the prompt, it is that of a short one.
        """
        listed = [each for each in self.models.get(model, {}).get("prices", ()) if self._holds(each)]
        usd = listed[-1]["usd"] if listed else {}
        if "input_mtok" not in usd:
            return None
        return _nano(usd["input_mtok"]), _nano(usd.get("output_mtok", "0"))

    def _holds(self, price: dict[str, Any]) -> bool:
        return "when" not in price and "between" not in price and price.get("from", "") <= self.date

    @property
    def model_names(self) -> list[str]:
        """The names that this provider is known to answer to today."""
        if not self.listed:
            return []
        return [name for name, facts in self.models.items() if not facts.get("deprecated")]


@cache
def providers() -> dict[str, KnownProvider]:
    """Every provider of the catalogue, by its name in a policy."""
    loaded = json.loads(files("headgate.config").joinpath("catalogue.json").read_bytes())
    if loaded["format"] != FORMAT:
        raise ValueError(f"catalogue of format {loaded['format']}, {FORMAT} is needed")
    return {name: _provider(entry, loaded["date"]) for name, entry in loaded["providers"].items()}


def _provider(entry: dict[str, Any], date: str) -> KnownProvider:
    auth = entry.pop("auth")
    return KnownProvider(auth_header=auth["header"], auth_prefix=auth["prefix"], date=date, **entry)


def _nano(amount: str | list[list[Any]]) -> int:
    """A decimal text, or the first of its tiers, in nano-dollars; finer parts are rounded up."""
    dollars = amount if isinstance(amount, str) else amount[0][1]
    return int((Decimal(dollars) * NANO).to_integral_value(ROUND_CEILING))
