"""What limits and budgets know survives the end of a process, a killed one too: to the last nano-dollar."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_budgets import MILLI, billed, call, poor, standing
from tests.e2e.test_rates import PATH, at_rest
from tests.harness import gateway as processes
from tests.harness import journal
from tests.harness.fixtures import Launch, run
from tests.harness.gateway import Gateway, Policy
from tests.harness.metrics import Metrics
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat

BUDGET = "agent.usd_per_day"
PROGRAMS = pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])


def kept(provider: Provider, folder: Path, *budgets: dict[str, Any], **sections: Any) -> Policy:  # noqa: ANN401 - see `small`
    """A policy with budgets and a journal."""
    settings = {"dir": str(folder / "journal"), "segment": "64KiB"} | sections.pop("journal", {})
    return poor(provider, *budgets, journal=settings, **sections)


def per_agent(usd: float, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a budget takes
    return {"per": "agent", "usd": usd, "window": "day", **more}


def begin(gateway: Gateway, provider: Provider, calls: int, headers: dict[str, str] | None = None) -> None:
    """Calls that the provider has got and never answers."""
    before = provider.bill()["open"]
    for _ in range(calls):
        said = {"x-agent-id": "a1", "x-sim-fault": "never-head", **(headers or {})}
        gateway.begin("POST", PATH, chat(max_tokens=20), said)
    until(lambda: provider.bill()["open"] == before + calls, "the provider has the calls")


def kill(gateway: Gateway) -> None:
    gateway.send(signal.SIGKILL)
    gateway.wait()


def entries(folder: Path, kind: str) -> Iterator[journal.Entry]:
    return (entry for entry in journal.read(folder / "journal") if entry["kind"] == kind)


def spent(folder: Path) -> int:
    """What stands in the journal, in nano-dollars."""
    return sum(entry["nano_usd"] or 0 for entry in entries(folder, "settled"))


def killed_in_the_middle(launch: Launch, provider: Provider, folder: Path, *, daemon: bool) -> tuple[int, int]:
    """A gateway that is killed while two calls of five are under way.

    Returns what the three cost, and what was reserved for each of the two, in nano-dollars.
    """
    gateway = launch(kept(provider, folder, per_agent(100)), daemon=daemon)
    assert [call(gateway, max_tokens=20).status for _ in range(3)] == [200] * 3
    at_rest(gateway)
    begin(gateway, provider, 2)
    assert standing(gateway, BUDGET, "a1")["reserved"] > 0
    kill(gateway)
    settled = {entry["call"] for entry in entries(folder, "settled")}
    reserved = [entry["reserved_nano_usd"] for entry in entries(folder, "sent") if entry["call"] not in settled]
    assert len(reserved) == 2
    assert reserved[0] == reserved[1] > 0
    assert spent(folder) == billed(provider) > 0
    return spent(folder), reserved[0]


@PROGRAMS
def test_what_is_left_after_a_kill_is_the_budget_less_what_was_settled_and_reserved(
    launch: Launch, bill: Provider, tmp_path: Path, *, daemon: bool
) -> None:
    settled, reserved = killed_in_the_middle(launch, bill, tmp_path, daemon=daemon)
    used = settled + 2 * reserved
    # A thousandth of a dollar less than a call needs; then exactly that.
    for left, status in ((reserved - MILLI, 429), (reserved, 200)):
        gateway = launch(kept(bill, tmp_path, per_agent((used + left) / 1e9)), daemon=daemon)
        account = standing(gateway, BUDGET, "a1")
        assert (account["used"], account["reserved"]) == (used, 0)
        assert call(gateway, max_tokens=20).status == status
        at_rest(gateway)
        kill(gateway)
    assert spent(tmp_path) == used + billed(bill) - settled, "and each killed call is settled once"
    assert [entry["basis"] for entry in entries(tmp_path, "settled")].count("reserved") == 2
    assert [entry["outcome"] for entry in entries(tmp_path, "closed")].count("lost") == 2


@PROGRAMS
def test_what_was_recovered_is_told(launch: Launch, bill: Provider, tmp_path: Path, *, daemon: bool) -> None:
    killed_in_the_middle(launch, bill, tmp_path, daemon=daemon)
    gateway = launch(kept(bill, tmp_path, per_agent(100)), daemon=daemon)
    (line,) = gateway.wait_for("journal_recovered")
    assert (line["calls"], line["attempts"], line["written"]) == (2, 2, True)
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_journal_recovered_total", what="attempts") == 2
    assert metrics.sum("headgate_journal_uncounted_bytes") == 0
    kill(gateway)
    verified = json.loads(run("journal", "verify", "--json", str(tmp_path / "journal")).stdout)
    assert (verified["open_calls"], verified["open_attempts"], verified["is_damaged"]) == (0, 0, False)


def test_a_rate_by_the_day_goes_on_where_it_was(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    policy = kept(bill, tmp_path, limits=[{"per": "user", "requests_per_day": 5}, {"per": "task", "tokens": 60}])
    gateway = launch(policy)
    who = {"x-user-id": "ann", "x-task-id": "t1"}
    for _ in range(2):
        assert gateway.ask("POST", PATH, chat(max_tokens=4), who).status == 200
    begin(gateway, bill, 1, {"x-user-id": "ann"})
    at = [standing(gateway, "task.tokens", "t1")]
    for end in (kill, stop):
        end(gateway)
        gateway = launch(policy)
        at.append(standing(gateway, "task.tokens", "t1"))
    assert at[0]["used"] == at[1]["used"] == at[2]["used"] > 0
    user = {"x-user-id": "ann"}
    left = [gateway.ask("POST", PATH, chat(), user) for _ in range(4)]
    assert [answer.status for answer in left] == [200, 200, 429, 429], (
        "two calls and the one that was cut have used three"
    )
    assert left[0].header("x-ratelimit-remaining-requests") == "1"


def stop(gateway: Gateway) -> None:
    gateway.send(signal.SIGTERM)
    assert gateway.wait() == 0


@pytest.mark.timeout(120)
def test_nothing_is_forgotten_when_the_files_are_gone_that_it_stood_in(
    launch: Launch, bill: Provider, tmp_path: Path
) -> None:
    small_files = {"segment": "256KiB", "keep_for": "1s", "keep_size": "4MiB"}
    policy = kept(bill, tmp_path, {"usd": 5_000, "window": "day"}, journal=small_files, log={"calls": "off"})
    gateway = launch(policy)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: call(gateway, max_tokens=1).status, range(2_000))) == {200}
    at_rest(gateway)
    totals = bill.bill()["totals"]  # the calls themselves are told of the last thousand
    used = totals["prompt_tokens"] * MILLI + totals["completion_tokens"] * 2 * MILLI
    assert standing(gateway, "usd_per_day", "")["used"] == used
    until(lambda: "0:" in read(tmp_path, "accounts.read"), "a checkpoint is made while it serves", 30)
    kill(gateway)
    for _ in range(2):
        gateway = launch(policy)
        assert standing(gateway, "usd_per_day", "")["used"] == used
        until(lambda: len(list((tmp_path / "journal").glob("*.hgj"))) <= 6, "old files go at the start", 30)
        assert Metrics.of(gateway).sum("headgate_journal_removed_unread_total") == 0
        kill(gateway)
    assert spent(tmp_path) < used, "so the journal alone would not know"


def read(folder: Path, name: str) -> str:
    path = folder / "journal" / name
    return path.read_text(encoding="ascii") if path.exists() else ""


def test_a_budget_that_comes_later_counts_from_then_on(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    month = {"usd": 500, "window": "month"}
    gateway = launch(kept(bill, tmp_path, per_agent(100)))
    assert call(gateway).status == 200
    at_rest(gateway)
    first = billed(bill)
    kill(gateway)
    # With a start,
    gateway = launch(kept(bill, tmp_path, per_agent(100), month))
    assert (standing(gateway, BUDGET, "a1")["used"], standing(gateway, "usd_per_month", "")["used"]) == (first, 0)
    assert call(gateway).status == 200
    at_rest(gateway)
    second = billed(bill)
    # and with a reload.
    policy = kept(bill, tmp_path, per_agent(100), month, {"per": "user", "usd": 7, "window": "week"})
    processes.write(policy, gateway.log.with_name("policy.yaml"))
    gateway.send(signal.SIGHUP)
    gateway.wait_for("reloaded")
    assert gateway.ask("POST", PATH, chat(), {"x-agent-id": "a1", "x-user-id": "ann"}).status == 200
    at_rest(gateway)
    for end in (kill, stop):
        end(gateway)
        gateway = launch(policy)
        assert standing(gateway, BUDGET, "a1")["used"] == billed(bill)
        assert standing(gateway, "usd_per_month", "")["used"] == billed(bill) - first
        assert standing(gateway, "user.usd_per_week", "ann")["used"] == billed(bill) - second


def test_the_ledger_says_the_same(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    policy = kept(bill, tmp_path, per_agent(100), ledger=ledger, pepper="${env:PROVIDER_KEY}")
    gateway = launch(policy)
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda _: call(gateway, max_tokens=20).status, range(20))) == {200}
    begin(gateway, bill, 3)
    kill(gateway)
    gateway = launch(policy)

    def total() -> dict[str, Any]:
        asked = run("usage", "--by", "agent", "--json", "--ledger", ledger)
        assert asked.returncode == 0, asked.stderr
        told: dict[str, Any] = json.loads(asked.stdout)["total"]
        return told

    until(lambda: (now := total())["attempts"] == 23 and now["unsettled"] == 0, "the ledger has all of it", 30)
    found = total()
    assert found["nano_usd"] == standing(gateway, BUDGET, "a1")["used"] == spent(tmp_path)
    assert (found["reserved"], found["errors"], found["unsettled"]) == (3, 3, 0)
    assert found["nano_usd"] - found["reserved_nano_usd"] == billed(bill)
    said = run("usage", "--by", "agent", "--ledger", ledger).stdout
    assert "reserved: 3 attempts were cut off when the gateway was killed" in said


def test_a_checkpoint_that_cannot_be_read_is_told_and_the_journal_is_counted(
    launch: Launch, bill: Provider, tmp_path: Path
) -> None:
    gateway = launch(kept(bill, tmp_path, per_agent(100)))
    assert call(gateway).status == 200
    at_rest(gateway)
    stop(gateway)
    (tmp_path / "journal" / "accounts.json").write_text('{"version": 7}')
    gateway = launch(kept(bill, tmp_path, per_agent(100)))
    (line,) = gateway.wait_for("accounts_unreadable")
    assert line["message"].endswith("accounts.json: version 7 where 1 is known")
    assert standing(gateway, BUDGET, "a1")["used"] == billed(bill)
