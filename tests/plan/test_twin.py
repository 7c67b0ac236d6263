"""Python lowers, Rust reads: both know the same fields."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest

from headgate.config.sections.aliases import AnyBalance, AnyCondition
from headgate.config.sections.deployments import AnyCapability
from headgate.plan import document as twin
from headgate.plan import encode
from tests.plan.policies import document, lowered

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


def sealed(plan: dict[str, Any]) -> bytes:
    """A plan with the hash that fits, so that nothing but its form can be refused."""
    rest = {key: value for key, value in plan.items() if key != "hash"}
    canonical = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return json.dumps({**plan, "hash": hashlib.sha256(canonical).hexdigest()} if "hash" in plan else plan).encode()


def changed(path: Path, key: str, *, to: object = None) -> bytes:
    """The plan with one field of one object taken out, or set."""
    plan = json.loads(json.dumps(PLAN))
    inside = plan
    for part in path:
        inside = inside[part]
    if to is None:
        del inside[key]
    else:
        inside[key] = to
    return sealed(plan)


def whole() -> dict[str, Any]:
    """A plan that holds each kind of object: also those that no policy can ask for yet."""
    plan = lowered()
    more = replace(
        plan.resilience, hedge=twin.Hedge(twin.Ms(250), 20, 10), resume_bytes=1, coalesce=True, affinity="prefix"
    )
    stored = replace(plan.keys[1], secret=twin.Digest(twin.KeyDigest("secret", "0f" * 32)))
    rates = twin.Rates(*range(9))
    period = twin.Period(1, twin.Daily(2, 3), (twin.Tier(0, rates),), 4, 5)
    providers = tuple(replace(provider, prices={}, price=0) for provider in plan.providers)
    deployments = tuple(replace(deployment, price=0) for deployment in plan.deployments)
    prices = (twin.Price((period,), {"flex": (period,)}),)
    rate = twin.Rate(amount=5, per_ms=60_000, burst_ms=1_000)
    measures: list[twin.Measure] = [twin.Requests(rate), twin.Tokens(rate), twin.Concurrency(5), twin.TotalTokens(5)]
    measures += [twin.TotalNanoUsd(5), twin.InputTokens(5), twin.OutputTokens(5)]
    limits = [twin.Limit(str(number), "user", "ann", each, enforce=True) for number, each in enumerate(measures)]
    window = twin.RollingMs(60_000)
    budget = twin.Budget("b", "key", "one", 5, window, "UTC", (500,), twin.Use(0), enforce=False)
    identity = replace(plan.identity, user=(twin.Header("x-user-id"), "body_user"))
    key = replace(stored, team="a", user="b", tags=("c",))
    limited = replace(plan, identity=identity, limits=tuple(limits), budgets=(budget,), keys=(key,))
    limited = replace(limited, grants=(twin.Grant("apr_1", 5),), pepper=twin.Env("PEPPER"))
    limited = replace(limited, prices=prices, providers=providers, deployments=deployments)
    told = encode(replace(limited, models=(), resilience=more))
    value: dict[str, Any] = json.loads(told)
    return value


PLAN = whole()
FREE = {"headers", "prices", "service_tiers"}
"""Objects whose keys are names that somebody else gives."""


def is_free(path: Path) -> bool:
    return bool(path) and path[-1] in FREE and len(path) > 1


FIELDS = [(path, key) for path, value in objects(PLAN) for key in value if not is_free(path)]
OBJECTS = [path for path, _ in objects(PLAN) if not is_free(path)]


def test_rust_reads_the_plan_that_python_writes() -> None:
    _native.read_plan(document())
    _native.read_plan(sealed(PLAN))


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("on_disconnect", ["cancel", "drain", "finish"]),
        ("on_cut", ["error", "continue"]),
        ("priority", ["normal", "low"]),
        ("affinity", ["off", "session", "prefix"]),
    ],
)
def test_rust_knows_each_word(field: str, words: list[str]) -> None:
    for word in words:
        _native.read_plan(changed(("resilience",), field, to=word))
    with pytest.raises(_native.PlanError, match="unknown variant"):
        _native.read_plan(changed(("resilience",), field, to="nothing"))


@pytest.mark.parametrize("of", ["secret", "sha256"])
def test_rust_knows_each_digest(of: str) -> None:
    _native.read_plan(changed(("keys", 0, "secret", "digest"), "of", to=of))


@pytest.mark.parametrize("balance", get_args(AnyBalance))
def test_rust_knows_each_balance(balance: str) -> None:
    _native.read_plan(changed(("aliases", 0, "chain", 0), "balance", to=balance))


@pytest.mark.parametrize("condition", get_args(AnyCondition))
def test_rust_knows_each_condition(condition: str) -> None:
    _native.read_plan(changed(("aliases", 0, "chain", 1), "when", to=[condition]))


@pytest.mark.parametrize("capability", get_args(AnyCapability))
def test_rust_knows_each_capability(capability: str) -> None:
    assert get_args(AnyCapability) == get_args(twin.Capability)
    _native.read_plan(changed(("deployments", 0), "capabilities", to=[capability]))


def test_a_second_try_may_start_at_the_95th_percentile() -> None:
    _native.read_plan(changed(("resilience", "hedge"), "after", to="p95"))


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
