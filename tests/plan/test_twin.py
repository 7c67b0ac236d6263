"""Python lowers, Rust reads: both know the same fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.plan.policies import document

_native = pytest.importorskip("headgate._native", reason="the compiled module is not built")

Path = tuple[str | int, ...]


def objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:  # noqa: ANN401 - any JSON value
    """Each object of a plan; of a list, the first item stands for all."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from objects(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from objects(item, (*path, number))


def changed(path: Path, key: str, *, to: object = None) -> bytes:
    """The plan with one field of one object taken out, or set."""
    plan = json.loads(document())
    inside = plan
    for part in path:
        inside = inside[part]
    if to is None:
        del inside[key]
    else:
        inside[key] = to
    return json.dumps(plan).encode()


PLAN = json.loads(document())
PLAN["models"] = []
FIELDS = [(path, key) for path, value in objects(PLAN) for key in value if path[-1:] != ("headers",)]
OBJECTS = [path for path, _ in objects(PLAN) if path[-1:] != ("headers",)]


def test_rust_reads_the_plan_that_python_writes() -> None:
    _native.read_plan(document())


@pytest.mark.parametrize(("path", "key"), FIELDS, ids=str)
def test_a_field_that_python_writes_is_one_that_rust_needs(path: Path, key: str) -> None:
    with pytest.raises(_native.PlanError):
        _native.read_plan(changed(path, key))


@pytest.mark.parametrize("path", OBJECTS, ids=str)
def test_a_field_that_python_does_not_write_is_unknown_to_rust(path: Path) -> None:
    with pytest.raises(_native.PlanError):
        _native.read_plan(changed(path, "unknown", to=1))


def test_another_format_is_refused_naming_both() -> None:
    with pytest.raises(_native.PlanError, match=r"format 2 .* format 1"):
        _native.read_plan(changed((), "format", to=2))
