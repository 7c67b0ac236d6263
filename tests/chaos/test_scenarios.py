"""The sample scenarios: each is one that the simulator takes, and what it plays can be started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.engine.simulator import scenario
from tests.chaos.world import PATH
from tests.harness import wire
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat

FOLDER = Path(__file__).parents[2] / "config" / "scenarios" / "sim"
SAMPLES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_a_sample_is_taken_and_begins_soundly(path: Path) -> None:
    options = scenario(str(path))
    assert options["scenario"]
    sim = Provider.start(**{**options, "ttft_ms": {"fixed": 0}, "gap_ms": {"fixed": 0}})
    try:
        assert wire.ask(sim.address, "POST", PATH, chat()).status == 200, "nothing goes wrong in the first ten seconds"
    finally:
        sim.stop()


def test_there_is_a_sample_for_each_kind_of_bad_hour() -> None:
    assert {path.stem for path in SAMPLES} == {
        "brown-out",
        "cut-streams",
        "dead-credential",
        "outage",
        "rate-limits",
        "slow-streams",
    }


def test_an_outage_ends_by_itself_and_can_be_played_again() -> None:
    sim = Provider.start(scenario=[{"match": {"until": "300ms", "path": "/v1/*"}, "fault": "status;code=503"}])

    def status() -> int:
        return wire.ask(sim.address, "POST", PATH, chat()).status

    try:
        for _ in range(2):
            assert wire.ask(sim.address, "POST", "/scenario/start").status == 200
            assert status() == 503
            until(lambda: status() == 200, "the outage is over")
    finally:
        sim.stop()
