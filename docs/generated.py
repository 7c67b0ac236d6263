"""What pages that are written by a program share."""

from __future__ import annotations

import sys
from pathlib import Path


def write(page: Path, text: str, program: str) -> int:
    """Writes a page, or with `--check` says whether it is as it should be; `program` writes it. The exit code."""
    if sys.argv[1:] != ["--check"]:
        page.write_text(text)
        return 0
    if page.exists() and page.read_text() == text:
        return 0
    print(f"docs/{page.name} is stale: run {program}, or make fix", file=sys.stderr)
    return 1
