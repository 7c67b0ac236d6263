"""Thresholds of a load: `p99<50ms,errors<0.1%,ttft_p95<300ms,rate>1900`.

A figure is a quantile, `max` or `mean` of a distribution, `errors` (failed calls: a share with `%`, else a number) or
`rate` (good answers per second). Without a prefix a quantile is one of the latency from the intended start.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import Literal

from headgate.bench import hdr
from headgate.bench.figures import show_count, show_us
from headgate.bench.result import Hist, LoadResult
from headgate.bench.run.document import Judged
from headgate.errors import UsageError

Distribution = Literal["latency", "service", "ttft", "tpot", "gap", "late"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("latency", "service", "ttft", "tpot", "gap", "late")
UNITS_US = {"us": 1.0, "µs": 1.0, "ms": 1_000.0, "s": 1_000_000.0, "m": 60_000_000.0}
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_FORM = re.compile(r"([a-z0-9_.]+)\s*(<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµ/%]*)")
_QUANTILE = re.compile(rf"(?:({'|'.join(DISTRIBUTIONS)})_)?(max|mean|p[0-9]+(?:\.[0-9]+)?)")


@dataclass(frozen=True)
class Threshold:
    """One condition. `limit` is in microseconds, a share of 1 or a number of errors, or calls per second."""

    text: str
    figure: Literal["quantile", "errors", "error_share", "rate"]
    compare: str
    limit: float
    distribution: Distribution = "latency"
    quantile: float | Literal["max", "mean"] = "max"

    def judge(self, result: LoadResult) -> Judged:
        """Whether a load kept it. What was not measured is not kept."""
        value = self._value(result)
        if value is None:
            return Judged(self.text, f"nothing was measured as {self.distribution}", met=False)
        return Judged(self.text, self._shown(value), met=COMPARE[self.compare](value, self.limit))

    def _value(self, result: LoadResult) -> float | None:
        if self.figure == "rate":
            return result.good / result.elapsed_s if result.elapsed_s > 0 else 0.0
        if self.figure == "errors":
            return float(result.failed)
        if self.figure == "error_share":
            return result.failed / max(1, result.good + result.failed)
        hist: Hist | None = getattr(result, self.distribution)
        return None if hist is None else quantile_us(hist, self.quantile)

    def _shown(self, value: float) -> str:
        if self.figure == "quantile":
            return show_us(value)
        return f"{100 * value:.3g} %" if self.figure == "error_share" else show_count(round(value, 1))


def quantile_us(hist: Hist, quantile: float | Literal["max", "mean"]) -> float:
    """A figure of a distribution in microseconds; the engine's own where it wrote it, else from the whole log."""
    if quantile == "max":
        return hist.max_us
    if quantile == "mean":
        return hist.mean_us
    written = {0.5: hist.p50_us, 0.9: hist.p90_us, 0.99: hist.p99_us, 0.999: hist.p999_us, 0.9999: hist.p9999_us}
    if quantile in written:
        return written[quantile]
    return min(hdr.read(hist.hdr).quantile_us(quantile), hist.max_us)


def parse(text: str) -> list[Threshold]:
    """Reads thresholds, separated by commas; raises `UsageError` naming the one that is none."""
    return [_one(part.strip()) for part in text.split(",")]


def _one(text: str) -> Threshold:
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"--slo: `{text}` is no threshold such as p99<50ms, ttft_p95<300ms, errors<0.1% or rate>1900")
    name, compare, number, unit = match.groups()
    shown = f"{name}{compare}{number}{unit}"
    if name == "errors":
        return _errors(shown, compare, float(number), unit)
    if name == "rate":
        if unit not in ("", "/s"):
            raise UsageError(f"--slo: `{shown}`: a rate is a number of calls per second, such as rate>1900")
        return Threshold(shown, "rate", compare, float(number))
    quantile = _QUANTILE.fullmatch(name)
    if quantile is None:
        known = "p50, p99.9, max, mean, each also as " + ", ".join(f"{one}_p50" for one in DISTRIBUTIONS[1:])
        raise UsageError(f"--slo: `{name}` is not known; known are errors, rate, {known}")
    if unit not in UNITS_US:
        raise UsageError(f"--slo: `{shown}`: write a time with its unit, one of us, ms, s, m")
    distribution: Distribution = next((one for one in DISTRIBUTIONS if one == quantile[1]), "latency")
    limit = float(number) * UNITS_US[unit]
    return Threshold(shown, "quantile", compare, limit, distribution, _quantile(quantile[2], shown))


def _errors(shown: str, compare: str, number: float, unit: str) -> Threshold:
    if unit not in ("", "%"):
        raise UsageError(f"--slo: `{shown}`: errors are a share such as errors<0.1% or a number such as errors<10")
    if compare in (">", ">="):
        raise UsageError(f"--slo: `{shown}` asks for errors; write errors<0.1%")
    if unit:
        return Threshold(shown, "error_share", compare, number / 100)
    return Threshold(shown, "errors", compare, number)


def _quantile(name: str, shown: str) -> float | Literal["max", "mean"]:
    """`p99` is 0.99, `p99.9` and `p999` are 0.999, `p100` is the maximum."""
    if name == "max":
        return "max"
    if name == "mean":
        return "mean"
    digits = name[1:]
    if len(digits) > 2 and digits.startswith("99") and "." not in digits:
        digits = f"99.{digits[2:]}"
    percent = float(digits)
    if percent > 100:
        raise UsageError(f"--slo: `{shown}`: a quantile is at most p100; p99.9 is written with its point")
    return "max" if percent == 100 else round(percent / 100, 10)
