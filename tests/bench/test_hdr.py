"""The reader of HDR logs."""

from __future__ import annotations

import base64
import math
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.bench import hdr
from tests.bench import hdr_logs

# On both sides of where buckets start to be wider than the unit, and far beyond.
VALUES_US = [0.1, 0.2, 204.7, 204.8, 1000.0, 100_000.0]


def test_values_come_back_with_three_digits() -> None:
    histogram = hdr.read(hdr_logs.log(VALUES_US))
    assert histogram.total == 6
    for (highest, count), value in zip(histogram.counts, VALUES_US, strict=True):
        assert count == 1
        assert value <= highest * hdr.UNIT_US + 1e-9 <= value * 1.001 + 0.1


@given(st.lists(st.integers(1, 2**36), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_has_enough_values_below_it(units: list[int], share: float) -> None:
    values = [unit * hdr.UNIT_US for unit in units]
    found = hdr.read(hdr_logs.log(values)).quantile_us(share)
    exact = sorted(values)[max(1, math.ceil(share * len(values) - 1e-9)) - 1]
    assert exact - 1e-6 <= found <= exact * 1.001 + 0.1


def test_a_histogram_of_nothing_has_quantile_zero() -> None:
    histogram = hdr.read(hdr_logs.log([]))
    assert (histogram.total, histogram.quantile_us(0.99)) == (0, 0.0)


@pytest.mark.parametrize(
    "log",
    [
        "",
        "no base64!",
        base64.b64encode(b"short").decode(),
        base64.b64encode(bytes(64)).decode(),
        base64.b64encode(bytes.fromhex("1c849314000000ff") + b"no deflate").decode(),
        base64.b64encode(bytes.fromhex("1c849314000000ff") + zlib.compress(b"\x1c\x84\x93\x13")).decode(),
        base64.b64encode(bytes.fromhex("1c849314000000ff") + zlib.compress(bytes(48))).decode(),
    ],
)
def test_what_is_no_log_is_refused(log: str) -> None:
    with pytest.raises(ValueError, match="HDR"):
        hdr.read(log)
