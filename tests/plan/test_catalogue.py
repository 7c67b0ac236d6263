"""The catalogue: what it must hold, and that it is what its script makes."""

from __future__ import annotations

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


def test_the_operators_own_names_are_not_known() -> None:
    azure = catalogue.providers()["azure_openai"]
    assert azure.models, "prices are"
    assert azure.model_names == []


def test_the_file_is_what_the_script_makes() -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    script = ROOT / "config" / "catalogue" / "generate.py"
    made = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
