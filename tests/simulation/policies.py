"""A policy for these tests, and how to simulate it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headgate.compile import Compiled, compile_text
from headgate.simulate import job as jobs
from headgate.simulate import read, run
from headgate.simulate.result import Result

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "config/scenarios").glob("*.yaml"))
POLICY = """
version: 1
providers:
  first: {dialect: openai, endpoints: [http://10.0.0.1/v1, http://10.0.0.2/v1], credential: ["${env:A}", "${env:B}"]}
  second: {dialect: openai, endpoints: [http://10.0.0.3/v1], credential: "${env:C}"}
deployments:
  large: {provider: first, model: large-1, price: {input_per_million_usd: 1.25, output_per_million_usd: 10}}
  other: {provider: second, model: other-1}
aliases:
  smart: {chain: [{use: [large]}, {use: [other]}]}
  alone: {chain: [{use: [large]}]}
  "any-*": {chain: [{use: [other]}]}
"""


def compiled(policy: str = POLICY) -> Compiled:
    """The policy, compiled."""
    return compile_text(policy, "policy.yaml", {})


def simulate(scenario: str, policy: str = POLICY, **options: Any) -> Result:  # noqa: ANN401 - as `jobs.Options`
    """The worlds of a scenario."""
    loaded = read.read_text(scenario, "scenario.yaml")
    policies = [compiled(policy)]
    return run.run(loaded, policies, jobs.build(loaded, policies, jobs.Options(**options)), lambda _done, _of: None)
