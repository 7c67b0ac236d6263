"""YAML 1.2 values, places, and what a hostile file may do."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config import yaml12
from headgate.errors import PolicyError


def value_of(text: str) -> Any:  # noqa: ANN401 - any YAML value
    return yaml12.parse(text, "p.yaml").value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.10", 1.1),
        ("1_000_000", 1_000_000),
        ("-5", -5),
        ("1__0", "1__0"),
        ("1_", "1_"),
        ("true", True),
        ("False", False),
        ("tRuE", "tRuE"),
        ("~", None),
        ("null", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("2024-01-01", "2024-01-01"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    found = value_of(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts_as_written() -> None:
    assert value_of("1.10: a\non: b\n") == {"1.10": "a", "on": "b"}


def test_each_value_and_key_has_its_place() -> None:
    places = yaml12.parse("a:\n  - b: 1\n    c: 2\n", "p.yaml").places
    assert str(places.of_value(("a", 0, "c"))) == "p.yaml:3:8"
    assert str(places.of_key(("a", 0, "c"))) == "p.yaml:3:5"
    assert str(places.of_value(("a", 0, "absent", "deep"))) == "p.yaml:2:5"


def test_anchors_and_merge_keys_are_written_out() -> None:
    text = "base: &base {x: 1, y: 2}\nmore: &more {y: 9, z: 3}\none: {<<: [*base, *more], x: 7}\n"
    assert value_of(text)["one"] == {"x": 7, "y": 2, "z": 3}


def test_duplicate_keys_name_both_places() -> None:
    document = yaml12.parse("a: {x: 1,\n  x: 2}\nb: 1\nb: 2\n", "p.yaml")
    assert sorted(map(str, document.problems)) == [
        "p.yaml:2:3: a.x: written twice; first at p.yaml:1:5",
        "p.yaml:4:1: b: written twice; first at p.yaml:3:1",
    ]
    with pytest.raises(PolicyError):
        document.checked()


def bomb(merge: str) -> str:
    lines = ["a0: &a0 {k: 1}"]
    for number in range(1, 40):
        before = f"*a{number - 1}"
        lines.append(f"a{number}: &a{number} " + merge.replace("X", before))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 10_000, "nested deeper than 32"),
        ("{a: " * 10_000, "nested deeper than 32"),
        (bomb("[X, X, X]"), "more than 100,000 values"),
        (bomb("{<<: [X, X]}"), "more than 100,000 values"),
        ("a: *b", "refers to no `&b`"),
        ("a: &a [*a]", "refers to no `&a`"),
        ("a: !!python/object/apply:os.system [x]", "means nothing here"),
        ("a: !custom x", "means nothing here"),
        ("? [a]\n: b", "a key must be a text"),
        ("a: 1\n---\nb: 2\n", "a second document starts here"),
        ("\ta: 1", "not YAML"),
        ("a: b: c", "not YAML"),
        ("a: [", "not YAML"),
        ("<<: 5", "`<<` takes a map"),
    ],
)
def test_what_cannot_be_read_has_one_clear_error(text: str, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        value_of(text)
    assert len(caught.value.problems) == 1
    assert reason in str(caught.value)
    assert caught.value.problems[0].place.line >= 1


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(PolicyError):
        value_of(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(st.characters(exclude_categories=("Cs", "Cc"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_reads_as_the_yaml_that_it_is(value: Any) -> None:  # noqa: ANN401 - any JSON value
    assert value_of(json.dumps({"a": value}, ensure_ascii=False))["a"] == value
