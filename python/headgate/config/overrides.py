"""`HEADGATE__SECTION__NAME=value` in the environment: what stands there wins over the file.

Names are matched without regard to case, and `_` stands for `-` and `.` too, so that
`HEADGATE__DEPLOYMENTS__HOUSE_SMALL__MODEL` is about the deployment `house-small`. A number finds an item of a list.
The value is YAML. A secret that is given this way stays in the environment: the plan refers to the variable.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from headgate.config import yaml12
from headgate.config.patterns import is_secret
from headgate.config.problems import Place, Problem
from headgate.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.config.files import Merged
    from headgate.config.problems import Path

PREFIX = "HEADGATE__"


def apply(merged: Merged, environ: Mapping[str, str]) -> None:
    """Puts the overrides of the environment into the policy, in the order of their names."""
    for name in sorted(environ):
        if name.upper().startswith(PREFIX):
            try:
                _apply(merged, name, environ[name])
            except PolicyError as error:
                merged.problems.extend(error.problems)


def _apply(merged: Merged, name: str, text: str) -> None:
    place = Place(name)
    path = _path(merged.value, name[len(PREFIX) :].split("__"), place)
    if path == ("include",):
        raise PolicyError([Problem(place, path, "files are included by the policy, not by the environment")])
    stays_there = is_secret(path) and "${" not in text
    value = f"${{env:{name}}}" if stays_there else yaml12.parse(text, name).checked()
    _store(merged.value, path, value, place)
    for known in (merged.places.keys, merged.places.values):
        for old in [each for each in known if each[: len(path)] == path]:
            del known[old]
        known[path] = place


def _path(value: Any, parts: list[str], place: Place) -> Path:  # noqa: ANN401 - any YAML value
    path: Path = ()
    for part in parts:
        if not part:
            raise PolicyError([Problem(place, path, "an empty name; write HEADGATE__SECTION__NAME")])
        step = _step(value, part, path, place)
        path = (*path, step)
        value = _below(value, step)
    return path


def _step(value: Any, part: str, path: Path, place: Place) -> str | int:  # noqa: ANN401 - any YAML value
    if isinstance(value, list):
        if not part.isdecimal() or int(part) >= len(value):
            text = f"`{part}` is not the number of one of its {len(value)} items"
            raise PolicyError([Problem(place, path, text)])
        return int(part)
    if isinstance(value, dict):
        same = [key for key in value if _folded(key) == _folded(part)]
        if len(same) > 1:
            names = " or ".join(f"`{key}`" for key in same)
            raise PolicyError([Problem(place, path, f"could mean {names}; the environment cannot tell them apart")])
        if same:
            return str(same[0])
    return part.lower()


def _folded(name: str) -> str:
    return re.sub(r"[-.]", "_", name).lower()


def _below(value: Any, step: str | int) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, dict):
        return value.get(str(step))
    return value[step] if isinstance(value, list) and isinstance(step, int) else None


def _store(value: Any, path: Path, new: Any, place: Place) -> None:  # noqa: ANN401 - any YAML value
    for depth, step in enumerate(path[:-1]):
        if _below(value, step) is None:
            value[step] = {}
        value = value[step]
        if not isinstance(value, dict | list):
            raise PolicyError([Problem(place, path[: depth + 1], "holds one value, nothing can be set below it")])
    value[path[-1]] = new
