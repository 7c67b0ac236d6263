"""A comparison from beginning to end."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from headgate.bench import machine
from headgate.bench.compare import cells as known
from headgate.bench.compare import count, footprint, pairs, slope, strace, verdicts
from headgate.bench.compare.document import Absent, Comparison
from headgate.bench.compare.find import Peer, find
from headgate.bench.compare.live import Stage
from headgate.bench.compare.loader import Loader
from headgate.bench.compare.options import ROOT
from headgate.bench.compare.process import Cores, Processes
from headgate.bench.compare.providers import Providers
from headgate.bench.compare.rounds import Rounds
from headgate.bench.compare.window import Meter
from headgate.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headgate.bench.compare.document import Cell, Memory, Start, SystemCalls, Window
    from headgate.bench.compare.options import CompareOptions

DESCRIPTORS = 8192  # 1,000 streams are 2,000 of a gateway's, and nginx wants to know that it may have more
FULL_CORE = 0.95
EXTRA_LOAD_S = 3.0


@dataclass
class _Found:
    """What there is so far: a run that is interrupted is reported with this."""

    peers: list[Peer] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    system_calls: list[SystemCalls] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


def compare(options: CompareOptions) -> Comparison:
    """Measures, and returns what was measured, also after Ctrl-C.

    Raises `UsageError` for unknown targets and cells, `PolicyError` for a bad manifest, `StartError` when the machine
    cannot carry it (fewer than two cores, too few descriptors, no simulated provider).
    """
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    cells = known.select(options.cells)
    cores = Cores.of_this_machine()
    affinity = os.sched_getaffinity(0)
    _enough_descriptors()
    # Before anything runs: what is measured was built from what is here now.
    found = _Found(versions=machine.versions() | _more_versions())
    _look(options, found)
    try:
        os.sched_setaffinity(0, {cores.other})
        with _until_interrupted(found), _windows_file(options, started) as file, _folder() as folder:
            _measure(_Run(options, cells, cores, folder, file, began), found)
    finally:
        os.sched_setaffinity(0, affinity)
    return _comparison(options, cells, found, (started, time.monotonic() - began))


@dataclass(frozen=True)
class _Run:
    options: CompareOptions
    cells: Sequence[Cell]
    cores: Cores
    folder: Path
    file: TextIO | None
    began: float


def _look(options: CompareOptions, found: _Found) -> None:
    for name in dict.fromkeys([*options.targets, *options.programs]):  # who gives a program wants it measured
        peer = find(name, options)
        if isinstance(peer, Peer):
            found.peers.append(peer)
        else:
            found.absent.append(peer)
            options.say(f"{peer.name} is absent: {peer.reason}")


def _measure(run: _Run, found: _Found) -> None:
    options = run.options

    def keep(window: Window) -> None:
        found.windows.append(window)
        if run.file is not None:
            run.file.write(json.dumps(dataclasses.asdict(window)) + "\n")
            run.file.flush()

    processes = Processes(run.cores)
    try:
        stage = Stage(processes, Providers(processes, run.folder), run.folder)
        loader = Loader(processes, run.folder)
        rounds = Rounds(stage, Meter(loader, run.cores, run.began), options, keep, found.notes)
        try:
            rounds.run(found.peers, run.cells)
        finally:
            _sort_out(rounds, found)
        counter = strace.Counter(stage, loader, EXTRA_LOAD_S, found.notes)
        if "system calls" in options.extras:
            _count_system_calls(counter, options, found)
        prints = footprint.Footprints(stage, loader, EXTRA_LOAD_S, found.notes)
        for peer in found.peers if options.extras & {"memory", "starts"} else ():
            options.say(f"footprint of {peer.name}")
            memory, starts = footprint.measured(prints, [peer], options.extras)
            found.memory += memory
            found.starts += starts
    finally:
        with _deaf():
            processes.close()


def _count_system_calls(counter: strace.Counter, options: CompareOptions, found: _Found) -> None:
    missing = strace.absent()
    if missing is not None:
        found.notes.append(missing)
        return
    for peer in found.peers:
        options.say(f"system calls of {peer.name}")
        found.system_calls += counter.count(peer)


def _sort_out(rounds: Rounds, found: _Found) -> None:
    """Targets that answered right nowhere are absent; those that did so somewhere have a note for the rest."""
    for peer in list(found.peers):
        reasons = rounds.unfit.get(peer.name, {})
        if reasons and peer.name not in rounds.fit:
            found.peers.remove(peer)
            first = next(iter(reasons.values()))
            found.absent.append(Absent(peer.name, f"{first}; {peer.manifest.install.how}"))
            continue
        found.notes += [f"{peer.name} is not measured with {scene}: {reason}" for scene, reason in reasons.items()]


def _comparison(options: CompareOptions, cells: Sequence[Cell], found: _Found, when: tuple[str, float]) -> Comparison:
    windows = count.judged(found.windows)
    rows = count.rows(windows)
    roles = {peer.name: peer.manifest.role for peer in found.peers}
    everything = pairs.Field(cells, windows, roles, options.seed)
    ratios, differences = pairs.ratios(everything), pairs.differences(everything)
    slopes = slope.slopes(cells, rows)
    seen = verdicts.Findings(cells, roles, ratios, differences, slopes, found.system_calls, found.memory, found.starts)
    return Comparison(
        command=options.command,
        started=when[0],
        took_s=when[1],
        seed=options.seed,
        machine=machine.machine(),
        versions=found.versions,
        seconds=options.seconds,
        rounds=options.windows,
        cells=list(cells),
        targets=[peer.target() for peer in found.peers],
        absent=found.absent,
        windows=windows,
        rows=rows,
        ratios=ratios,
        differences=differences,
        slopes=slopes,
        system_calls=found.system_calls,
        memory=found.memory,
        starts=found.starts,
        verdicts=verdicts.verdicts(seen),
        notes=[*found.notes, *_busy_note(windows)],
    )


def _busy_note(windows: Sequence[Window]) -> list[str]:
    full = sum(window.other_core_busy > FULL_CORE for window in windows if count.is_clean(window))
    if not full:
        return []
    text = f"In {full} windows the core of load and provider was busy above {FULL_CORE:.0%}"
    return [f"{text}: there, calls per second are a lower bound, and CPU per call is the figure."]


def _more_versions() -> dict[str, str]:
    commands = {"rustc": ["rustc", "--version"], "commit": ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]}
    found = {}
    for name, command in commands.items():
        with suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
            if done.returncode == 0:
                found[name] = done.stdout.partition("\n")[0].strip()
    return found


def _enough_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(max(soft, DESCRIPTORS), hard) if hard != resource.RLIM_INFINITY else max(soft, DESCRIPTORS)
    if wanted < DESCRIPTORS:
        text = f"too few descriptors: {hard} may be open, {DESCRIPTORS} are needed; `ulimit -n {DESCRIPTORS}` as root"
        raise StartError(1, text)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _until_interrupted(found: _Found) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the measuring, not the report."""

    def interrupt(number: int, _: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, interrupt) if is_main else None
    try:
        yield
    except KeyboardInterrupt:
        found.notes.append("The run was interrupted: what is here is what was measured until then.")
    except StartError as error:
        if not found.windows:
            raise
        found.notes.append(f"The run ended early: {error}")
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _deaf() -> Iterator[None]:
    """A second Ctrl-C, while processes are ended, would leave some of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _windows_file(options: CompareOptions, started: str) -> Iterator[TextIO | None]:
    """Windows of several runs may stand in one file: a line that says when a run started comes before each."""
    if options.output is None:
        yield None
        return
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.with_name(f"{options.output.name}.windows.jsonl").open("a") as file:
        file.write(json.dumps({"started": started, "command": options.command}) + "\n")
        yield file


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for configurations and logs, which are kept by nobody."""
    folder = Path(tempfile.mkdtemp(prefix="headgate-compare-"))
    folder.chmod(0o755)  # a peer may give up its rights
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
