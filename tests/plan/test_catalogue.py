"""The catalogue: what it must hold, and that it is what its script makes."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headgate.config import catalogue
from headgate.config.addresses import parse_endpoint

ROOT = Path(__file__).parents[2]
PROVIDERS = [
    "openai",
    "azure_openai",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "cohere",
    "mistral",
    "groq",
    "together",
    "fireworks",
    "openrouter",
    "deepseek",
    "xai",
    "perplexity",
    "nvidia",
    "cerebras",
    "vllm",
    "ollama",
    "sim",
]


def loaded() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((ROOT / "python/headgate/config/catalogue.json").read_bytes())
    return value


def test_every_promised_provider_is_there() -> None:
    assert list(catalogue.providers()) == PROVIDERS


def test_it_has_a_date_and_a_source() -> None:
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", loaded()["date"])
    assert loaded()["source"].startswith("genai-prices ")


@pytest.mark.parametrize("name", PROVIDERS)
def test_addresses_are_addresses(name: str) -> None:
    known = catalogue.providers()[name]
    assert known.base_url or known.endpoint_form
    for url in (known.base_url, known.openai_url):
        if url:
            assert parse_endpoint(url).is_local == known.local


def test_prices_are_exact_decimals() -> None:
    count = 0
    for provider in loaded()["providers"].values():
        for model in provider["models"].values():
            for price in model["prices"]:
                for amount in price["usd"].values():
                    tiers = amount if isinstance(amount, list) else [[0, amount]]
                    assert all(Decimal(each) >= 0 and isinstance(start, int) for start, each in tiers)
                    count += 1
    assert count > 1000


def test_the_simulated_provider_has_its_models() -> None:
    models = ["echo", "chat", "slow", "flaky", "tools", "embed", "image", "audio"]
    assert catalogue.providers()["sim"].model_names == models


def known(*prices: dict[str, Any]) -> catalogue.KnownProvider:
    """A provider with one model, `m`, at these prices."""
    openai = catalogue.providers()["openai"]
    return dataclasses.replace(openai, models={"m": {"prices": list(prices)}}, date="2026-11-20")


@pytest.mark.parametrize(
    ("prices", "nano"),
    [
        ([{"usd": {"input_mtok": "2.5", "output_mtok": "10"}}], (2_500_000_000, 10_000_000_000)),
        ([{"usd": {"input_mtok": "0.02"}}], (20_000_000, 0)),
        ([{"usd": {"input_mtok": [[0, "2"], [200_000, "4"]], "output_mtok": "9"}}], (2_000_000_000, 9_000_000_000)),
        ([{"usd": {"audio_hours": "3"}}], None),
        ([], None),
    ],
)
def test_a_price_is_that_of_a_plain_call(prices: list[dict[str, Any]], nano: tuple[int, int] | None) -> None:
    assert known(*prices).price("m") == nano
    assert known(*prices).price("another") is None


def test_a_price_of_a_kind_of_call_of_a_time_of_the_day_or_of_the_future_is_left_out() -> None:
    plain = {"usd": {"input_mtok": "1", "output_mtok": "1"}}
    other = {"usd": {"input_mtok": "7", "output_mtok": "7"}}
    special: list[dict[str, Any]] = [
        {"when": {"processing": "batch"}},
        {"between": ["00:30", "16:30"]},
        {"from": "2026-11-21"},
    ]
    assert known(plain, *({**each, **other} for each in special)).price("m") == (10**9, 10**9)
    assert known(plain, {"from": "2026-11-20", **other}).price("m") == (7 * 10**9, 7 * 10**9)


def test_the_operators_own_names_are_not_known() -> None:
    azure = catalogue.providers()["azure_openai"]
    assert azure.models, "prices are"
    assert azure.model_names == []


def test_the_file_is_what_the_script_makes() -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    script = ROOT / "config" / "catalogue" / "generate.py"
    made = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
