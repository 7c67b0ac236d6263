"""`headgate simulate` as a command: what it prints, writes and exits with."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.harness.fixtures import run

from .policies import POLICY

QUIET = "for: 10s\ncalls: [{model: smart}]\n"
BAD = """
for: 40s
calls: [{model: alone}]
providers: {first: {scenario: [{match: {from: 10s, until: 20s}, fault: refuse}]}}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a policy and scenarios."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "other.yaml").write_text(POLICY + "resilience: {retry: {max_attempts: 1}}\n")
    (tmp_path / "quiet.yaml").write_text(QUIET)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


def test_a_good_world_exits_with_0_and_says_what_came_of_it(files: Path) -> None:
    done = run("simulate", f"{files}/policy.yaml", f"{files}/quiet.yaml")
    assert done.returncode == 0, done.stderr
    assert "callers" in done.stdout
    assert "(100 %)" in done.stdout
    assert "no rule was broken in 1 world" in done.stdout


def test_a_bad_one_names_phases_and_health_keys(files: Path) -> None:
    done = run("simulate", f"{files}/policy.yaml", f"{files}/bad.yaml", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "first: refuse" in done.stdout
    assert "out of service: consecutive" in done.stdout


def test_an_expectation_that_is_missed_exits_with_99(files: Path) -> None:
    done = run("simulate", f"{files}/policy.yaml", f"{files}/bad.yaml", "--expect", "goodput>=99.9%,amplification<2")
    assert done.returncode == 99
    assert "MISSED    goodput>=99.9%" in done.stdout
    assert "met       amplification<2" in done.stdout


def test_two_policies_are_compared_under_one_seed(files: Path) -> None:
    done = run("simulate", f"{files}/policy.yaml", f"{files}/bad.yaml", "--compare", f"{files}/other.yaml", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    first, second = told["worlds"]
    assert (first["plan"], second["plan"]) == (0, 1)
    assert first["figures"]["offered"] == second["figures"]["offered"]
    assert first["figures"]["attempts"] >= second["figures"]["attempts"]


def test_many_seeds_are_told_together(files: Path) -> None:
    done = run("simulate", f"{files}/policy.yaml", f"{files}/quiet.yaml", "--seeds", "20", "--for", "5s")
    assert done.returncode == 0, done.stderr
    assert "20 worlds" in done.stdout
    assert "no rule was broken in 20 worlds" in done.stdout


def test_of_many_worlds_the_one_that_comes_nearest_to_missing_an_expectation_is_named(files: Path) -> None:
    expected = ["--expect", "goodput>=1%,openings<1"]
    done = run("simulate", f"{files}/policy.yaml", f"{files}/bad.yaml", "--seeds", "3", "--for", "25s", *expected)
    assert done.returncode == 99, done.stderr
    told = done.stdout.splitlines()[-2:]
    assert [line.split(":")[0] for line in told] == ["met       goodput>=1%", "MISSED    openings<1"]
    assert all("(at worst, seed " in line for line in told)


def test_files_are_written_by_the_end_of_their_names(files: Path) -> None:
    outputs = [argument for form in ("svg", "png", "json") for argument in ("--output", f"{files}/bad.{form}")]
    done = run("simulate", f"{files}/policy.yaml", f"{files}/bad.yaml", *outputs)
    assert done.returncode == 0, done.stderr
    root = ElementTree.parse(files / "bad.svg").getroot()
    assert "callers a second" in "".join(root.itertext())
    assert (files / "bad.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((files / "bad.json").read_text())["format"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output", "bad.html"], "ends in .json, .svg or .png"),
        (["--output", "nowhere/bad.svg"], "no file can be written"),
        (["--output", "bad.svg", "--seeds", "2"], "of several seeds there is no drawing"),
        (["--for", "10"], "10"),
        (["--expect", "goodput"], "no expectation"),
    ],
)
def test_what_makes_no_sense_exits_with_2(files: Path, arguments: list[str], said: str) -> None:
    done = run("simulate", f"{files}/policy.yaml", f"{files}/bad.yaml", *arguments)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr


def test_a_bad_scenario_exits_with_78_and_names_its_place(files: Path) -> None:
    (files / "wrong.yaml").write_text("for: 10s\ncals: {model: smart}\n")
    done = run("simulate", f"{files}/policy.yaml", f"{files}/wrong.yaml")
    assert done.returncode == 78
    assert "wrong.yaml:2:1: cals: unknown field; did you mean `calls`?" in done.stderr
