"""Reading a plan from a file, to compare it. The data plane reads its plans itself."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from headgate.errors import PlanError
from headgate.plan.document import FORMAT, Plan


def read(path: str) -> dict[str, Any]:
    """The plan as a JSON value. Raises `PlanError` for what is no plan of this version's form."""
    try:
        value = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise PlanError(f"{path} cannot be read: {(error.strerror or '').lower()}") from None
    except (ValueError, RecursionError):
        raise PlanError(f"{path} is no plan: it is not JSON") from None
    if not isinstance(value, dict) or "format" not in value:
        raise PlanError(f"{path} is no plan of `headgate compile`")
    if value["format"] != FORMAT:
        raise PlanError(f"{path} has plan format {value['format']}, this headgate reads format {FORMAT}")
    absent = [field.name for field in fields(Plan) if field.name not in value]
    if absent:
        raise PlanError(f"{path} is no whole plan: `{absent[0]}` is missing")
    return value
