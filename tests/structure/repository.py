"""What the tests of this folder read: the repository as files, and as cargo sees it."""

import json
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def toml(path: str) -> dict[str, Any]:
    """A TOML file, named from the root."""
    return tomllib.loads((ROOT / path).read_text())


def cargo(*arguments: str) -> str:
    """What cargo prints for the lock file as it stands; fails with what it complains of."""
    done = subprocess.run(["cargo", *arguments, "--locked"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def our_packages() -> list[dict[str, Any]]:
    """The members of the workspace, as `cargo metadata` (format 1) shows them."""
    return list(json.loads(cargo("metadata", "--format-version", "1", "--no-deps"))["packages"])


def pages() -> list[Path]:
    """Every page that a user reads."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
