"""Durations and sizes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from headgate.config import units


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("250ms", 250),
        ("30s", 30_000),
        ("1.5s", 1500),
        ("10m", 600_000),
        ("2h", 7_200_000),
        ("7d", 604_800_000),
        ("0s", 0),
    ],
)
def test_a_duration_is_whole_milliseconds(text: str, amount: int) -> None:
    assert units.parse_duration(text) == amount


@pytest.mark.parametrize(("text", "amount"), [("1B", 1), ("64KiB", 65_536), ("1_024MiB", 1 << 30), ("0.5GiB", 1 << 29)])
def test_a_size_is_bytes(text: str, amount: int) -> None:
    assert units.parse_size(text) == amount


@pytest.mark.parametrize(
    "value", [30, 30.0, True, None, "30", "s", "-1s", "1 minute", "1h30m", "0.1ms", [], "9" * 100 + "s"]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        units.parse_duration(value)


@pytest.mark.parametrize(("value", "permille"), [(0, 0), (1, 1000), (0.1, 100), (0.29, 290), (0.001, 1)])
def test_a_share_is_whole_thousandths(value: float, permille: int) -> None:
    assert units.parse_share(value) == permille


@pytest.mark.parametrize("value", [-0.1, 1.001, 50, 0.0005, True, None, "0.1", "10 %", float("nan"), float("inf"), []])
def test_what_is_no_share_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        units.parse_share(value)


@pytest.mark.parametrize(
    ("value", "nano"), [(0, 0), (2.5, 2_500_000_000), (0.15, 150_000_000), (1e-9, 1), (1_000_000, 10**15)]
)
def test_money_is_whole_nano_dollars(value: float, nano: int) -> None:
    assert units.parse_usd(value) == nano


@pytest.mark.parametrize("value", [-1, 1_000_001, 1e-10, True, None, "2.5", "$2", float("nan"), {}])
def test_what_is_no_amount_of_money_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        units.parse_usd(value)


@pytest.mark.parametrize(("nano", "shown"), [(0, "$0"), (150_000_000, "$0.15"), (10**10, "$10"), (1, "$0.000000001")])
def test_money_is_shown_in_dollars(nano: int, shown: str) -> None:
    assert units.show_usd(nano) == shown


def test_a_share_is_shown_in_percent() -> None:
    assert [units.show_share(permille) for permille in (0, 1, 25, 1000)] == ["0 %", "0.1 %", "2.5 %", "100 %"]


@given(st.integers(0, 1000))
def test_each_share_is_read_as_written(permille: int) -> None:
    assert units.parse_share(permille / 1000) == permille


def test_a_bare_number_is_told_the_units() -> None:
    with pytest.raises(PydanticCustomError, match="30 has no unit; write one of ms, s, m, h, d"):
        units.parse_duration(30)
    with pytest.raises(PydanticCustomError, match="5 has no unit; write one of B, KiB, MiB, GiB"):
        units.parse_size(5)


@given(st.integers(0, 10**15))
def test_a_shown_amount_is_read_as_itself(amount: int) -> None:
    assert units.parse_duration(units.show_duration(amount)) == amount
    assert units.parse_size(units.show_size(amount)) == amount


@given(st.one_of(st.text(max_size=50), st.integers(), st.floats(), st.booleans(), st.lists(st.integers())))
def test_any_value_is_read_or_refused(value: Any) -> None:  # noqa: ANN401 - whatever YAML holds
    for parse in (units.parse_duration, units.parse_size, units.parse_share, units.parse_usd):
        with suppress(PydanticCustomError):
            assert parse(value) >= 0
