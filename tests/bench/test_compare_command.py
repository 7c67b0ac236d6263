"""`headgate bench compare`: options become a comparison, a comparison becomes files and an exit code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate.bench import compare
from headgate.bench.compare import CompareOptions, Comparison
from headgate.cli.app import app
from headgate.errors import GatewayError, UsageError
from tests.bench import sample_documents
from tests.harness.fixtures import run

MET = replace(sample_documents.full(), verdicts=[one for one in sample_documents.VERDICTS if one.met is not False])


class Measured:
    """What a comparison was asked for; answers with a document."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, document: Comparison = MET) -> None:
        self.options: list[CompareOptions] = []
        self.document = document
        monkeypatch.setattr(compare, "compare", self._compare)

    def _compare(self, options: CompareOptions) -> Comparison:
        self.options.append(options)
        return self.document

    def call(self, *arguments: str) -> Any:  # noqa: ANN401 - typer's result
        """The command, in this process."""
        return CliRunner().invoke(app, ["bench", "compare", *arguments])


def test_options_reach_the_comparison(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "busbar"
    program.touch()
    measured = Measured(monkeypatch)
    words = f"floor busbar --cells full --windows 2 --seconds 0.5 --peers {tmp_path} --with busbar={program} --seed 7"
    ended = measured.call(*words.split(), "--install", "--windows-only", "--output", str(tmp_path / "out.json"))
    assert ended.exit_code == 0, ended.output
    (options,) = measured.options
    assert (options.targets, options.cells, options.windows, options.seconds) == (("floor", "busbar"), "full", 2, 0.5)
    assert (options.peers, options.programs, options.seed) == (tmp_path, {"busbar": program}, 7)
    assert (options.install, options.extras, options.output) == (True, frozenset(), tmp_path / "out")
    files = {path.name for path in tmp_path.iterdir()} - {"busbar"}
    assert files == {"out.json", "out.md", "out.html"}
    assert Comparison.from_json((tmp_path / "out.json").read_text()) == MET


def test_what_is_left_out_is_as_a_comparison_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measured(monkeypatch)
    assert measured.call().exit_code == 0
    usual = CompareOptions()
    assert replace(measured.options[0], command=usual.command) == usual


def test_json_is_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Comparison.from_json(Measured(monkeypatch).call("--json").stdout) == MET


def test_a_gate_ends_with_99_when_a_figure_misses_and_without_one_it_is_told_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Measured(monkeypatch).call("--gate").exit_code == 0
    missed = Measured(monkeypatch, sample_documents.full())
    assert missed.call().exit_code == 0
    assert missed.call("--gate").exit_code == 99


def test_a_gate_does_not_hold_when_nothing_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = Measured(monkeypatch, sample_documents.nothing()).call("--gate")
    assert isinstance(ended.exception, GatewayError)
    assert "no window counts" in str(ended.exception)


@pytest.mark.parametrize("pair", ["busbar", "=x", "busbar=/no/such/program", "busbar=/tmp"])
def test_a_program_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, pair: str) -> None:
    ended = Measured(monkeypatch).call("--with", pair)
    assert isinstance(ended.exception, UsageError)
    assert pair in str(ended.exception)


def test_unknown_targets_and_cells_exit_2_in_one_line() -> None:
    for arguments in (["nobody"], ["--cells", "nothing"]):
        ended = run("bench", "compare", *arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert len(ended.stderr.splitlines()) == 1
