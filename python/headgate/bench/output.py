"""The files of a result: BASE.json first, as the others are made from it and can be made again."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import GatewayError, UsageError

if TYPE_CHECKING:
    from headgate.bench.compare.document import Comparison
    from headgate.bench.run.document import Run

SECRET_OPTIONS = ("--key", "--header")


@dataclass(frozen=True)
class Writer:
    """Writes BASE.json, BASE.md and BASE.html."""

    base: str

    @classmethod
    def of(cls, base: str) -> Writer:
        """Makes sure, before anything is measured, that all files can be written and all libraries are there."""
        need("jinja2", "matplotlib", what="--output writes HTML")
        base = re.sub(r"\.(json|md|html)$", "", base)
        folder = Path(base).parent
        if not folder.is_dir():
            raise UsageError(f"--output {base}: there is no folder {folder}")
        if base.endswith("/") or not os.access(folder, os.W_OK):
            raise UsageError(f"--output {base}: no file can be written there; write FOLDER/NAME")
        return cls(base)

    def write_run(self, run: Run) -> Iterator[Path]:
        """Writes the files of a run, each named when it stands."""
        from headgate.bench import report

        yield from self._write(run.to_json(), lambda: report.run_markdown(run), lambda: report.run_html(run))

    def write_comparison(self, comparison: Comparison) -> Iterator[Path]:
        """Writes the files of a comparison, each named when it stands."""
        from headgate.bench import report

        markdown, html = report.compare_markdown, report.compare_html
        yield from self._write(comparison.to_json(), lambda: markdown(comparison), lambda: html(comparison))

    def _write(self, document: str, markdown: Callable[[], str], html: Callable[[], str]) -> Iterator[Path]:
        yield write(f"{self.base}.json", document + "\n")
        yield write(f"{self.base}.md", markdown())
        yield write(f"{self.base}.html", html())


def write(path: str, text: str) -> Path:
    """Writes a file; raises `GatewayError` where it cannot be."""
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror}") from None
    return Path(path)


def need(*modules: str, what: str) -> None:
    """Raises `GatewayError`, with how to install them, when libraries of the extra `bench` are missing."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise GatewayError(f"{what}, which needs {' and '.join(missing)}: pip install 'headgate[bench]'")


def shown_command(arguments: Sequence[str]) -> str:
    """The command line as a report may show it: without keys and without headers' values."""
    shown, hidden = ["headgate"], ""
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if hidden:
            shown.append(_masked(hidden, argument))
        elif equals and option in SECRET_OPTIONS:
            shown.append(f"{option}={_masked(option, value)}")
        else:
            shown.append(argument)
        hidden = argument if not hidden and argument in SECRET_OPTIONS else ""
    return shlex.join(shown)


def _masked(option: str, value: str) -> str:
    name, equals, _ = value.partition("=")
    return f"{name}=***" if option == "--header" and equals else "***"
