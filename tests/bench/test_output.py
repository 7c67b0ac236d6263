"""Files of a result, the command that a report shows, and libraries that are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.bench import output
from headgate.bench.run.document import Run
from headgate.cli import bench_report
from headgate.errors import GatewayError, UsageError
from tests.bench import sample_documents

RUN = sample_documents.run()


def test_a_run_is_written_in_three_forms(tmp_path: Path) -> None:
    written = list(output.Writer.of(str(tmp_path / "result")).write_run(RUN))
    assert [path.name for path in written] == ["result.json", "result.md", "result.html"]
    assert Run.from_json((tmp_path / "result.json").read_text()) == RUN


def test_an_ending_that_was_given_is_no_part_of_the_name(tmp_path: Path) -> None:
    assert output.Writer.of(str(tmp_path / "result.json")).base == str(tmp_path / "result")
    assert output.Writer.of(str(tmp_path / "v1.5")).base == str(tmp_path / "v1.5")


def test_a_place_where_nothing_can_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        output.Writer.of(str(tmp_path / "none" / "result"))
    with pytest.raises(UsageError, match="no file can be written"):
        output.Writer.of(str(tmp_path) + "/")


def test_a_file_that_cannot_be_written_is_named_and_those_before_it_stay(tmp_path: Path) -> None:
    (tmp_path / "result.md").mkdir()
    files = output.Writer.of(str(tmp_path / "result")).write_run(RUN)
    assert next(files).name == "result.json"
    with pytest.raises(GatewayError, match=r"result\.md cannot be written"):
        next(files)


def test_a_missing_library_is_said_with_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "find_spec", lambda name: None if name == "matplotlib" else object())
    with pytest.raises(GatewayError) as caught:
        output.Writer.of(str(tmp_path / "result"))
    assert str(caught.value) == "--output writes HTML, which needs matplotlib: pip install 'headgate[bench]'"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["bench", "run", "--key", "sk-1", "--rate", "5"], "headgate bench run --key '***' --rate 5"),
        (["bench", "run", "--key=sk-1"], "headgate bench run '--key=***'"),
        (["bench", "run", "--header", "api-key=s=1"], "headgate bench run --header 'api-key=***'"),
        (["bench", "run", "--header=api-key=s"], "headgate bench run '--header=api-key=***'"),
        (["bench", "run", "--key", "--key", "--stream"], "headgate bench run --key '***' --stream"),
        (["bench", "run", "--slo", "p99<5ms"], "headgate bench run --slo 'p99<5ms'"),
    ],
)
def test_the_command_is_shown_without_its_secrets(arguments: list[str], shown: str) -> None:
    assert output.shown_command(arguments) == shown


def test_a_result_is_rendered_again_from_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for document, headline in ((RUN.to_json(), "p99"), (sample_documents.full().to_json(), "nginx")):
        (tmp_path / "one.json").write_text(document)
        bench_report.report(str(tmp_path / "one.json"), html=None, markdown=None)
        assert headline in capsys.readouterr().out
        bench_report.report(str(tmp_path / "one.json"), html=str(tmp_path / "a"), markdown=str(tmp_path / "b"))
        assert (tmp_path / "a").read_text().startswith("<!doctype html>")
        assert headline in (tmp_path / "b").read_text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "run"}', '{"kind": "run", "format": 1}', "\x00"])
def test_a_file_that_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(UsageError, match=r"one\.json"):
        bench_report.report(str(tmp_path / "one.json"), html=None, markdown=None)


def test_a_result_of_another_format_is_refused_naming_ours() -> None:
    document = json.loads(RUN.to_json()) | {"format": 2}
    with pytest.raises(ValueError, match="format 1"):
        Run.from_json(json.dumps(document))


def test_serving_loads_nothing_of_the_harness() -> None:
    code = (
        "import sys, headgate.cli.app, headgate.cli.run;"
        "print([name for name in sys.modules if name.startswith(('headgate.bench', 'matplotlib', 'jinja2', 'psutil'))])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
