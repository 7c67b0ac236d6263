"""The JSON Schema of scenarios, for editors: `config/scenario.schema.json`.

python -m headgate.simulate.schema            writes it
python -m headgate.simulate.schema --check    exits 1 when the file is not what would be written
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from headgate.config import schema as policy
from headgate.simulate.scenario import Scenario

OUTPUT: Final = Path("config/scenario.schema.json")


def schema() -> dict[str, Any]:
    """The schema of a scenario file."""
    generated = Scenario.model_json_schema()
    generated["description"] = "What happens in a simulation of headgate."
    return {"$schema": policy.DIALECT, "title": "headgate scenario", **policy.without_titles(generated)}


if __name__ == "__main__":
    sys.exit(policy.generate(OUTPUT, schema(), "headgate.simulate.schema"))
