"""A scenario that is wrong is refused with every reason, each with its place."""

import pytest

from headgate.errors import PlanError, PolicyError, UsageError
from headgate.simulate import job as jobs
from headgate.simulate import read

from .policies import SCENARIOS, compiled, simulate


def errors(text: str) -> list[str]:
    """What reading says."""
    with pytest.raises(PolicyError) as refused:
        read.read_text(text, "scenario.yaml")
    return str(refused.value).splitlines()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_sample_is_taken(path: object) -> None:
    assert read.read(str(path)).scenario.for_ > 0


def test_an_empty_scenario_is_one_with_every_default() -> None:
    scenario = read.read_text("", "scenario.yaml").scenario
    assert (scenario.for_, scenario.curve, scenario.replicas) == (300_000, {0: 50}, 1)


def test_all_errors_come_at_once_with_their_places() -> None:
    text = """\
for: 10
rate: {0s: 10, soon: 20}
replicsa: 2
calls: [{model: smart, share: 0}]
ttft_ms: {fixed: 1, exponential: {mean: 2}}
providers:
  first:
    scenario:
      - {match: {from: 20s, until: 10s}, fault: refuse}
      - {match: {share: 2}}
expect: goodput>99, nothing<1
"""
    assert errors(text) == [
        "scenario.yaml:1:6: for: 10 has no unit; write one of ms, s, m, h, d",
        "scenario.yaml:2:16: rate.soon: `soon` is not a duration such as 250ms, 30s, 10m, 2h or 7d",
        "scenario.yaml:3:1: replicsa: unknown field; did you mean `replicas`?",
        "scenario.yaml:4:31: calls[0].share: 0 is below 0.001",
        "scenario.yaml:5:10: ttft_ms: one of `fixed`, `uniform`, `lognormal`, `exponential` is needed, "
        "such as {fixed: 20}",
        "scenario.yaml:9:17: providers.first.scenario[0].match: it ends before it begins: `until` is not after `from`",
        "scenario.yaml:10:25: providers.first.scenario[1].match.share: 2 is above 1.0",
    ]


def test_an_expectation_that_is_none_is_named() -> None:
    assert errors("expect: [goodput>99%, recovry<10s]") == [
        "scenario.yaml:1:23: expect[1]: there is no figure `recovry`; did you mean `recovery`?"
    ]
    assert errors("expect: amplification<10s") == [
        "scenario.yaml:1:9: expect[0]: `amplification<10s`: amplification is a number such as 1.1"
    ]


def test_what_the_policy_lacks_is_named() -> None:
    text = """\
providers:
  frist: {}
  first:
    scenario:
      - {match: {credential: 2, endpoint: 1}, fault: refuse}
      - {match: {from: 10m}, fault: refuse}
"""
    with pytest.raises(PolicyError) as refused:
        simulate(text)
    assert str(refused.value).splitlines() == [
        "scenario.yaml:2:3: providers.frist: the policy has no provider `frist`; did you mean `first`?",
        "scenario.yaml:5:30: providers.first.scenario[0].match.credential: there is no number 2: first has 2, "
        "and counting starts at 0",
        "scenario.yaml:6:24: providers.first.scenario[1].match.from: it begins when the scenario is over: "
        "make `for` longer",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "calls: [{model: smrat}]",
            "scenario.yaml:1:17: calls[0].model: There is no model `smrat` here; did you mean `smart`?",
        ),
        (
            "providers: {first: {scenario: [{fault: refuze}]}}",
            "scenario.yaml:1:40: providers.first.scenario[0].fault: there is no fault `refuze` in virtual time; "
            "there are refuse, ",
        ),
    ],
)
def test_what_rust_refuses_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        simulate(text)
    assert str(refused.value).startswith(said)


def test_a_refusal_that_names_no_place_stays_what_it_is() -> None:
    loaded = read.read_text("", "scenario.yaml")
    error = PlanError("plan format 2 but this build reads format 1")
    assert loaded.at(error) is error


def test_callers_ask_for_every_alias_when_nothing_is_said() -> None:
    loaded = read.read_text("", "scenario.yaml")
    job = jobs.build(loaded, [compiled()], jobs.Options())
    assert [call["model"] for call in job["scenario"]["calls"]] == ["smart", "alone"]
    without = "version: 1\nproviders: {openai: {credential: '${env:A}'}}\n"
    with pytest.raises(UsageError, match="what callers ask for"):
        jobs.build(loaded, [compiled(without)], jobs.Options())


def test_the_command_line_wins_over_the_scenario() -> None:
    loaded = read.read_text("{for: 1m, replicas: 2, seed: 3}", "scenario.yaml")
    job = jobs.build(loaded, [compiled()], jobs.Options(seed=9, for_ms=5000, replicas=4, seeds=100))
    assert (job["seed"], job["seeds"], job["timeline"]) == (9, 100, False)
    assert (job["scenario"]["duration_ms"], job["scenario"]["replicas"]) == (5000, 4)
