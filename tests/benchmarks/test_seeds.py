"""Many worlds in several sittings: stopped, gone on with, and what becomes of a seed that breaks a rule."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import seeds
from headgate.simulate import run
from headgate.simulate.result import Result
from tests.harness.planted import plant


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Plays seeds of two seconds, four at a time."""
    monkeypatch.setattr(seeds, "CHUNK", 4)
    usual = ["--for", "2s", "--threads", "1", "--output", f"{tmp_path}/done.jsonl"]
    return lambda *more: seeds.main([*usual, *more])


def test_what_was_stopped_goes_on_where_it_was(
    play: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, calls = run.run, []

    def until_ctrl_c(*arguments: Any) -> Result:  # noqa: ANN401 - as `run.run`
        calls.append(arguments)
        result = whole(*arguments)
        return result.model_copy(update={"worlds": result.worlds[:1]}) if len(calls) == 2 else result

    monkeypatch.setattr(run, "run", until_ctrl_c)
    assert play("--seeds", "10") == 130
    assert play("--seeds", "10") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "10 worlds of 2s each, seeds 1 to 10"
    assert told[-1] == "no rule was broken"
    chunks = [json.loads(line) for line in (tmp_path / "done.jsonl").read_text().splitlines()[1:]]
    assert [(chunk["first"], chunk["seeds"]) for chunk in chunks] == [(1, 4), (5, 4), (9, 2)]
    assert len(calls) == 4, "the first chunk, the stopped one, and the two that were left"


def test_a_line_that_was_cut_off_is_played_again(play: Callable[..., int], tmp_path: Path) -> None:
    assert play("--seeds", "8") == 0
    done = (tmp_path / "done.jsonl").read_text()
    (tmp_path / "done.jsonl").write_text(done[:-20])
    assert play("--seeds", "8") == 0
    before, after = (
        [{**json.loads(line), "cpu_s": 0} for line in text.splitlines()]
        for text in (done, (tmp_path / "done.jsonl").read_text())
    )
    assert len(before) == 3
    assert after == before


def test_other_worlds_are_not_mixed_with_those_that_are_done(
    play: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert play("--seeds", "4") == 0
    assert play("--seeds", "4", "--for", "3s") == 2
    assert "is about another scenario" in capsys.readouterr().err


def test_a_seed_that_breaks_a_rule_is_named_with_its_command_and_the_rest_is_played(
    play: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(monkeypatch, "false_end")
    assert play("--seeds", "40", "--for", "10s") == 1
    told = capsys.readouterr()
    assert told.out.startswith("40 worlds of 10s each")
    first = told.out.partition("the first has seed ")[2].partition(":")[0]
    assert f"again: headgate simulate {seeds.POLICY} {seeds.SCENARIO} --seed {first} --for 10s --replicas 2" in told.out
    assert f"the first is seed {first}" in told.err
