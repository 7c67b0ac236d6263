"""What becomes of a broken rule: its first seed is named, with a command that shows it again; the exit code is 1."""

import json
import re
import shlex
from pathlib import Path

import pytest

from headgate.cli.simulate import Shown, simulate
from headgate.simulate import job as jobs
from tests.harness.planted import plant

from .policies import POLICY

BAD_DAYS = "{for: 20s, rate: 20, random_rules: 3, calls: [{model: smart}]}"


@pytest.fixture
def _cuts_are_told_as_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway whose streams end as a false success, as if somebody had written that."""
    plant(monkeypatch, "false_end")


@pytest.mark.usefixtures("_cuts_are_told_as_whole")
def test_the_first_seed_that_breaks_a_rule_is_named_with_the_command_that_replays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("policy.yaml").write_text(POLICY)
    Path("days.yaml").write_text(BAD_DAYS)
    shown = Shown(["all.json"], as_json=False, progress=False)
    assert simulate(["policy.yaml"], "days.yaml", jobs.Options(seeds=50), [], shown) == 1
    told = capsys.readouterr().out
    worlds = json.loads(Path("all.json").read_text())["worlds"]
    broken = [world for world in worlds if world["violations_count"]]
    assert 0 < len(broken) < 50
    assert f"BROKEN in {len(broken)} worlds of 50; the first has seed {broken[0]['seed']}:" in told
    again = re.search(r"again: headgate simulate (.*)", told)
    assert again
    policy, scenario, *options = shlex.split(again[1])
    assert options == ["--seed", str(broken[0]["seed"]), "--for", "20s", "--replicas", "1"]
    one = Shown(["one.json"], as_json=False, progress=False)
    replay = jobs.Options(seed=broken[0]["seed"], for_ms=20_000, replicas=1)
    assert simulate([policy], scenario, replay, [], one) == 1
    (world,) = json.loads(Path("one.json").read_text())["worlds"]
    assert world["violations"] == broken[0]["violations"]
