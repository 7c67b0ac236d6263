"""python/headgate/_native.pyi says what the built module is."""

import os
import subprocess
import sys

import pytest

from .repository import ROOT


def test_the_stub_agrees_with_the_built_module() -> None:
    pytest.importorskip("headgate._native", reason="the native module is not built: make native")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "headgate._native", "--mypy-config-file", ROOT / "pyproject.toml"],
        env={**os.environ, "MYPYPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
