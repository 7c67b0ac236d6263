"""Python writes a load, Rust reads it: both know the same fields."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from headgate.bench.spec import (
    Arrivals,
    Call,
    Calls,
    Closed,
    Constant,
    Conversation,
    Each,
    Expect,
    Poisson,
    Ramp,
    Same,
    Spec,
    Trace,
    Users,
)
from headgate.engine import native
from headgate.errors import PlanError, StartError

Path = tuple[str | int, ...]

CALL = Call(path="/chat/completions", body='{"model":"chat"}', headers=[("x-a", "b")])
TIMED = CALL.model_copy(update={"at_ms": 5.0})
CALLS: list[Calls] = [Same(call=CALL), Each(calls=[CALL, CALL]), Conversation(model="chat", max_tokens=5)]
ARRIVALS: list[Arrivals] = [
    Closed(connections=2),
    Constant(per_second=5),
    Poisson(per_second=5),
    Ramp(from_per_second=1, to_per_second=5),
    Users(users=2, think_ms=10),
]
LOADS: list[tuple[Calls, Arrivals]] = [
    *[(calls, Closed(connections=1)) for calls in CALLS],
    *[(CALLS[0], arrivals) for arrivals in ARRIVALS],
    (Each(calls=[TIMED]), Trace()),
]


def spec(calls: Calls, arrivals: Arrivals, port: int = 1) -> Spec:
    """A load that says everything."""
    return Spec(
        url=f"http://127.0.0.1:{port}/v1",
        headers=[("authorization", "Bearer x")],
        calls=calls,
        arrivals=arrivals,
        duration_ms=100,
        expect=Expect(status=200, body="x", text="x", frames=1, total_tokens=1),
    )


def objects(value: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:  # noqa: ANN401 - any JSON value
    """Each object of a spec; of a list, the first item stands for all."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from objects(item, (*path, key))
    elif isinstance(value, list) and value:
        yield from objects(value[0], (*path, 0))


def inside(document: dict[str, Any], path: Path) -> dict[str, Any]:
    value: Any = document
    for part in path:
        value = value[part]
    assert isinstance(value, dict)
    return value


DOCUMENTS = [spec(*load).document() for load in LOADS]
IDS = [f"{document['calls']['kind']}-{document['arrivals']['kind']}" for document in DOCUMENTS]
FIELDS = [(n, path, key) for n, document in enumerate(DOCUMENTS) for path, at in objects(document) for key in at]
OBJECTS = [(n, path) for n, document in enumerate(DOCUMENTS) for path, _ in objects(document)]


def test_every_kind_of_calls_and_arrivals_is_among_those_tried() -> None:
    kinds = {type(part) for load in LOADS for part in load}
    assert kinds == {*get_args(get_args(Calls)[0]), *get_args(get_args(Arrivals)[0])}


@pytest.mark.parametrize("load", LOADS, ids=IDS)
def test_rust_reads_the_load_that_python_writes(closed_port: int, load: tuple[Calls, Arrivals]) -> None:
    with pytest.raises(StartError) as caught:  # read, checked, and then nobody listens
        native.start_load(spec(*load, closed_port).document())
    assert caught.value.exit_code == 69
    assert str(closed_port) in str(caught.value)


@pytest.mark.parametrize(("number", "path", "key"), FIELDS, ids=str)
def test_a_field_that_python_writes_is_one_that_rust_needs(number: int, path: Path, key: str) -> None:
    document = copy.deepcopy(DOCUMENTS[number])
    del inside(document, path)[key]
    with pytest.raises(PlanError):
        native.start_load(document)


@pytest.mark.parametrize(("number", "path"), OBJECTS, ids=str)
def test_a_field_that_python_does_not_write_is_unknown_to_rust(number: int, path: Path) -> None:
    document = copy.deepcopy(DOCUMENTS[number])
    inside(document, path)["unknown"] = 1
    with pytest.raises(PlanError):
        native.start_load(document)


def test_what_makes_no_sense_is_refused_by_python_already() -> None:
    for wrong in (
        {"duration_ms": 0},
        {"threads": 65},
        {"max_connections": 0},
        {"arrivals": {"kind": "closed"}},
        {"x": 1},
    ):
        with pytest.raises(ValidationError):
            Spec.model_validate(DOCUMENTS[0] | wrong)


def test_a_load_is_json_and_keeps_headers_to_itself() -> None:
    load = spec(*LOADS[0])
    assert json.loads(json.dumps(load.document()))["headers"] == [["authorization", "Bearer x"]]
    assert "Bearer" not in repr(load)
