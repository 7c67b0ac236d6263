"""`headgate key new`."""

from __future__ import annotations

import json

from headgate.keys import fresh


def new(*, as_json: bool) -> None:
    """Prints a fresh key."""
    key = fresh()
    print(json.dumps({"key": key}) if as_json else key)
