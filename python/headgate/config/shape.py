"""From a value tree to the models: what pydantic refuses, told in the words of the policy.

After a refusal the broken parts are left out and the rest is read once more, so that what must fit together can be
checked too and all errors come at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from headgate.config.near import hint
from headgate.config.patterns import is_secret
from headgate.config.problems import shown
from headgate.config.sections import Policy

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    from headgate.config.problems import Path, Report

_FRAMES: Final = ("<list>", "<map>", "<word>", "<value>", "[key]")
_STAND_INS: Final[dict[Path, Any]] = {("version",): 1, ("providers",): {"left-out": {}}}
_KINDS: Final = {
    "string_type": "a text is needed",
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "bool_type": "`true` or `false` is needed",
    "list_type": "a list is needed",
    "dict_type": "a map is needed",
    "model_type": "a map is needed",
    "model_attributes_type": "a map is needed",
}
_ROUNDS: Final = 12


def read(value: dict[str, Any], report: Report) -> tuple[Policy | None, frozenset[Path]]:
    """The policy, or what is good of it, and the paths of the parts that are not. Reports whatever is wrong.

    There is no policy where not even the rest can be read. `value` loses its broken parts.
    """
    broken: set[Path] = set()
    for turn in range(_ROUNDS):
        try:
            return Policy.model_validate(value), frozenset(broken)
        except ValidationError as error:
            details = [_as_written(detail, value) for detail in error.errors(include_url=False)]
            if turn == 0:
                tell(details, report, Policy)
            broken.update(_leave_out(value, detail) for detail in details)
    return None, frozenset(broken)


def _as_written(detail: ErrorDetails, value: Any) -> ErrorDetails:  # noqa: ANN401 - any YAML value
    """The same, where a map is the only item of its list: it was written without one."""
    loc: list[int | str] = []
    for part in detail["loc"]:
        if isinstance(part, int) and isinstance(value, dict):
            continue
        loc.append(part)
        if part not in _FRAMES:
            value = _at({0: value}, (0, part))
    return {**detail, "loc": tuple(loc)}


def tell(details: list[ErrorDetails], report: Report, model: type[BaseModel]) -> None:
    """Reports what pydantic refused in a value of `model`, one error for each path."""
    root = model.model_json_schema()
    told = {problem.path for problem in report.errors}
    for detail in details:
        if _in_document(detail["loc"])[0] not in told:
            path, text, is_key = _problem(detail, root)
            report.error(path, text, key=is_key)


def first(error: ValidationError, value: dict[str, Any], model: type[BaseModel]) -> tuple[Path, str]:
    """The first thing that pydantic refused in a value of `model` that stands in no file, and where."""
    path, text, _ = _problem(_as_written(error.errors(include_url=False)[0], value), model.model_json_schema())
    return path, text


def _problem(detail: ErrorDetails, root: dict[str, Any]) -> tuple[Path, str, bool]:
    """Where it is, what is wrong, and whether it means the key."""
    path, is_key = _in_document(detail["loc"])
    if detail["type"] == "missing":
        return path[:-1], f"`{path[-1]}` is missing{_what(path, root)}", False
    if detail["type"] == "extra_forbidden":
        return path, f"unknown field{hint(str(path[-1]), _fields(path[:-1], root))}", True
    return path, _sentence(detail, path, root), is_key


def _what(path: Path, root: dict[str, Any]) -> str:
    field = _schema_at(path, root).get("description", "")
    return f": {field}".rstrip(".") if field else ""


def _in_document(loc: tuple[int | str, ...]) -> tuple[Path, bool]:
    """A location without pydantic's own frames (such as `<list>` of a union), and whether it means the key."""
    return tuple(part for part in loc if part not in _FRAMES), loc[-1] == "[key]"


def _sentence(detail: ErrorDetails, path: Path, root: dict[str, Any]) -> str:
    kind, seen, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind] + _instead(seen, path, root)
    match kind:
        case "greater_than_equal":
            return f"{shown(seen)} is below {context['ge']}"
        case "less_than_equal":
            return f"{shown(seen)} is above {context['le']}"
        case "too_short" | "string_too_short":
            return "empty; at least one is needed"
        case "too_long":
            return f"more than {context['max_length']}"
    return detail["msg"]


def _instead(seen: Any, path: Path, root: dict[str, Any]) -> str:  # noqa: ANN401 - any YAML value
    """What stands there instead. A text is not shown where a map belongs: it may be a secret in the wrong place."""
    if seen is None:
        return ", nothing stands here"
    if isinstance(seen, dict | list):
        return f", not a {'map' if isinstance(seen, dict) else 'list'}"
    wanted = _schema_at(path, root).get("type")
    if is_secret(path) or (isinstance(seen, str) and wanted in ("object", "array", None)):
        return ", not a text"
    quotes = "; put it in quotes" if wanted == "string" else ""
    return f", not `{shown(seen)}`{quotes}"


def _leave_out(value: dict[str, Any], detail: ErrorDetails) -> Path:
    """Takes out the smallest part that can be missed, or puts a harmless one in its place; returns where.

    An item of a list is not taken out, since that would move those behind it: what holds the list is.
    """
    path, is_key = _in_document(detail["loc"])
    if detail["type"] == "missing" and len(path) > 1:
        path = path[:-1]
    while len(path) > 1 and path[:-1] != ("keys",) and not isinstance(_at(value, path[:-1]), dict):
        path = path[:-1]
    holder: Any = _at(value, path[:-1])
    if path in _STAND_INS:
        holder[path[-1]] = _STAND_INS[path]
    elif path[:-1] == ("keys",):
        holder[path[-1]] = {"name": f"left-out-{path[-1]}", "secret": f"${{env:LEFT_OUT_{path[-1]}}}"}
    elif path[:-1] == ("providers",) and not is_key:
        holder[path[-1]] = {}
    elif isinstance(holder, dict):
        holder.pop(path[-1], None)
    return path


def _at(value: Any, path: Path) -> Any:  # noqa: ANN401 - any YAML value
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _fields(path: Path, root: dict[str, Any]) -> list[str]:
    return list(_schema_at(path, root).get("properties", ()))


def _schema_at(path: Path, root: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of what stands at a path; empty where anything may stand."""
    node = root
    for part in path:
        node = below(plain(node, root), part)
    return plain(node, root)


def plain(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follows a reference, and of several forms the section, else the first that is not `null`."""
    while True:
        if "$ref" in node:
            target = root["$defs"][node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: item for key, item in node.items() if key != "$ref"}}
        elif form := _form(node):
            node = {**form, **{key: item for key, item in node.items() if key not in ("anyOf", "oneOf")}}
        else:
            return node


def _form(node: dict[str, Any]) -> dict[str, Any] | None:
    forms = [*node.get("anyOf", ()), *node.get("oneOf", ())]
    section = next((each for each in forms if "$ref" in each), None)
    return section or next((each for each in node.get("anyOf", ()) if each.get("type") != "null"), None)


def below(node: dict[str, Any], part: str | int) -> dict[str, Any]:
    """The JSON Schema one step down: of a field, of any entry of a map, of an item of a list."""
    if isinstance(part, int):
        found = node.get("items", {})
    else:
        found = node.get("properties", {}).get(part) or node.get("additionalProperties", {})
        if not found and node.get("patternProperties"):
            found = next(iter(node["patternProperties"].values()))
    return found if isinstance(found, dict) else {}
