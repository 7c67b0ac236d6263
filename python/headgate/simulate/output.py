"""The files of a result: its form by the end of its name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.bench.output import need
from headgate.errors import GatewayError, UsageError

if TYPE_CHECKING:
    from headgate.simulate.asked import Asked
    from headgate.simulate.expect import Judged
    from headgate.simulate.result import Result, World

FORMS = (".json", ".svg", ".png")


def check(paths: Sequence[str], *, seeds: int) -> None:
    """Makes sure, before anything runs, that every file can be written. Raises `UsageError` or `GatewayError`."""
    for path in paths:
        folder = Path(path).parent
        if Path(path).suffix not in FORMS:
            raise UsageError(f"--output {path}: a name ends in .json, .svg or .png")
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise UsageError(f"--output {path}: no file can be written in {folder}")
    if any(Path(path).suffix != ".json" for path in paths):
        need("matplotlib", what="a drawing")
        if seeds > 1:
            raise UsageError("--output: of several seeds there is no drawing; write NAME.json")


def document(asked: Asked, result: Result, judged: Sequence[tuple[World, Judged]]) -> str:
    """The result as JSON; ends with a newline."""
    told = {
        "format": 1,
        "asked": asdict(asked),
        "worlds": [world.model_dump(mode="json") for world in result.worlds],
        "expectations": [
            {"plan": world.plan, "seed": world.seed, "expectation": one.expectation, "found": one.found, "met": one.met}
            for world, one in judged
        ],
    }
    return json.dumps(told, separators=(",", ":")) + "\n"


def write(paths: Sequence[str], asked: Asked, result: Result, judged: Sequence[tuple[World, Judged]]) -> Iterator[str]:
    """Writes the files; each is named when it stands."""
    for path in paths:
        content = _content(Path(path).suffix, asked, result, judged)
        try:
            Path(path).write_bytes(content)
        except OSError as error:
            raise GatewayError(f"{path} cannot be written: {error.strerror}") from None
        yield path


def _content(form: str, asked: Asked, result: Result, judged: Sequence[tuple[World, Judged]]) -> bytes:
    if form == ".json":
        return document(asked, result, judged).encode()
    from headgate.simulate import plots

    return plots.draw(asked, result.worlds, "svg" if form == ".svg" else "png")
