"""Whatever a policy holds, it is taken or refused with reasons; nothing else can happen."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate import compile as compiler
from headgate.config import yaml12
from headgate.errors import PolicyError
from tests.plan.policies import FULL

POLICY = yaml12.parse(FULL, "policy.yaml").checked()

Path = tuple[str | int, ...]


def paths(value: Any, path: Path = ()) -> list[Path]:  # noqa: ANN401 - any YAML value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, item in inside for deeper in paths(item, (*path, key)))]


words = st.sampled_from(
    ["", "*", "sim/x", "a*b*c", "${env:X}", "${", "unix:/", "http://", "1s", "gpt", "\ud7ff", "{1}"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def with_value(path: Path, value: Any) -> Any:  # noqa: ANN401 - any YAML value
    """The policy with another value at a path; at no path, the value itself."""
    if not path:
        return value
    policy = json.loads(json.dumps(POLICY))
    inside = policy
    for part in path[:-1]:
        inside = inside[part]
    inside[path[-1]] = value
    return policy


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(paths(POLICY)), values)
def test_any_value_anywhere_is_taken_or_refused(path: Path, value: Any) -> None:  # noqa: ANN401 - any YAML value
    text = json.dumps(with_value(path, value))
    try:
        assert compiler.compile_text(text, "policy.yaml", {"X": "y"}).plan.hash
    except PolicyError as error:
        reasons = [problem.text for problem in error.problems]
    else:
        return
    assert reasons, "a refusal has a reason"
    assert not [reason for reason in reasons if " should " in reason], "in our own words"


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.from_regex(r"HEADGATE__[A-Z0-9_]{0,30}", fullmatch=True), st.text(max_size=30), max_size=3))
def test_any_override_is_taken_or_refused(environ: dict[str, str]) -> None:
    with suppress(PolicyError):
        assert compiler.compile_text(FULL, "policy.yaml", environ).plan.hash
