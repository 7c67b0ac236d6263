"""The JSON Schema of the policy, and the samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headgate import compile as compiler
from headgate.config import yaml12
from headgate.config.schema import schema

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

ROOT = Path(__file__).parents[2]
SAMPLES = sorted((ROOT / "config").glob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(schema())


def complaints(policy: Any) -> list[str]:  # noqa: ANN401 - any YAML value
    return [error.message for error in VALIDATOR.iter_errors(policy)]


def test_the_committed_schema_is_what_the_models_say() -> None:
    assert json.loads((ROOT / "config" / "policy.schema.json").read_text(encoding="utf-8")) == schema()


def test_what_is_not_supported_yet_is_not_in_the_schema() -> None:
    told = json.dumps(schema())
    for word in ("rollouts", "guardrails", "telemetry"):
        assert f'"{word}"' not in told, word


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_there_are_samples() -> None:
    assert {path.stem for path in SAMPLES} >= {"smallest", "usual", "sidecar", "house-models", "keys"}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.stem))
def test_a_sample_compiles_without_a_warning_and_fits_the_schema(path: Path) -> None:
    assert compiler.compile_file(str(path), {}).loaded.warnings == []
    assert complaints(yaml12.parse(path.read_text(encoding="utf-8"), path.name).checked()) == []


@pytest.mark.parametrize(
    "more",
    [
        {"http": {"idle": 75}},
        {"http": {"idel": "75s"}},
        {"workers": 0},
        {"aliases": {"a": {"chain": [{"use": {"b": 0}}]}}},
        {"aliases": {"a": {"chain": []}}},
        {"listen": {"open": "maybe"}},
        {"log": {"level": "loud"}},
        {"resilience": {"breaker": {"ratio": 50}}},
        {"resilience": {"hedge": "p95"}},
        {"resilience": {"hedge": {"after": "p99"}}},
        {"resilience": {"affinity": "on"}},
        {"resilience": {"keep_alive": "on"}},
    ],
)
def test_the_schema_refuses_what_the_models_refuse(more: dict[str, Any]) -> None:
    policy = {"version": 1, "providers": {"sim": {}}}
    assert complaints(policy) == []
    assert complaints({**policy, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"http": {"idle": "${env:IDLE}", "max_connections": "${env:MAX}"}},
        {"listen": {"open": "${env:OPEN}"}},
        {"http": {"max_connections": "20_000"}},
        {"include": "teams/*.yaml"},
        {"egress": {"roots": "system"}},
        {"aliases": {"a": {"chain": [{"use": "b", "when": "unavailable"}]}}},
        {"aliases": {"a": {"chain": [{"use": "b", "when": "timeout"}], "keep_alive": "15s", "retry": {"wait": "0s"}}}},
        {"resilience": {"breaker": {"ratio": 0.5, "slow": {"first_token": "90s"}}, "on_cut": "continue"}},
    ],
)
def test_the_schema_allows_references_numbers_with_underscores_and_single_items(more: dict[str, Any]) -> None:
    assert complaints({"version": 1, "providers": {"sim": {}}, **more}) == []
