"""A missing prerequisite is one line that says how to get it, printed before anything is built."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from .repository import ROOT

# A program of each name, good enough for the preflight.
GOOD = {
    "python3": f'exec {sys.executable} "$@"',
    "cargo": "exit 0",
    "rustc": "echo 'rustc 1.95.0 (59807616e 2026-04-14)'",
    "cc": "exit 0",
}


def preflight(folder: Path, programs: dict[str, str], **environment: str) -> tuple[int, list[str]]:
    """Runs the preflight where only `programs` (name -> shell text) exist; returns its status and its lines."""
    for name, text in programs.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["/bin/sh", ROOT / ".ci/preflight"],
        env={"PATH": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_nothing_is_said_when_nothing_is_missing(tmp_path: Path) -> None:
    assert preflight(tmp_path, GOOD) == (0, [])


@pytest.mark.parametrize(
    ("program", "remedy"),
    [
        ("python3", "apt-get install python3"),
        ("cargo", "https://rustup.rs"),
        ("rustc", "rustup"),
        ("cc", "install gcc"),
    ],
)
def test_one_line_names_what_is_missing_and_how_to_get_it(tmp_path: Path, program: str, remedy: str) -> None:
    status, lines = preflight(tmp_path, {name: text for name, text in GOOD.items() if name != program})
    assert status == 1
    assert len(lines) == 1
    assert program in lines[0]
    assert remedy in lines[0]


@pytest.mark.parametrize("version", ["1.94.1", "1.9.0", "0.99.0"])
def test_an_old_rust_is_named_with_its_version(tmp_path: Path, version: str) -> None:
    status, lines = preflight(tmp_path, {**GOOD, "rustc": f"echo 'rustc {version} (abc 2020-01-01)'"})
    assert status == 1
    assert lines == [f"missing: Rust 1.95 or newer (rustc is {version}): rustup update stable"]


@pytest.mark.parametrize("version", ["1.95.0-nightly", "1.100.0", "2.0.0"])
def test_a_newer_rust_is_welcome(tmp_path: Path, version: str) -> None:
    assert preflight(tmp_path, {**GOOD, "rustc": f"echo 'rustc {version} (abc 2020-01-01)'"}) == (0, [])


def test_an_old_python_is_named_with_its_version(tmp_path: Path) -> None:
    status, lines = preflight(tmp_path, {**GOOD, "python3": "echo 3.9"})
    assert status == 1
    assert lines == [
        "missing: Python 3.11 or newer (python3 is 3.9): install one and name it, as in: make PYTHON=python3.12"
    ]


def test_a_python_without_venv_is_named(tmp_path: Path) -> None:
    without_venv = 'case "$2" in *ensurepip*) exit 1;; *) echo 3.11;; esac'
    status, lines = preflight(tmp_path, {**GOOD, "python3": without_venv})
    assert status == 1
    assert lines == ["missing: the venv module of python3: apt-get install python3-venv"]


def test_another_python_can_be_named(tmp_path: Path) -> None:
    programs = {"snake": GOOD["python3"], **{name: text for name, text in GOOD.items() if name != "python3"}}
    assert preflight(tmp_path, programs, PYTHON="snake") == (0, [])


def test_make_stops_at_the_preflight(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": "no-such-python"}
    done = subprocess.run(
        ["make", "-C", ROOT, "preflight", "PYTHON=no-such-python"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "missing: no-such-python" in done.stderr
