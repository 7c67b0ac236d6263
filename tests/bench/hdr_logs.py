"""HDR logs as the engine writes them: a histogram of 100 ns units with three digits, V2, deflated, base64."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections import Counter
from collections.abc import Sequence

from headgate.bench.result import Hist

HALF = 1024


def log(values_us: Sequence[float]) -> str:
    """The log of these values, in microseconds."""
    counts = Counter(_index(max(1, round(value * 10))) for value in values_us)
    payload = bytearray()
    empty = 0
    for index in range(max(counts, default=-1) + 1):
        if index not in counts:
            empty += 1
            continue
        if empty:
            payload += _zigzag(-empty)
        payload += _zigzag(counts[index])
        empty = 0
    head = struct.pack(">IIIIQQd", 0x1C849313, len(payload), 0, 3, 1, 2**40, 1.0)
    packed = zlib.compress(head + payload)
    return base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()


def hist(values_us: Sequence[float]) -> Hist:
    """A distribution of these values."""
    rising = sorted(values_us)

    def at(share: float) -> float:
        return rising[max(0, math.ceil(share * len(rising)) - 1)]

    return Hist(
        count=len(rising),
        mean_us=sum(rising) / len(rising),
        min_us=rising[0],
        max_us=rising[-1],
        p50_us=at(0.5),
        p90_us=at(0.9),
        p99_us=at(0.99),
        p999_us=at(0.999),
        p9999_us=at(0.9999),
        curve=[(0.0, rising[0]), (1.0, rising[-1])],
        hdr=log(rising),
    )


def _index(value: int) -> int:
    """Where a value is counted: 2048 linear places, then 1024 for each doubling."""
    bucket = max(0, value.bit_length() - 11)
    return (bucket + 1) * HALF + (value >> bucket) - HALF


def _zigzag(value: int) -> bytes:
    number = ((value << 1) ^ (value >> 63)) & (2**64 - 1)
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
