"""The JSON Schema of the policy, for editors: `config/policy.schema.json`.

    python -m headgate.config.schema            writes it
    python -m headgate.config.schema --check    exits 1 when the file is not what would be written

It is generated from the models, less what is not supported yet. Where a reference such as `${env:NAME}` may stand for
a value that is no text, the schema allows such a text too; and numbers with `_`, which an editor takes for texts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from headgate.config import shape
from headgate.config.later import LATER
from headgate.config.sections import Policy

OUTPUT: Final = Path("config/policy.schema.json")
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{(env|file):[^{}]+\}"}
_UNDERSCORES: Final = {"type": "string", "pattern": "^[0-9][0-9_]*$"}
_LEAVES: Final = ("const", "enum", "pattern", "minimum", "maximum")


def schema() -> dict[str, Any]:
    """The schema of a policy file."""
    generated = Policy.model_json_schema()
    generated["description"] = "What an operator of headgate writes."
    _leave_out_later(generated)
    loosened = _with_references(generated)
    return {"$schema": DIALECT, "title": "headgate policy", **without_titles(loosened)}


def _leave_out_later(root: dict[str, Any]) -> None:
    """Takes out the fields whose place is reserved, and the sections that nothing else names."""
    for *path, name in LATER:
        node = root
        for part in path:
            node = shape.below(shape.plain(node, root), part)
        shape.plain(node, root).get("properties", {}).pop(name, None)
    text = json.dumps(root)
    unused = [name for name in root["$defs"] if f'"#/$defs/{name}"' not in text]
    for name in unused:
        del root["$defs"][name]


def _with_references(node: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Allows a reference wherever the form of a value is narrower than any text; names of fields stay as they are."""
    if isinstance(node, list):
        return [_with_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") in ("integer", "number", "boolean") or any(word in node for word in _LEAVES):
        notes = {key: node[key] for key in ("title", "description", "default") if key in node}
        form = {key: item for key, item in node.items() if key not in notes}
        more = [_UNDERSCORES] if form.get("type") == "integer" else []
        return {**notes, "anyOf": [form, *more, _REFERENCE]}
    return {key: item if key == "propertyNames" else _with_references(item) for key, item in node.items()}


def without_titles(node: Any, *, is_properties: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """Leaves out the titles that pydantic makes of the names of fields; they say nothing more."""
    if isinstance(node, list):
        return [without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: without_titles(item, is_properties=key in ("properties", "$defs") and not is_properties)
        for key, item in node.items()
        if is_properties or key != "title"
    }


def generate(output: Path, schema: dict[str, Any], module: str) -> int:
    """Writes a schema, or with `--check` compares it with the file; `module` is what to run. The exit code."""
    parser = argparse.ArgumentParser(description=f"Makes {output}.")
    parser.add_argument("--check", action="store_true", help="compare only")
    options = parser.parse_args()
    text = json.dumps(schema, indent=2) + "\n"
    if not options.check:
        output.write_text(text, encoding="utf-8")
        return 0
    if output.is_file() and output.read_text(encoding="utf-8") == text:
        return 0
    print(f"{output} is stale: run python -m {module}")
    return 1


if __name__ == "__main__":
    sys.exit(generate(OUTPUT, schema(), "headgate.config.schema"))
