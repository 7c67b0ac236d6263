"""What policies do in the sample scenarios, and what must hold whatever happens."""

from pathlib import Path

import pytest

from headgate.simulate import expect, read
from headgate.simulate.result import Figures

from .policies import ROOT, SCENARIOS, simulate

RESILIENT = (ROOT / "config/resilient.yaml").read_text()
OUTAGE = """
for: 3m
rate: 100
calls: [{model: MODEL}]
providers:
  first: &gone {scenario: [{match: {from: 30s, until: 90s}, fault: "status;code=503"}]}
  second: *gone
"""


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_sample_scenario_keeps_what_it_expects_and_breaks_no_rule(path: Path) -> None:
    result = simulate(path.read_text(), RESILIENT)
    assert result.broken == []
    expectations = [one for line in read.read(str(path)).scenario.expect for one in expect.parse(line)]
    judged = [one.judge(world.figures) for world in result.worlds for one in expectations]
    assert [one for one in judged if not one.met] == []


def test_a_total_outage_is_not_multiplied_and_ends_soon_after_it_is_over() -> None:
    """The figure of a minute without any provider, at full load."""
    for seed in range(1, 6):
        (world,) = simulate(OUTAGE.replace("MODEL", "alone"), seed=seed).worlds
        assert world.violations == []
        phase = world.phases[0]
        assert phase.amplification <= 1.1
        assert phase.recovery_s is not None
        assert phase.recovery_s <= 30
        assert phase.overshoot is not None
        assert phase.overshoot <= 1.2


def test_with_one_healthy_provider_nobody_notices() -> None:
    text = OUTAGE.replace("MODEL", "smart").replace("  second: *gone\n", "")
    (world,) = simulate(text).worlds
    assert world.figures.goodput >= 0.9999


def test_one_seed_has_one_history() -> None:
    text = "{for: 20s, random_rules: 6, replicas: 2}"
    assert simulate(text, seed=5) == simulate(text, seed=5)
    assert simulate(text, seed=5) != simulate(text, seed=6)


def test_two_policies_meet_the_same_callers() -> None:
    worlds = [simulate("{for: 20s, calls: [{model: smart}]}", policy).worlds[0] for policy in (POLICIES)]
    first, second = (world.figures for world in worlds)
    assert first.offered == second.offered
    assert first.first_token_us == second.first_token_us


def _policies() -> list[str]:
    from .policies import POLICY

    return [POLICY, POLICY + "resilience: {retry: {max_attempts: 1}}\n"]


POLICIES = _policies()


@pytest.mark.timeout(300)
def test_of_a_thousand_bad_minutes_none_breaks_a_rule() -> None:
    text = (ROOT / "config/scenarios/bad-days.yaml").read_text()
    result = simulate(text, RESILIENT, seeds=1000, for_ms=60_000)
    assert len(result.worlds) == 1000
    again = "headgate simulate config/resilient.yaml config/scenarios/bad-days.yaml --for 60s --seed"
    assert [f"{again} {world.seed}: {world.violations[0]}" for world in result.broken] == []
    assert sum(world.figures.faults for world in result.worlds) > 100_000


def test_an_hour_at_a_hundred_calls_a_second_is_one_world() -> None:
    (world,) = simulate("{for: 1h, rate: 100, calls: [{model: smart}]}").worlds
    assert 350_000 < world.figures.offered < 370_000
    assert world.timeline is not None
    assert sum(world.timeline.good) == world.figures.good


def test_the_figures_of_a_quiet_world_are_what_was_put_in() -> None:
    text = """
for: 30s
calls: [{model: smart, input_tokens: {fixed: 1000}}]
ttft_ms: {fixed: 250}
gap_ms: {fixed: 10}
tokens: {fixed: 101}
"""
    (world,) = simulate(text).worlds
    figures: Figures = world.figures
    assert figures.good == figures.offered == figures.attempts
    assert figures.first_token_us is not None
    assert (figures.first_token_us.p50, figures.first_token_us.max) == (250_000, 250_000)
    assert figures.spend_nanousd == figures.good * (1000 * 1250 + 101 * 10_000)
