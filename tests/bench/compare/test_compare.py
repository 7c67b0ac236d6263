"""Real comparisons in miniature: what they find wrong, what they report, and what they leave behind."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headgate.bench.compare import CompareOptions, Comparison, compare
from headgate.bench.compare.find import Peer, find
from headgate.bench.compare.options import ROOT
from headgate.errors import StartError

pytestmark = pytest.mark.timeout(180)  # windows are repeated while other tests take the machine
NONE: frozenset[str] = frozenset()
CORRUPTING = """
title: A proxy that does one thing wrong
install: {{how: it is part of the tests}}
program: {{name: corrupting.py, folders: ["@ROOT@/tests/harness"], on_path: false}}
version: [echo, "1"]
start: ["@PYTHON@", -m, tests.harness.corrupting, "@PORT@", "@UPSTREAM@", {fault}]
environment: {{PYTHONPATH: "@ROOT@"}}
provider: as_sent
verbatim: {verbatim}
spliced: true
keys: false
alias: false
"""


def options(peers: Path, *targets: str, cells: str = "64b-c1", windows: int = 1) -> CompareOptions:
    return CompareOptions(
        targets=targets,
        cells=cells,
        windows=windows,
        seconds=0.3,
        warm_windows=1,
        peers=peers,
        extras=NONE,
        output=peers / "base",
        say=lambda _: None,
    )


def corrupted(folder: Path, fault: str, cells: str, *, verbatim: bool) -> Comparison:
    """A comparison of one target with a fault."""
    text = CORRUPTING.format(fault=fault, verbatim=str(verbatim).lower())
    (folder / "rude.yaml").write_text(text)
    return compare(options(folder, "rude", cells=cells))


@pytest.mark.parametrize(
    ("fault", "cells", "verbatim", "sentence"),
    [
        ("byte", "64b-c1", True, "wrong_body"),
        ("byte", "64b-c1", False, "wrong_text"),
        ("frame", "sse-c64", True, "wrong_body"),
        ("frame", "sse-c64", False, "wrong_"),
        ("usage", "64b-c1", False, "wrong_usage"),
        ("twice", "64b-c1", True, "the provider counted"),
        ("request", "64b-c1", True, "bytes of bodies"),
    ],
)
def test_a_planted_fault_voids_the_window(
    tmp_path: Path, *, fault: str, cells: str, verbatim: bool, sentence: str
) -> None:
    found = corrupted(tmp_path, fault, cells, verbatim=verbatim)
    assert found.absent == []
    assert found.windows
    for window in found.windows:
        assert window.void is not None, fault
        assert sentence in window.void
    assert found.rows == []
    assert found.ratios == []


@pytest.mark.parametrize("verbatim", [True, False])
def test_without_a_fault_no_window_is_void(tmp_path: Path, *, verbatim: bool) -> None:
    found = corrupted(tmp_path, "none", "64b-c1,sse-c1", verbatim=verbatim)
    assert {window.cell for window in found.windows} == {"64b-c1", "sse-c1"}
    assert {window.void for window in found.windows} == {None}


def test_a_target_that_answers_wrong_from_the_start_is_absent_with_the_reason(tmp_path: Path) -> None:
    text = CORRUPTING.format(fault="none", verbatim="true").replace('"@UPSTREAM@"', '"127.0.0.1:1"')
    (tmp_path / "rude.yaml").write_text(text + "ready_within_s: 2\n")
    found = compare(options(tmp_path, "rude"))
    assert (found.windows, found.targets) == ([], [])
    [absent] = found.absent
    assert absent.name == "rude"
    assert absent.reason.endswith("(within 2 s); it is part of the tests")


def test_a_target_that_ends_at_once_is_absent_with_the_end_of_its_log(tmp_path: Path) -> None:
    start = 'start: [sh, -c, "echo no such option >&2; exit 3"]\nenvironment'
    text = CORRUPTING.format(fault="none", verbatim="true")
    before, _, after = text.partition("start:")
    (tmp_path / "rude.yaml").write_text(before + start + after.partition("\nenvironment")[2])
    [absent] = compare(options(tmp_path, "rude")).absent
    assert absent.reason.startswith("it ended with exit code 3: no such option")


@pytest.fixture
def tools() -> list[str]:
    """The floor, a plain proxy and headgate, where they can be had."""
    names = ["floor", "nginx", "headgated"]
    missing = [peer for name in names if not isinstance(peer := find(name, CompareOptions()), Peer)]
    if missing:
        pytest.skip(f"{missing[0].name}: {missing[0].reason}")
    return names


def test_a_small_comparison_has_all_parts_and_leaves_nothing_behind(tools: list[str], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "benchmarks/peers", tmp_path, dirs_exist_ok=True)
    affinity = os.sched_getaffinity(0)
    found = compare(options(tmp_path, *tools, cells="64b-c1,sse-c1", windows=2))

    assert [target.name for target in found.targets] == tools
    assert {(w.target, w.cell, w.round) for w in found.windows} == {
        (tool, cell, number) for tool in tools for cell in ("64b-c1", "sse-c1") for number in (0, 1)
    }
    assert {window.void for window in found.windows} == {None}
    streams = [window for window in found.windows if window.cell == "sse-c1"]
    assert all(window.frames and window.cpu_us_per_event and window.event_delay_p50_us for window in streams)
    assert all(window.cpu_us_per_call > 0 and window.provider_us_per_call > 0 for window in found.windows)
    firsts = [window.target for window in found.windows if window.cell == "64b-c1"]
    assert firsts.index("floor") == 0  # the first round begins with it, the second does not
    assert next(w.target for w in found.windows if w.round == 1) == "nginx"

    assert Comparison.from_json(found.to_json()) == found
    kept = [json.loads(line) for line in (tmp_path / "base.windows.jsonl").read_text().splitlines()]
    assert [list(kept[0]), len(kept) - 1] == [["started", "command"], len(found.windows)]
    assert os.sched_getaffinity(0) == affinity
    left = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout
    assert "headgate-compare-" not in left


def test_an_interrupted_run_reports_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "rude.yaml").write_text(CORRUPTING.format(fault="none", verbatim="true"))
    code = f"""
import signal, sys
from pathlib import Path
from headgate.bench.compare import CompareOptions, compare
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
said = lambda line: print(line, file=sys.stderr, flush=True)
found = compare(CompareOptions(("rude",), "64b-c1", 1000, 0.1, warm_windows=1, peers=Path({str(tmp_path)!r}), say=said))
print(len(found.windows) > 0, found.notes[-1])
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "64b-c1" in line:
            break
    drain = threading.Thread(target=process.stderr.read)
    drain.start()
    process.send_signal(2)
    assert process.stdout is not None
    printed = process.stdout.read()
    drain.join()
    process.stderr.close()
    process.stdout.close()
    assert process.wait(30) == 0
    assert printed.startswith("True The run was interrupted")


def test_too_few_descriptors_are_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (256, 1024))
    with pytest.raises(StartError, match=r"too few descriptors: 1024 .*`ulimit -n 8192`"):
        compare(options(tmp_path, "floor"))
