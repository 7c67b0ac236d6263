"""Providers' bills: the shapes that are read, and what is wrong with others."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from headgate.errors import GatewayError
from headgate.ledger.bill import read

USAGE = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": 1_790_000_000,
            "end_time": 1_790_086_400,
            "results": [
                {
                    "object": "organization.usage.completions.result",
                    "input_tokens": 1000,
                    "output_tokens": 500,
                    "input_cached_tokens": 800,
                    "num_model_requests": 5,
                    "project_id": None,
                    "model": "gpt-5.2-2025-12-11",
                    "batch": None,
                }
            ],
        }
    ],
    "has_more": False,
    "next_page": None,
}
COSTS = {
    "object": "page",
    "data": [
        {
            "object": "bucket",
            "start_time": 1_790_000_000,
            "end_time": 1_790_086_400,
            "results": [
                {"object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"}, "line_item": item}
                for item in ("gpt-5.2, input", "gpt-5.2, output")
            ],
        }
    ],
}


def written(folder: Path, text: str) -> str:
    """A bill in a file."""
    (folder / "bill").write_text(text)
    return str(folder / "bill")


def test_openais_usage_is_read(tmp_path: Path) -> None:
    ((place, charged),) = read(written(tmp_path, json.dumps(USAGE))).items()
    assert place == ("2026-09-21", "gpt-5.2-2025-12-11")
    assert charged.counts == {"attempts": 5, "input": 1000, "cache_read": 800, "output": 500}
    assert charged.nano_usd is None


def test_openais_costs_add_up_by_model(tmp_path: Path) -> None:
    ((place, charged),) = read(written(tmp_path, json.dumps([COSTS]))).items()
    assert place == ("2026-09-21", "gpt-5.2")
    assert charged.nano_usd == Decimal(120_000_000)
    assert charged.rounding == 10_000_000, "two amounts, each rounded to a cent"


def test_the_same_as_csv_is_read(tmp_path: Path) -> None:
    text = (
        "start_time,Model,input_tokens,num_model_requests,amount_value\n1790000000,m,7,1,0.5\n1790000001,m,3,1,0.25\n"
    )
    (charged,) = read(written(tmp_path, text)).values()
    assert charged.counts == {"input": 10, "attempts": 2}
    assert charged.nano_usd == 750_000_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column says a day"),
        ("date,calls\n", "no column says a model"),
        ("date,model,calls\n", "there is no row"),
        ("date,model,calls\nsoon,m,1\n", ":2: `soon` is no day"),
        ("date,model,calls\n2026-09-01,m,many\n", ":2: "),
        ("{", ":1:2: "),
        ("{}", "there is no row"),
    ],
)
def test_what_is_no_bill_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read(written(tmp_path, text))
    assert says in str(refused.value)


def test_a_bill_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="cannot be read"):
        read(str(tmp_path / "none.csv"))
