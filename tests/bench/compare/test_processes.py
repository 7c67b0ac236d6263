"""Processes of a run: what they used is known, and nothing of them is left."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.bench.compare import cpu
from headgate.bench.compare.process import Cores, Launch, Processes
from headgate.errors import StartError

BURN = "import time\nwhile time.thread_time() < 0.2: pass"


@pytest.fixture
def processes() -> Iterator[Processes]:
    affinity = os.sched_getaffinity(0)
    running = Processes(Cores.of_this_machine())
    yield running
    running.close()
    os.sched_setaffinity(0, affinity)


def python(code: str, processes: Processes, folder: Path) -> subprocess.Popen[bytes]:
    return processes.start(Launch([sys.executable, "-c", code], processes.cores.gateway, folder / "log"))


def test_a_process_runs_on_the_core_it_was_given(processes: Processes, tmp_path: Path) -> None:
    process = python("import os; print(os.sched_getaffinity(0), flush=True)", processes, tmp_path)
    process.wait(10)
    assert (tmp_path / "log").read_text().strip() == str({processes.cores.gateway})
    assert os.sched_getaffinity(0) == {processes.cores.other}


AFTERWARDS = "\nprint('done', flush=True)\ninput()"
IN_A_CHILD = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"
IN_A_THREAD = f"import threading\nt = threading.Thread(target=exec, args=({BURN!r}, {{}}))\nt.start()\nt.join()"


@pytest.mark.parametrize("code", [IN_A_CHILD, IN_A_THREAD])
def test_cpu_time_of_what_has_ended_is_counted(processes: Processes, tmp_path: Path, code: str) -> None:
    command = [sys.executable, "-c", code + AFTERWARDS]
    process = processes.start(Launch(command, processes.cores.gateway, tmp_path / "log", talks=True))
    assert process.stdout is not None
    assert process.stdout.readline() == b"done\n"
    assert cpu.seconds(process.pid) >= 0.2


def test_a_child_with_a_group_of_its_own_and_deaf_to_a_polite_end_is_ended_too(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.bench.compare.process.PATIENCE_S", 0.2)
    deaf = "import os, signal, time; os.setpgid(0, 0); signal.signal(15, signal.SIG_IGN)"
    deaf += "; print('deaf', flush=True); time.sleep(60)"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {deaf!r}])"
    process = python(code, processes, tmp_path)
    deadline = time.monotonic() + 10
    while "deaf" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(cpu.session(process.pid)) == 2
    processes.end(process)
    assert cpu.session(process.pid) == []


def test_memory_of_a_process_is_told_resident_and_proportional() -> None:
    rss, pss = cpu.memory(os.getpid())
    assert 0 < pss <= rss


def test_one_core_is_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    with pytest.raises(StartError, match="needs two cores"):
        Cores.of_this_machine()


def test_the_second_core_is_no_thread_of_the_first_where_there_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr("headgate.bench.compare.process._threads_beside", lambda _: {0, 1})
    assert Cores.of_this_machine() == Cores(0, 2)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert Cores.of_this_machine() == Cores(0, 1)


def test_a_program_that_does_not_exist_leaves_the_harness_where_it_was(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        processes.start(Launch(["no-such-program"], processes.cores.gateway, tmp_path / "log"))
    assert os.sched_getaffinity(0) == {processes.cores.other}
