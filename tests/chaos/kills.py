"""Load on a gateway that is killed, again and again; then its journal and the provider's bill are compared.

`python -m tests.chaos.kills --kills 200 --seconds 1.5` runs as long as somebody likes. The simulated provider is in
this process and outlives every gateway; the comparison is a program of its own, `tests.chaos.audit`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness import gateway as processes
from tests.harness.fixtures import compile_plan
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"
FAULTS = (None, None, None, None, "cut;at=200", "status;code=500", "close-before-head", "late-head;ms=20")
SEGMENT = "64KiB"


@dataclass
class Callers:
    """Threads that call, each call with a model of its own: streams and others, with faults, and some that leave."""

    threads: int
    seed: int
    address: str | None = None
    """Where the gateway is; none while there is none."""
    outcomes: Counter[str] = field(default_factory=Counter)
    _numbers: Any = field(default_factory=itertools.count)
    _over: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Starts them."""
        self._running = [threading.Thread(target=self._run, args=(index,)) for index in range(self.threads)]
        for thread in self._running:
            thread.start()

    def stop(self) -> None:
        """Waits until each has ended its last call."""
        self._over.set()
        for thread in self._running:
            thread.join()

    def _run(self, index: int) -> None:
        drawn = random.Random(f"{self.seed}/{index}")
        connection: Connection | None = None
        where: str | None = None
        while not self._over.is_set():
            if connection is not None and where != self.address:
                connection.close()
                connection = None
            if connection is None:
                where = self.address
                connection = self._connect(where)
            if connection is None:
                time.sleep(0.005)
            elif not self._call(connection, drawn):
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _connect(self, address: str | None) -> Connection | None:
        try:
            return Connection(address) if address is not None else None
        except OSError:
            return None

    def _call(self, connection: Connection, drawn: random.Random) -> bool:
        """One call; whether the connection can take another."""
        model = f"house/m-{next(self._numbers):07}"
        stream, fault, leaves = drawn.random() < 0.5, drawn.choice(FAULTS), drawn.random() < 0.05
        body = chat(model, stream=stream)
        if stream and drawn.random() < 0.8:
            body["stream_options"] = {"include_usage": True}
        headers = {} if fault is None else {"x-sim-fault": fault}
        try:
            connection.send(request("POST", PATH, json.dumps(body).encode(), headers))
            if leaves:
                time.sleep(drawn.random() * 0.005)
                self._count("left")
                return False
            answer = connection.answer()
        except (OSError, AssertionError):
            self._count("torn")
            return False
        self._count("answered" if answer.status == 200 and answer.whole else "failed")
        return answer.whole and answer.header("connection") != "close"

    def _count(self, outcome: str) -> None:
        self.outcomes[outcome] += 1  # a count that is off by one changes nothing


@dataclass(frozen=True)
class Job:
    """How often, how long, and how."""

    kills: int
    seconds: float
    """How long a gateway lives, at most; it is killed at a moment that is drawn."""
    daemon: bool
    threads: int = 6
    seed: int = 1


def policy(provider: Provider, directory: Path) -> Policy:
    """Retries, so that a call may have several attempts; small segments, so that kills find them in every state."""
    made = small(provider.url, log={"calls": "off"}, journal={"dir": str(directory), "segment": SEGMENT})
    made["resilience"] = {"retry": {"base": "1ms", "throttled_base": "1ms", "budget_floor": 1000}}
    return made


def run(job: Job, folder: Path) -> tuple[Path, Path, Counter[str]]:
    """Runs a job; the bill, the journal, and what callers saw."""
    bill, directory = folder / "bill.jsonl", folder / "journal"
    provider = Provider.start(bill_file=str(bill))
    path = processes.write(policy(provider, directory), folder / "policy.yaml")
    command = [*processes.headgate(), "serve", str(path)]
    if job.daemon:
        command = [processes.headgated(), str(compile_plan(path, ENVIRONMENT))]
    callers, drawn = Callers(job.threads, job.seed), random.Random(job.seed)
    callers.start()
    gateway: Gateway | None = None
    try:
        for _ in range(job.kills):
            gateway = processes.start(command, folder / "log", ENVIRONMENT)
            callers.address = gateway.data
            time.sleep(drawn.random() * job.seconds)
            gateway.process.kill()
            gateway.process.wait()
            callers.address = None
    finally:
        callers.stop()
        if gateway is not None:
            gateway.stop()
    provider.wait(lambda page: page["open"] == 0, "the provider has seen the end of every call")
    provider.stop()
    return bill, directory, callers.outcomes


def audit(bill: Path, directory: Path) -> tuple[int, dict[str, Any]]:
    """What the checker says, a process of its own: its exit code, and its report."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.audit", str(bill), str(directory)],
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 when something was lost, counted twice, or differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.5, help="how long a gateway lives, at most")
    parser.add_argument("--threads", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--daemon", action="store_true", help="headgated, not headgate serve")
    job = Job(**vars(parser.parse_args(arguments)))
    with tempfile.TemporaryDirectory() as folder:
        bill, directory, outcomes = run(job, Path(folder))
        code, report = audit(bill, directory)
    print(json.dumps({"job": vars(job), "callers": outcomes, **report}, indent=1))
    return code


if __name__ == "__main__":
    sys.exit(main())
