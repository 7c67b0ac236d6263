"""What the pages say exists: commands, targets, links, metrics; and the policies that they show are good ones."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from headgate.cli.app import app
from headgate.config import load_text

from .repository import ROOT, pages

PAGES = [pytest.param(page, id=page.name if page.parent == ROOT else f"docs/{page.name}") for page in pages()]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> Iterator[str]:
    """The fenced blocks of a language on a page."""
    return (text for found, text in FENCE.findall(page.read_text()) if found == language)


def make_targets() -> set[str]:
    """The targets that the Makefile declares as commands."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    return set(phony[1].split())


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_is_a_target(page: Path) -> None:
    named = re.findall(r"(?:^|`)make ([a-z -]+)", "\n".join([*blocks(page, "sh"), page.read_text()]), re.MULTILINE)
    assert {target for words in named for target in words.split()} <= make_targets()


@pytest.mark.parametrize("page", PAGES)
def test_every_path_in_backticks_exists(page: Path) -> None:
    named = re.findall(r"`((?:rust|python|docs|tests|benchmarks|config|\.ci)/[\w./-]*)`", page.read_text())
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_policy_that_a_page_shows_is_taken(page: Path, tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams/one.yaml").write_text("deployments: {of-a-team: {provider: openai, model: gpt-5.2}}\n")
    for policy in blocks(page, "yaml"):
        if policy.startswith("version: 1"):
            load_text(policy, str(tmp_path / "policy.yaml"), {"CI_KEY": "x", "OPENAI_API_KEY": "y"})


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"({page.name})" not in index] == ["README.md"]


def test_the_page_on_metrics_names_the_families_that_there_are() -> None:
    sources = [
        "record/src/metrics.rs",
        "record/src/spent.rs",
        "gateway/src/books/metrics.rs",
        "gateway/src/shared.rs",
        "gateway/src/ops/limits.rs",
        "gateway/src/ops/process.rs",
        "gateway/src/ops/targets.rs",
        "gateway/src/probes.rs",
    ]
    code = "".join((ROOT / "rust" / source).read_text().partition("#[cfg(test)]")[0] for source in sources)
    families = set(re.findall(r'"(headgate_\w+)"', code))
    table = [line for line in (ROOT / "docs/metrics.md").read_text().splitlines() if line.startswith("| `")]
    assert {name for line in table for name in re.findall(r"`(headgate_\w+)`", line.split("|")[1])} == families


@pytest.mark.parametrize("page", PAGES)
def test_every_headgate_command_is_understood(page: Path) -> None:
    for line in "\n".join(blocks(page, "sh")).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "headgate" in words:
            arguments = words[words.index("headgate") + 1 :]
            understand(arguments[: arguments.index(">")] if ">" in arguments else arguments)


def understand(arguments: list[str]) -> None:
    """Reads a command line as `headgate` would, without running it; what is not known raises."""
    command: Any = get_command(app)
    name, rest = "headgate", arguments
    while hasattr(command, "commands") and not (command.invoke_without_command and rest[0].startswith("-")):
        name, *rest = rest
        command = command.commands[name]
    command.make_context(name, rest)
