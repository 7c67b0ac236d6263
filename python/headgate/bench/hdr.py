"""Reads the HDR histograms of a result, so that any quantile can be had, not only those that the engine wrote.

The log is base64 of the compressed V2 encoding; its values are counts of 100 ns. Source: HdrHistogram, V2 encoding with
ZigZag LEB128 counts, as `hdrhistogram` (Rust) writes it.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

COMPRESSED, PLAIN = 0x1C849304, 0x1C849303
WITHOUT_KIND = 0xFFFFFF0F
"""The four bits that it leaves out say how wide the counts are written."""
UNIT_US = 0.1
_LONGEST = 64 << 20


@dataclass(frozen=True)
class Histogram:
    """`counts` holds (highest value of the bucket in units, how many), rising; only buckets that are not empty."""

    counts: list[tuple[int, int]]

    @property
    def total(self) -> int:
        """How many values were recorded."""
        return sum(count for _, count in self.counts)

    def quantile_us(self, share: float) -> float:
        """The least value that is not below `share` (0 to 1) of all, in microseconds; 0 for an empty histogram."""
        wanted = max(1, math.ceil(share * self.total - 1e-9))
        seen = 0
        for value, count in self.counts:
            seen += count
            if seen >= wanted:
                return value * UNIT_US
        return 0.0


def read(log: str) -> Histogram:
    """Reads a log; raises `ValueError` for anything else."""
    try:
        packed = base64.b64decode(log, validate=True)
        cookie, length = struct.unpack_from(">II", packed)
        if cookie & WITHOUT_KIND != COMPRESSED & WITHOUT_KIND:
            raise ValueError("not an HDR log in the compressed V2 encoding")
        plain = zlib.decompressobj().decompress(packed[8 : 8 + length], _LONGEST)
        cookie, payload, _offset, digits, lowest, _highest, _ratio = struct.unpack_from(">IIIIQQd", plain)
        if cookie & WITHOUT_KIND != PLAIN & WITHOUT_KIND:
            raise ValueError("not an HDR histogram in the V2 encoding")
        return Histogram(list(_buckets(plain[40 : 40 + payload], digits, lowest)))
    except (binascii.Error, struct.error, zlib.error, IndexError) as error:
        raise ValueError(f"not an HDR log: {error}") from None


def _buckets(payload: bytes, digits: int, lowest: int) -> Iterator[tuple[int, int]]:
    half_bits = math.ceil(math.log2(2 * 10**digits)) - 1
    unit_bits = max(lowest, 1).bit_length() - 1
    index = 0
    for count in _zigzag(payload):
        if count < 0:  # a run of empty buckets
            index -= count
            continue
        if count > 0:
            yield _highest_in(index, half_bits, unit_bits), count
        index += 1


def _highest_in(index: int, half_bits: int, unit_bits: int) -> int:
    """The highest value that is counted at an index; the first two halves are linear, each later one twice as wide."""
    half = 1 << half_bits
    bucket = (index >> half_bits) - 1
    sub = (index & (half - 1)) + half
    if bucket < 0:
        bucket, sub = 0, sub - half
    shift = bucket + unit_bits
    return ((sub + 1) << shift) - 1


def _zigzag(payload: bytes) -> Iterator[int]:
    """Signed numbers of one to nine bytes: seven bits each, low ones first; the ninth byte holds eight."""
    at = 0
    while at < len(payload):
        value, shift = 0, 0
        while True:
            byte = payload[at]
            at += 1
            if shift == 56:
                value |= byte << shift
                break
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        yield (value >> 1) ^ -(value & 1)
