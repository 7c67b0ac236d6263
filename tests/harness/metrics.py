"""Reading `/metrics`, with the Prometheus project's own parser: what it refuses, a scrape would."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.harness.gateway import Gateway


@dataclass(frozen=True)
class Metrics:
    """All families of one scrape."""

    text: str
    all: list[Metric]

    @staticmethod
    def of(gateway: Gateway) -> Metrics:
        """Scrapes a gateway."""
        answer = gateway.probe("/metrics")
        assert answer.status == 200
        text = answer.body.decode()
        return Metrics(text, list(text_string_to_metric_families(text)))  # type: ignore[no-untyped-call]

    @property
    def families(self) -> set[str]:
        """The names that have a type."""
        return {family.name for family in self.all}

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with at least these labels."""
        samples = [sample for family in self.all for sample in family.samples if sample.name == name]
        return float(sum(sample.value for sample in samples if labels.items() <= sample.labels.items()))
