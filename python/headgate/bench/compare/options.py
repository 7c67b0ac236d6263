"""What a comparison is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
PEERS = ROOT / "benchmarks" / "peers"
PEERS_HOME = Path.home() / ".cache" / "headgate" / "peers"
TARGETS = ("floor", "nginx", "haproxy", "headgated", "python")
EXTRAS = frozenset({"memory", "starts", "system calls"})


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class CompareOptions:
    """Every choice of one run; what is not given is the headline."""

    targets: tuple[str, ...] = TARGETS  # names of manifests, in the order of the report
    cells: str = "headline"  # or `full`, or names with commas between
    windows: int = 15  # rounds: each measures every target in every cell
    seconds: float = 1.0  # of a window: many short ones pair better than a few long ones on a machine that drifts
    warm_windows: int = 10  # the most windows of a second before it counts, for each target and cell
    seed: int = 1  # of the load's schedules and of the bootstrap
    peers: Path = PEERS  # the folder of the manifests
    peers_home: Path = PEERS_HOME  # where `install` puts peers, a folder for each
    programs: Mapping[str, Path] = field(default_factory=dict)  # target -> its program, instead of the one looked up
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # target -> what its templates are told
    install: bool = False
    extras: frozenset[str] = EXTRAS  # what is measured apart from windows
    output: Path | None = None  # windows are appended to OUTPUT.windows.jsonl as they come
    command: str = ""  # as it stands in the report
    say: Callable[[str], None] = _to_stderr  # hears of progress, a line at a time
