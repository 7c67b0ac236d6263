"""benchmarks/locust as it is run: locust in a process of its own, because it replaces the sockets of its process."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.harness import policies
from tests.harness.fixtures import Launch
from tests.harness.gateway import ROOT, clean
from tests.harness.policies import CALLER_KEY
from tests.harness.provider import Provider

RUN_S = 30 if os.environ.get("CI") == "true" else 5
CALLS = {"chat: first turn", "chat: later turn", "tools: step", "mixed: stream", "mixed: whole", "burst: sub-call"}
Row = dict[str, str]


@dataclass(frozen=True)
class Run:
    """What a run of locust left."""

    code: int
    printed: str
    folder: Path

    def rows(self, kind: str) -> dict[str, Row]:
        """The rows of a type, by name, with calls or values in them."""
        return {row["Name"]: row for row in self.table("stats") if row["Type"] == kind and row["Request Count"] != "0"}

    def table(self, name: str) -> list[Row]:
        """One of the tables that it writes."""
        with (self.folder / f"agents_{name}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def locust(folder: Path, host: str, *options: str) -> Run:
    """Runs the agents without a page; calls that are open at the end may end."""
    files = ("--html", str(folder / "report.html"), "--csv", str(folder / "agents"), "--csv-full-history")
    fixed = ("--headless", "--only-summary", "--stop-timeout", "10s", "--host", host, *files)
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "benchmarks/locust/agents.py", *fixed, *options],
        cwd=ROOT,
        env=clean({"OPENAI_API_KEY": CALLER_KEY}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=RUN_S + 60,
    )
    return Run(done.returncode, done.stdout, folder)


class Start(Protocol):
    """Starts a simulated provider that is stopped at the end."""

    def __call__(self, **options: Any) -> Provider:  # noqa: ANN401 - see `sim::Options`
        """What it is told."""


@pytest.fixture
def start() -> Iterator[Start]:
    """Providers for one test."""
    started: list[Provider] = []

    def begin(**options: Any) -> Provider:  # noqa: ANN401 - see `sim::Options`
        started.append(Provider.start(**options))
        return started[-1]

    yield begin
    for provider in started:
        provider.stop()


@pytest.mark.timeout(RUN_S + 90)
def test_agents_work_through_a_gateway_and_leave_their_statistics(launch: Launch, start: Start, tmp_path: Path) -> None:
    provider = start(ttft_ms={"fixed": 5}, gap_ms={"fixed": 1})
    policy = policies.small(provider.url, keys=[{"name": "agents", "secret": "${env:CALLER_KEY}"}])
    policy["deployments"]["tools"] = {"provider": "house", "model": "tools"}
    policy["aliases"]["tools"] = policies.alias("tools")
    users = ("--users", "20", "--spawn-rate", "20", "--think", "0.2")
    run = locust(tmp_path, launch(policy).base_url, *users, "--run-time", f"{RUN_S}s")
    assert run.code == 0, run.printed
    assert run.table("failures") == []
    assert run.rows("POST").keys() >= CALLS
    assert run.rows("tokens").keys() >= CALLS
    assert run.rows("ttft").keys() == run.rows("tpot").keys() >= CALLS - {"mixed: whole"}
    assert all(float(row["Min Response Time"]) >= 5 for row in run.rows("ttft").values())
    assert all(float(row["Min Response Time"]) >= 1 for row in run.rows("tokens").values())
    calls = sum(int(row["Request Count"]) for row in run.rows("POST").values())
    [total] = [row for row in run.table("stats") if row["Name"] == "Aggregated"]
    assert int(total["Request Count"]) == calls, "the other rows are no calls"
    assert "ttft" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_streams_that_are_cut_are_failures(start: Start, tmp_path: Path) -> None:
    rules = [
        {"match": {"model": "chat", "every": 4}, "fault": "cut;at=600"},
        {"match": {"model": "chat", "every": 3}, "fault": "no-terminator"},
        {"match": {"model": "tools", "every": 3}, "fault": "error-event;at=middle"},
    ]
    provider = start(scenario=rules)
    run = locust(tmp_path, provider.url, "--users", "10", "--spawn-rate", "10", "--run-time", "3s", "--think", "0.1")
    assert run.code == 1
    failed = {row["Error"] for row in run.table("failures")}
    assert failed >= {f"WrongAnswer('{why}')" for why in ("no [DONE]", "an error inside the answer: server_error")}
    assert any(why.startswith("WrongAnswer('cut: ") for why in failed), failed
    failures = sum(int(row["Failure Count"]) for row in run.rows("POST").values())
    good = {kind: sum(int(row["Request Count"]) for row in run.rows(kind).values()) for kind in ("POST", "tokens")}
    assert good["tokens"] == good["POST"] - failures, "what failed has no statistics beside its call"


def test_a_shape_goes_from_the_pilot_to_ten_times_its_users(start: Start, tmp_path: Path) -> None:
    provider = start()
    run = locust(tmp_path, provider.url, "--shape", "tenfold", "--users", "2", "--run-time", "8s", "--think", "0.2")
    assert run.code == 0, run.printed
    users = [int(row["User Count"]) for row in run.table("stats_history") if row["Name"] == "Aggregated"]
    assert users[1] == 2
    assert max(users) == 20


def test_the_key_is_shown_to_the_host_and_stands_nowhere_else(start: Start, tmp_path: Path) -> None:
    provider = start(credential=CALLER_KEY, scenario=[{"match": {"every": 5}, "fault": "status;code=429"}])
    run = locust(tmp_path, provider.url, "--users", "5", "--spawn-rate", "5", "--run-time", "2s", "--think", "0.1")
    assert {row["Error"] for row in run.table("failures")} == {"WrongAnswer('HTTP 429: rate_limit_exceeded')"}
    written = [run.printed, *(path.read_text(encoding="utf-8") for path in tmp_path.glob("*.*"))]
    assert not any(CALLER_KEY in text for text in written)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--shape", "tenfolt"], "invalid choice: 'tenfolt' (choose from"),
        (["--think", "0"], "argument --think: 0 is not above 0"),
        (["--modle", "chat"], "Did you mean '--model'?"),
    ],
)
def test_an_option_that_is_wrong_is_said_before_the_first_call(tmp_path: Path, option: list[str], said: str) -> None:
    run = locust(tmp_path, "http://127.0.0.1:1", *option)
    assert run.code == 2
    assert said in run.printed
