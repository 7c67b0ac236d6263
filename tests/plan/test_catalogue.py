"""The catalogue: what it must hold, and that it is what its script makes."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headgate.config import catalogue, prices
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


PLAIN = {"usd": {"input_mtok": "2.5", "output_mtok": "10"}}
DATE = "2026-11-20"


def rates(*entries: dict[str, Any], kind: str = prices.USUAL) -> list[tuple[int, int]]:
    """Of each period of a price: what a million tokens of prompt and of answer cost in a short call."""
    periods = prices.of_entries(list(entries), DATE).get(kind, ())
    return [(each.tiers[0].per_million["input"], each.tiers[0].per_million["output"]) for each in periods]


@pytest.mark.parametrize(
    ("usd", "rate"),
    [
        ({"input_mtok": "2.5", "output_mtok": "10"}, (2_500_000_000, 10_000_000_000)),
        ({"input_mtok": "0.02"}, (20_000_000, 0)),
        ({"input_mtok": "0.0000000001", "output_mtok": "1"}, (1, 1_000_000_000)),
    ],
)
def test_prices_become_nano_dollars_rounded_up(usd: dict[str, Any], rate: tuple[int, int]) -> None:
    assert rates({"usd": usd}) == [rate]


def test_a_class_without_a_price_costs_what_its_side_costs() -> None:
    usd = {"input_mtok": "1", "cache_read_mtok": "0.1", "output_mtok": "3", "output_reasoning_mtok": "5"}
    (tier,) = prices.of_entries([{"usd": usd}], DATE)[prices.USUAL][0].tiers
    assert tier.per_million == {
        **dict.fromkeys(["input", "cache_write", "input_audio", "input_image"], 10**9),
        "cache_read": 10**8,
        **dict.fromkeys(["output", "output_audio", "output_image"], 3 * 10**9),
        "reasoning": 5 * 10**9,
    }


def test_tiers_of_all_classes_begin_where_any_does() -> None:
    usd = {"input_mtok": [[0, "2"], [200_000, "4"]], "cache_read_mtok": [[0, "1"], [300, "3"]], "output_mtok": "9"}
    tiers = prices.of_entries([{"usd": usd}], DATE)[prices.USUAL][0].tiers
    told = [
        (tier.above_tokens, *(tier.per_million[kind] // 10**9 for kind in ("input", "cache_read"))) for tier in tiers
    ]
    assert told == [(0, 2, 1), (300, 2, 3), (200_000, 4, 3)]


def test_what_is_past_is_left_out_and_what_comes_has_its_date() -> None:
    dear = {"usd": {"input_mtok": "7", "output_mtok": "7"}}
    rate = (7 * 10**9, 7 * 10**9)
    assert rates(PLAIN, {"from": DATE, **dear}) == [rate]
    assert rates(PLAIN, {"from": "2026-11-21", **dear}) == [(2_500_000_000, 10_000_000_000), rate]
    later = prices.of_entries([PLAIN, {"from": "2026-11-21", **dear}], DATE)[prices.USUAL][1]
    assert (later.from_unix_s, later.daily) == (1_795_219_200, None)
    night = prices.of_entries([PLAIN, {"between": ["16:30", "00:30"], **dear}], DATE)[prices.USUAL][1]
    assert (night.from_unix_s, night.daily) == (0, (59_400, 1_800))


def test_prices_of_service_tiers_stand_beside_the_usual_one() -> None:
    dear = {"usd": {"input_mtok": "7", "output_mtok": "7"}}
    entries = [
        PLAIN,
        {"when": {"service_tier": "default"}, "usd": {}},
        {"when": {"service_tier": "priority"}, **dear},
        {"when": {"processing": "batch"}, **dear},
        {"when": {"route": "mistral/eu"}, **dear},
    ]
    assert list(prices.of_entries(entries, DATE)) == [prices.USUAL, "batch", "priority"]
    assert rates(*entries, kind="priority") == [(7 * 10**9, 7 * 10**9)]


def test_sound_and_calls_have_prices_too() -> None:
    (period,) = prices.of_entries([{"usd": {"audio_hours": "0.36", "requests_kcount": "12"}}], DATE)[prices.USUAL]
    assert (period.tiers, period.audio_hour, period.call) == ((), 360_000_000, 12_000_000)


def test_a_price_of_what_is_not_metered_is_no_price() -> None:
    assert prices.of_entries([{"usd": {"input_mchars": "15"}}], DATE) == {}
    assert prices.of_entries([], DATE) == {}
    assert prices.of_model("openai", "no-such") == {}
    assert prices.of_model("house", "gpt-5.2") == {}


def test_prices_are_those_of_the_source() -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    from genai_prices import Usage, calc_price

    day = datetime.datetime.fromisoformat(f"{loaded()['date']}T12:00:00+00:00")
    checked = 0
    for model in ("gpt-5.2", "gpt-5-mini", "gpt-4o", "gpt-audio", "text-embedding-3-small", "gpt-5.6"):
        for tokens in (1_000, 300_000):
            used = Usage(input_tokens=tokens, cache_read_tokens=100, output_tokens=77)
            told = calc_price(used, model, provider_id="openai", genai_request_timestamp=day).total_price
            tiers = prices.of_model("openai", model)[prices.USUAL][0].tiers
            rate = next(tier for tier in reversed(tiers) if tier.above_tokens == 0 or tokens > tier.above_tokens)
            amounts = {"input": tokens - 100, "cache_read": 100, "output": 77}
            ours = sum(Decimal(rate.per_million[kind]) * count for kind, count in amounts.items()) / 10**15
            assert ours == told, model
            checked += 1
    assert checked == 12


def test_the_operators_own_names_are_not_known() -> None:
    azure = catalogue.providers()["azure_openai"]
    assert azure.models, "prices are"
    assert azure.model_names == []


def test_the_file_is_what_the_script_makes() -> None:
    pytest.importorskip("genai_prices", reason="genai-prices is not installed")
    script = ROOT / "config" / "catalogue" / "generate.py"
    made = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
