"""What is known of providers: addresses, how a credential is shown, models, windows and prices.

`catalogue.json` is one dated snapshot that `config/catalogue/generate.py` makes; nothing here looks at the network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

FORMAT: Final = 1


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

    def prices(self, model: str) -> list[dict[str, Any]]:
        """What a model costs, as the catalogue has it; empty where that is not known.

        The last entry counts whose `from` is past and whose `between` fits; those with `when` are for such calls alone.
        """
        listed: list[dict[str, Any]] = self.models.get(model, {}).get("prices", [])
        return listed

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
