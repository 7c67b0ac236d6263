"""What a push must pass is what the README says, and it can be started."""

import os
import subprocess

from .repository import ROOT

SCRIPT = ROOT / ".ci/run"


def test_the_script_is_one_that_bash_can_run() -> None:
    assert os.access(SCRIPT, os.X_OK)
    assert subprocess.run(["bash", "-n", SCRIPT], check=False).returncode == 0


def test_it_lints_counts_and_runs_the_tests_of_the_readme_with_skips_forbidden() -> None:
    lines = SCRIPT.read_text().splitlines()
    assert lines.index("make lint") < lines.index("make gate") < lines.index("make test")
    assert any(line.startswith("export CI=true ") for line in lines)
    assert "set -euo pipefail" in lines
