"""The gateway in pure Python as a process: the same policy, probes and metrics, and an end without losses.

What clients see of it is tested in tests/clients, by the tests that headgate itself has to pass.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.compile import compile_file
from tests.harness import gateway as processes
from tests.harness import wire
from tests.harness.fixtures import Launch, launcher
from tests.harness.gateway import Gateway
from tests.harness.load import Load
from tests.harness.metrics import Metrics
from tests.harness.policies import ENVIRONMENT, alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"
OURS_ALONE = {
    "headgate_pool_connections",
    "headgate_log_lines_dropped",
    "headgate_attempt_classes",
    "headgate_retries",
    "headgate_breaker_state",
    "headgate_breaker_changes",
    "headgate_probes",
    "headgate_not_hedged",
    "headgate_hedges",
    "headgate_journal_bytes",
    "headgate_journal_entries",
    "headgate_journal_lag_seconds",
    "headgate_journal_recovered",
    "headgate_journal_removed_unread",
    "headgate_journal_segments",
    "headgate_journal_sync_errors",
    "headgate_journal_torn_tails",
    "headgate_journal_uncounted_bytes",
    "headgate_journal_unrecorded",
    "headgate_journal_waiting",
    "headgate_audio_seconds",
    "headgate_bytes_per_token",
    "headgate_charges",
    "headgate_continuations",
    "headgate_retry_budget_level",
    "headgate_spend_usd",
    "headgate_tokens",
    "headgate_unpriced",
    "headgate_usage_unsaid",
    "headgate_concurrency_limit",
    "headgate_buffered_bytes",
    "headgate_coalesced",
    "headgate_resumed",
    "headgate_streams_kept",
    "headgate_kept_bytes",
    "headgate_limit_refusals",
    "headgate_budget_used",
    "headgate_limit_accounts",
    "headgate_limit_others",
    "headgate_reservations_open",
}
"""Families of headgate that the baseline does not have: aiohttp does not tell, no line is dropped, and nothing is tried
again, continued, shared, kept, rested, limited, metered or written down."""


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts baselines for one test."""
    with launcher(tmp_path, "baseline") as start:
        yield start


def open_stream(gateway: Gateway, fault: str) -> Connection:
    """A stream whose first events have come."""
    connection = Connection(gateway.data)
    connection.send(request("POST", PATH, json.dumps(chat(stream=True)).encode(), {"x-sim-fault": fault}))
    connection.read_until(b"data: ")
    return connection


def test_it_serves_the_plan_that_headgate_makes_of_the_policy(
    launch: Launch, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = small(provider.url)
    policy["deployments"]["star"] = {"provider": "house", "model": "{1}-sim"}
    policy["deployments"]["other"] = {"provider": "house", "model": "other-sim"}
    policy["aliases"] |= {"split": alias({"gpt": 3, "other": 1}), "any-*": alias("star")}
    gateway = launch(policy)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    compiled = compile_file(str(gateway.log.with_name("policy.yaml")))
    assert gateway.wait_for("serving")[0]["plan"] == compiled.plan.hash
    assert gateway.ask("POST", PATH, chat("any-big")).json()["model"] == "big-sim"


def test_a_policy_that_is_refused_exits_78_and_an_address_in_use_69(launch: Launch, provider: Provider) -> None:
    first = launch(small(provider.url))
    home = first.log.parent
    for policy, code in [
        (small(provider.url, listen={"data": first.data, "ops": "127.0.0.1:0"}), 69),
        (small(provider.url, nonsense=1), 78),
    ]:
        path = processes.write(policy, home / "other.yaml")
        process = processes.spawn([*processes.baseline(), str(path)], home / "other.log", ENVIRONMENT)
        assert process.wait(processes.START_WITHIN_S) == code
        assert "Traceback" not in (home / "other.log").read_text(encoding="utf-8")


def test_metrics_have_the_families_that_are_documented(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url))
    assert gateway.ask("POST", PATH, chat()).status == 200
    assert gateway.ask("POST", PATH, chat(stream=True)).events[-1] == "[DONE]"
    assert gateway.ask("POST", PATH, chat("nothing")).status == 404
    until(lambda: Metrics.of(gateway).sum("headgate_calls_total", outcome="answered") == 2, "both calls are counted")
    metrics = Metrics.of(gateway)
    page = (processes.ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `headgate_")]
    documented = {name.strip(" `") for row in rows for name in row.split(",")}
    assert documented - metrics.families <= OURS_ALONE
    assert metrics.sum("headgate_refusals_total", reason="model_not_found") == 1
    assert metrics.sum("headgate_time_to_first_token_seconds_count") == 1
    assert metrics.sum("headgate_calls_in_flight") == 0


def test_a_drain_loses_no_call(launch: Launch, bill: Provider) -> None:
    gateway = launch(small(bill.url, drain={"accept_for": "500ms", "grace": "10s"}))
    with open_stream(gateway, "stall;at=3;ms=1000") as stream, Load(gateway.data) as load:
        gateway.send(signal.SIGTERM)
        until(lambda: gateway.probe("/readyz").status == 503, "readiness has failed")
        assert gateway.probe("/livez").status == 200
        assert stream.answer().events[-1] == "[DONE]"
        load.ended()
    assert gateway.wait() == 0
    assert not load.lost
    assert bill.bill()["totals"]["calls"] == load.answered + 1


def test_a_stream_that_outlives_the_grace_ends_as_an_error(launch: Launch, bill: Provider) -> None:
    gateway = launch(small(bill.url, drain={"accept_for": "0s", "grace": "300ms"}))
    with open_stream(gateway, "stall;at=3;ms=0") as stream:
        gateway.send(signal.SIGTERM)
        answer = stream.answer()
    assert json.loads(answer.events[-1])["error"]["code"] == "drain_cut"
    assert "[DONE]" not in answer.events
    assert gateway.wait() == 0
    bill.wait(lambda page: page["totals"]["cancelled"] == 1, "the provider's call was given up")


def test_a_second_signal_ends_it_at_once(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url, drain={"accept_for": "0s", "grace": "60s"}))
    with open_stream(gateway, "stall;at=3;ms=0"):
        gateway.send(signal.SIGTERM)
        gateway.wait_for("draining")
        gateway.send(signal.SIGTERM)
        assert gateway.wait(5) == 143


def test_a_policy_that_is_written_anew_is_in_force_and_a_bad_one_changes_nothing(
    launch: Launch, provider: Provider
) -> None:
    policy = small(provider.url)
    gateway = launch(policy)
    path = gateway.log.with_name("policy.yaml")
    processes.write({**policy, "aliases": {"fresh": alias("gpt")}}, path)
    gateway.wait_for("reloaded")
    assert gateway.ask("POST", PATH, chat("fresh")).status == 200
    path.write_text("nonsense: 1", encoding="utf-8")
    gateway.send(signal.SIGHUP)
    gateway.wait_for("reload_refused")
    assert gateway.ask("POST", PATH, chat("fresh")).status == 200
    assert Metrics.of(gateway).sum("headgate_reload_last_success") == 0


def test_it_serves_sockets_in_the_file_system(launch: Launch, provider: Provider, tmp_path: Path) -> None:
    listen = {name: f"unix:{tmp_path / name}.sock" for name in ("data", "ops")}
    gateway = launch(small(provider.url, listen=listen))
    assert wire.ask(gateway.data, "POST", PATH, chat()).status == 200
    gateway.send(signal.SIGINT)
    assert gateway.wait() == 0
    assert not (tmp_path / "data.sock").exists()
