"""Writes what the commands on some pages print into the block after each; `--check` fails when one prints otherwise.

Needs the native module: `make native`. Simulations have one history for each seed, so what a page shows is what a
reader gets, to the digit.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs/simulate.md", ROOT / "docs/bad-hours.md")
FILE = re.compile(r"`([\w-]+\.yaml)`[^`]*\n\n```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = re.compile(r"(^```sh\n(?P<command>[^`]*?)```\n\n```\n)(?P<output>.*?)(^```$)", re.MULTILINE | re.DOTALL)


def renewed(page: str) -> str:
    """The page with what its commands print now. Raises `CalledProcessError` for a command that fails."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILE.findall(page):
            (Path(folder) / name).write_text(text)
        (Path(folder) / "config").symlink_to(ROOT / "config")
        return SHOWN.sub(lambda shown: shown[1] + _run(shown["command"], folder) + shown[4], page)


def _run(command: str, folder: str) -> str:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


def main() -> int:
    """Writes the pages, or checks them. The exit code."""
    stale = [page for page in PAGES if page.read_text() != renewed(page.read_text())]
    for page in stale:
        if sys.argv[1:] == ["--check"]:
            print(f"docs/{page.name} is stale: run python -m docs.outputs", file=sys.stderr)
        else:
            page.write_text(renewed(page.read_text()))
    return 1 if stale and sys.argv[1:] == ["--check"] else 0


if __name__ == "__main__":
    sys.exit(main())
