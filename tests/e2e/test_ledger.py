"""The ledger beside a gateway that serves: what the journal holds stands in it, once, whatever ends the gateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.engine import native
from headgate.ledger.journal import Directory
from tests.harness import gateway as processes
from tests.harness.fixtures import Launch, run
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import CALLER_KEY, alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat
from tests.ledger import reference
from tests.ledger.conftest import server, url

__all__ = ["server", "url"]

PATH = "/v1/chat/completions"
BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
PRICE = {"input_per_million_usd": 2, "output_per_million_usd": 8}


@pytest.fixture
def policy(provider: Provider, url: str, tmp_path: Path, closed_port: int) -> Policy:
    """A policy with a journal, a ledger of either kind, prices, and an alias whose first step is not there."""
    made = small(
        provider.url,
        journal={"dir": str(tmp_path / "journal"), "segment": "64KiB"},
        ledger=url,
        pepper="${env:PROVIDER_KEY}",
        keys=[{"name": "ci", "secret": "${env:CALLER_KEY}"}],
    )
    made["deployments"] = {
        "gpt": {"provider": "house", "model": "gpt-sim", "price": PRICE},
        "gone": {"provider": "dead", "model": "gpt-sim", "price": PRICE},
    }
    made["providers"]["dead"] = {"dialect": "openai", "endpoints": [f"http://127.0.0.1:{closed_port}/v1"]}
    made["aliases"]["safe"] = alias("gone", "gpt")
    return made


@pytest.fixture
def usage(url: str) -> Callable[..., dict[str, Any]]:
    """Asks `headgate usage`; returns its JSON."""

    def asked(*arguments: str) -> dict[str, Any]:
        ended = run("usage", *arguments, "--json", "--ledger", url)
        assert ended.returncode == 0, ended.stderr
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    return asked


def call(gateway: Gateway, number: int) -> None:
    """One call, of three kinds in turn."""
    streamed: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    body = [chat("chat"), chat("chat", **streamed), chat("safe")][number % 3]
    assert gateway.ask("POST", PATH, body, BEARER | {"x-sim-cached-tokens": "2"}).status == 200


def written(folder: Path) -> dict[reference.Place, Any]:
    """What all entries of a journal come to, in plain Python."""
    entries, _ = Directory(str(folder), native.open_journal(str(folder))).read("", 1_000_000)
    return reference.sums(entries)


def of_days(found: dict[reference.Place, Any], name: str) -> int:
    """One figure over all days."""
    return sum(counts[name] for (grain, _, _), counts in found.items() if grain == "day")


def test_what_the_provider_bills_stands_in_the_ledger(
    launch: Launch, bill: Provider, policy: Policy, usage: Callable[..., dict[str, Any]]
) -> None:
    gateway = launch(policy)
    for number in range(9):
        call(gateway, number)
    until(lambda: usage("--by", "key")["total"]["calls"] == 9, "the ledger has all calls")
    totals = bill.bill()["totals"]
    total = usage("--by", "key,alias")["total"]
    assert (total["input"], total["output"]) == (totals["prompt_tokens"], totals["completion_tokens"])
    assert total["cache_read"] == sum(call["cached_tokens"] for call in bill.calls()) == 18
    assert total["nano_usd"] == 2_000 * total["input"] + 8_000 * total["output"]
    assert (total["attempts"], total["errors"]) == (12, 0)
    by_alias = {line["alias"]: line["calls"] for line in usage("--by", "alias", "--where", "key=ci")["lines"]}
    assert by_alias == {"chat": 6, "safe": 3}


def test_a_drain_folds_what_the_last_calls_left(
    launch: Launch, bill: Provider, policy: Policy, usage: Callable[..., dict[str, Any]]
) -> None:
    gateway = launch(policy)
    for number in range(6):
        call(gateway, number)
    gateway.send(signal.SIGTERM)
    assert gateway.wait() == 0
    assert usage()["total"]["calls"] == 6


def test_a_killed_gateway_loses_nothing_and_the_next_counts_nothing_twice(
    launch: Launch, bill: Provider, policy: Policy, tmp_path: Path, usage: Callable[..., dict[str, Any]]
) -> None:
    for turn in range(3):
        gateway = launch(policy)
        for number in range(7 + turn):
            call(gateway, number)
        gateway.send(signal.SIGKILL)
        gateway.wait()
    gateway = launch(policy)
    gateway.send(signal.SIGTERM)
    assert gateway.wait() == 0
    found = written(tmp_path / "journal")
    total = usage()["total"]
    assert total["calls"] == 24
    for name in ("calls", "attempts", "input", "output", "nano_usd", "unsettled"):
        assert total[name] == of_days(found, name), name


def test_a_call_is_found_by_the_id_that_its_caller_has(
    launch: Launch, bill: Provider, policy: Policy, url: str
) -> None:
    gateway = launch(policy)
    answer = gateway.ask("POST", PATH, chat("safe"), BEARER)
    name = answer.header("headgate-request-id") or ""
    until(lambda: run("usage", "call", name, "--ledger", url).returncode == 0, "the call is in the ledger")
    told = json.loads(run("usage", "call", name, "--json", "--ledger", url).stdout)
    assert [each["sent"]["deployment"] for each in told["attempts"]] == ["gone", "gpt"]
    assert [each["settled"]["became"] for each in told["attempts"]] == ["unavailable", "good"]
    assert told["closed"]["outcome"] == "answered"


def test_tail_shows_a_call_when_it_ends(launch: Launch, bill: Provider, policy: Policy) -> None:
    gateway = launch(policy)
    command = [*processes.headgate(), "tail", "--json", "--alias", "safe", "--policy"]
    command.append(str(gateway.log.with_name("policy.yaml")))
    environment = processes.clean({**os.environ, "PROVIDER_KEY": "x", "PYTHONUNBUFFERED": "1"})
    until(lambda: list((gateway.log.parent.parent / "journal").iterdir()), "the journal is there")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            seen: list[str] = []

            def shown() -> bool:
                call(gateway, 0)
                call(gateway, 2)
                return process.poll() is not None or bool(seen)

            reader = threading.Thread(target=lambda: seen.append(process.stdout.readline() if process.stdout else ""))
            reader.start()
            until(shown, "a call is shown", 20)
            reader.join(5)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
    told = json.loads(seen[0])
    assert told["opened"]["alias"] == "safe"
    assert told["closed"]["outcome"] == "answered"
