"""Writing policies to files and reading them back, for the tests beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from headgate import config
from headgate.errors import PolicyError

HEAD = "version: 1\nproviders: {sim: {}}\n"


def write(folder: Path, text: str, name: str = "policy.yaml") -> str:
    """Writes a policy and returns its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return str(path)


def errors(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The errors of a policy, each without the folder; empty when it is good."""
    path = write(folder, text)
    try:
        config.load(path, environ or {})
    except PolicyError as error:
        return [str(problem).removeprefix(f"{folder}/") for problem in error.problems]
    return []


def warnings(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The warnings of a good policy, each without the folder."""
    loaded = config.load(write(folder, text), environ or {})
    return [str(problem).removeprefix(f"{folder}/") for problem in loaded.warnings]


def good(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> config.Policy:
    """The models of a good policy."""
    return config.load(write(folder, text), environ or {}).policy
