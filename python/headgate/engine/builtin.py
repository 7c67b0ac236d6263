"""The policy of `headgate up`: the simulated provider, and each provider whose key stands in the environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from headgate.config import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "built-in policy"


def providers_with_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Provider to the variable with its key, as in `OPENAI_API_KEY`, for those that can be reached without more."""
    found = {}
    for name, known in catalogue.providers().items():
        variable = f"{name.upper()}_API_KEY"
        usable = known.dialect == "openai" and known.base_url and known.credential == "required"
        if usable and environ.get(variable):
            found[name] = variable
    return found


def policy(simulator_address: str, keys: Mapping[str, str]) -> str:
    """The policy as YAML. Ctrl-C and SIGTERM need no delay here: nothing sends calls by itself."""
    lines = [
        "version: 1",
        "drain: {accept_for: 0s, grace: 10s}",
        "passthrough: sim",
        "providers:",
        f"  sim: {{endpoints: [{json.dumps(f'http://{simulator_address}/v1')}]}}",
        *(f'  {name}: {{credential: "${{env:{variable}}}"}}' for name, variable in keys.items()),
    ]
    return "\n".join([*lines, ""])
