"""A job: calls, and gateways below them that are killed, one after the other, on one journal and one ledger."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests.chaos.proof.kinds import draw
from tests.chaos.proof.load import CALLERS, Callers
from tests.chaos.proof.policy import ENVIRONMENT, POOR_AGENTS, policy
from tests.chaos.proof.prices import PRICES
from tests.harness import gateway as processes
from tests.harness import ports
from tests.harness.fixtures import compile_plan
from tests.harness.gateway import Gateway
from tests.harness.provider import Provider

FOLDS_WITHIN_S: Final = 3_600.0
_CALM_FOR_S: Final = 2.0
_LOOK_EVERY_S: Final = 0.002
_STUCK_AFTER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """How much, and how."""

    calls: int = 100_000
    kills: int = 20
    seed: int = 1
    daemon: bool = False
    """`headgated` serves, and `headgate serve` once at the end, to fold what is left; else all are `headgate serve`."""


@dataclass(slots=True)
class Ran:
    """What a job came to."""

    outcomes: Counter[str]
    kills_ns: list[int]
    took_s: float
    """Until the last call had ended."""
    folded_s: float
    """From there until all stood in the ledger."""


def run(job: Job, folder: Path) -> Ran:
    """Runs a job and leaves the evidence in a folder."""
    bill = folder / "bill.jsonl"
    house = Provider.start(
        bill_file=str(bill),
        seed=job.seed,
        threads=1,
        scenario=[{"match": {"model": "late-sim", "share": 0.3}, "ttft_ms": {"fixed": 60}}],
    )
    money = budgets(job.calls)
    with ExitStack() as stack:
        stack.callback(house.stop)
        dead = f"http://127.0.0.1:{ports.closed(stack)}/v1"
        path = processes.write(policy(house.url, dead, folder, money), folder / "policy.yaml")
        ran = asyncio.run(_Play(job, path).play())
        house.wait(lambda page: page["open"] == 0, "the provider has seen the end of every call")
    document = {"job": asdict(job), "callers": CALLERS, "prices": PRICES, "budgets": rules(money)}
    document |= {"kills_ns": ran.kills_ns, "took_s": ran.took_s, "folded_s": ran.folded_s, "outcomes": ran.outcomes}
    (folder / "job.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return ran


def audit(folder: Path) -> tuple[int, dict[str, Any]]:
    """What the checker says, a process of its own: its exit code, and its report."""
    command = [sys.executable, "-m", "tests.chaos.proof.check", str(folder)]
    done = subprocess.run(command, cwd=processes.ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    assert done.returncode in (0, 1), done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, report


def budgets(calls: int) -> dict[str, int]:
    """Nano-dollars of each, such that agents run out of them about half way, and their team a little later."""
    poor = calls * 0.05 / POOR_AGENTS * 150_000 / 2
    retry = calls * 0.02 / POOR_AGENTS * 150_000 / 2
    money = {f"poor-{number}": poor for number in range(POOR_AGENTS)}
    money |= {f"retry-{number}": retry for number in range(POOR_AGENTS)}
    money["paupers"] = 0.9 * sum(money.values())
    return {of: round(nano_usd, -3) for of, nano_usd in ((of, int(amount)) for of, amount in money.items())}


def rules(money: dict[str, int]) -> list[dict[str, Any]]:
    """What the checker has to hold budgets to: whose calls count, and by how much they may cost more.

    Their callers bound their answers. So the budget of calls with one try each holds but for what estimates miss of
    answers that were cut or could not be read; where a call whose answer was cut is tried again, each try costs
    (docs/limits.md).
    """
    agents = [of for of in money if of != "paupers"]
    found: list[dict[str, Any]] = [{"name": of, "agents": [of], "nano_usd": money[of]} for of in agents]
    found.append({"name": "paupers", "agents": agents, "nano_usd": money["paupers"]})
    for rule in found:
        rule["retries_may_exceed"] = not rule["name"].startswith("poor")
    return found


class _Play:
    """The course of a job."""

    def __init__(self, job: Job, policy_file: Path) -> None:
        self._job = job
        self._folder = policy_file.parent
        serve = [*processes.headgate(), "serve", str(policy_file)]
        self._last = serve
        self._command = serve
        if job.daemon:
            self._command = [processes.headgated(), str(compile_plan(policy_file, ENVIRONMENT))]

    async def play(self) -> Ran:
        """Plays it."""
        drawn = random.Random(f"kills/{self._job.seed}")
        calls = self._job.calls
        at = sorted(drawn.randrange(calls // 50, calls - calls // 50) for _ in range(self._job.kills))
        began = time.monotonic()
        kills_ns: list[int] = []
        with (self._folder / "callers.jsonl").open("w", encoding="utf-8") as file:
            callers = Callers(draw(self._job.seed, calls), file)
            gateway = await self._start(self._command)
            try:
                load = asyncio.create_task(callers.run())
                callers.serve_at(gateway.data)
                for number in at:
                    await self._until_begun(callers, number)
                    await asyncio.sleep(drawn.random() * 0.05)
                    kills_ns.append(time.time_ns())
                    gateway.process.kill()
                    callers.is_gone()
                    gateway.process.wait()
                    gateway = await self._start(self._command)
                    callers.serve_at(gateway.data)
                await load
            finally:
                gateway.stop() if self._job.daemon else None
            took_s = time.monotonic() - began
        if self._job.daemon:
            gateway = await self._start(self._last)
        await asyncio.to_thread(self._fold, gateway)
        return Ran(callers.outcomes, kills_ns, took_s, time.monotonic() - began - took_s)

    async def _start(self, command: list[str]) -> Gateway:
        return await asyncio.to_thread(processes.start, command, self._folder / "log", ENVIRONMENT)

    async def _until_begun(self, callers: Callers, number: int) -> None:
        last, since = -1, time.monotonic()
        while callers.begun < number:
            if callers.begun != last:
                last, since = callers.begun, time.monotonic()
            assert time.monotonic() - since < _STUCK_AFTER_S, f"nothing goes on after {last} calls"
            await asyncio.sleep(_LOOK_EVERY_S)

    def _fold(self, gateway: Gateway) -> None:
        """Lets the ledger come to the end of the journal; a drain waits for what is left of it, but not for long."""
        while True:
            _until_calm(self._folder / "ledger.db")
            gateway.process.terminate()
            code = gateway.process.wait(FOLDS_WITHIN_S)
            assert code == 0, f"{code}: {gateway.log.read_text()}"
            if not gateway.lines("ledger_not_flushed"):
                return
            gateway = processes.start(self._last, self._folder / "log", ENVIRONMENT)


def _until_calm(ledger: Path) -> None:
    """Waits until nothing more was folded for a while."""
    folded, since, began = None, time.monotonic(), time.monotonic()
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        while time.monotonic() - since < _CALM_FOR_S:
            assert time.monotonic() - began < FOLDS_WITHIN_S, "the ledger does not come to the end of the journal"
            time.sleep(0.1)
            now = database.execute("SELECT folded_ns FROM positions").fetchone()
            if now != folded:
                folded, since = now, time.monotonic()
