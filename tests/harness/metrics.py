"""Reading `/metrics`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.harness.gateway import Gateway

_SAMPLE = re.compile(r"(?P<name>[a-z_:]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')

Labels = dict[str, str]


@dataclass(frozen=True)
class Metrics:
    """All samples of one scrape."""

    text: str
    samples: list[tuple[str, Labels, float]]

    @staticmethod
    def of(gateway: Gateway) -> Metrics:
        """Scrapes a gateway."""
        answer = gateway.probe("/metrics")
        assert answer.status == 200
        text = answer.body.decode()
        found = [_SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("#")]
        assert all(found), "a line is no sample"
        return Metrics(text, [_read(match) for match in found if match])

    @property
    def families(self) -> set[str]:
        """The names that have a type."""
        return set(re.findall(r"^# TYPE (\S+) ", self.text, re.MULTILINE))

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with at least these labels."""
        return sum(value for sample, own, value in self.samples if sample == name and labels.items() <= own.items())


def _read(match: re.Match[str]) -> tuple[str, Labels, float]:
    return match["name"], dict(_LABEL.findall(match["labels"] or "")), float(match["value"])
