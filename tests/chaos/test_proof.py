"""The provider's own bill against the ledger, over kills; and what the checker says when something is planted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.proof.check import money
from tests.chaos.proof.job import Job, audit, run
from tests.chaos.proof.prices import PRICES

KINDS_OF_OUTCOMES = ("answered", "shared", "failed", "refused", "torn", "left")
EXACT = "a.basis = 'provider' AND a.nano_usd > 0 AND (SELECT count(*) FROM attempts WHERE call = a.call) = 1"
"""Attempts that alone are their call's, and of which the provider said what they used."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "job", [Job(calls=100_000, kills=20), Job(calls=10_000, kills=4, daemon=True)], ids=["serve", "headgated"]
)
def test_nothing_is_lost_and_nothing_counts_twice(job: Job, tmp_path: Path) -> None:
    ran = run(job, tmp_path)
    assert len(ran.kills_ns) == job.kills
    assert min(ran.outcomes[kind] for kind in KINDS_OF_OUTCOMES) > 0, ran.outcomes
    code, report = audit(tmp_path)
    assert (code, report["findings"]) == (0, {}), report
    figures = report["figures"]
    assert figures["callers"] == job.calls
    assert figures["exact"] > 0.6 * job.calls
    assert figures["budgets that are nearly spent"] > 0
    assert figures["basis counted"] > 0


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a small job left, in which nothing is wrong."""
    folder = tmp_path_factory.mktemp("proof")
    run(Job(calls=4_000, kills=1, seed=7), folder)
    assert audit(folder)[0] == 0
    return folder


class Planting:
    """A copy of the evidence, to be tampered with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = sqlite3.connect(folder / "ledger.db", isolation_level=None)

    def change(self, table: str, change: str, where: str = EXACT) -> str:
        """Changes one row; says which call that was, by the name that its caller gave it."""
        call, number, name = self.one(where)
        assert self.ledger.execute(
            f"UPDATE {table} SET {change} WHERE call = ? AND number = ?", (call, number)
        ).rowcount
        return name

    def one(self, where: str = EXACT) -> tuple[bytes, int, str]:
        """An attempt: its call, its number, the name of its call."""
        question = "SELECT call, number, json_extract(tags, '$.call') FROM attempts AS a JOIN calls USING (call)"
        call, number, name = self.ledger.execute(f"{question} WHERE {where} ORDER BY call LIMIT 1").fetchone()
        return bytes(call), number, name

    def lines(self, file: str, change: Callable[[list[dict[str, Any]]], str]) -> str:
        """Changes the lines of a file."""
        path = self.folder / file
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        name = change(lines)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return name


def a_row_is_lost(planting: Planting) -> str:
    call, number, name = planting.one()
    planting.ledger.execute("DELETE FROM attempts WHERE call = ? AND number = ?", (call, number))
    return name


def a_row_is_there_twice(planting: Planting) -> str:
    call, number, name = planting.one()
    columns = [row[1] for row in planting.ledger.execute("PRAGMA table_info(attempts)") if row[1] != "number"]
    names = ", ".join(f'"{column}"' for column in columns)
    planting.ledger.execute(
        f"INSERT INTO attempts (number, {names}) SELECT 2, {names} FROM attempts WHERE call = ? AND number = ?",
        (call, number),
    )
    return name


def a_call_is_there_twice(planting: Planting) -> str:
    call, _, name = planting.one()
    for table in ("calls", "attempts"):
        columns = [row[1] for row in planting.ledger.execute(f"PRAGMA table_info({table})") if row[1] != "call"]
        names = ", ".join(f'"{column}"' for column in columns)
        planting.ledger.execute(
            f"INSERT INTO {table} (call, {names}) SELECT ?, {names} FROM {table} WHERE call = ?", (bytes(16), call)
        )
    return name


def a_call_never_came_to_the_ledger(planting: Planting) -> str:
    """Not in its rows, not in its sums, not in the journal: only its caller and its provider know of it."""

    def more(lines: list[dict[str, Any]]) -> str:
        whole = next(line for line in lines if line.get("status") == 200 and line.get("whole"))
        new = {name: value for name, value in whole.items() if name not in ("name", "client_id", "id")}
        lines.append(new | {"name": "planted", "client_id": "planted", "id": "f" * 32})
        return "planted"

    planting.lines("callers.jsonl", more)
    return planting.lines("bill.jsonl", more)


def a_token_is_more(planting: Planting) -> str:
    return planting.change("attempts", "output = output + 1")


def a_token_and_its_price_are_more(planting: Planting) -> str:
    where = f"{EXACT} AND a.model = 'gpt-sim' AND a.cache_read = 0"
    call, number, name = planting.one(where)
    used = planting.ledger.execute("SELECT input, output FROM attempts WHERE call = ?", (call,)).fetchone()
    tokens = {"input": used[0], "output": used[1] + 1}
    costs = money.cost(money.read(PRICES)["gpt-sim"], tokens)
    planting.ledger.execute("UPDATE attempts SET output = ?, nano_usd = ? WHERE call = ?", (used[1] + 1, costs, call))
    assert number == 1
    return name


def a_nano_dollar_is_more(planting: Planting) -> str:
    return planting.change("attempts", "nano_usd = nano_usd + 1")


def a_nano_dollar_is_less_in_an_estimate(planting: Planting) -> str:
    return planting.change("attempts", "nano_usd = nano_usd - 1", "a.basis = 'counted' AND a.nano_usd > 0")


def a_charge_is_at_another_model(planting: Planting) -> str:
    return planting.change("attempts", "model = 'late-sim'", f"{EXACT} AND a.model = 'gpt-sim'")


def a_billed_attempt_is_settled_as_nothing(planting: Planting) -> str:
    none = "basis = 'void', nano_usd = 0, input = 0, output = 0, cache_read = 0, reasoning = 0"
    return planting.change("attempts", none, f"{EXACT} AND a.cache_read = 0")


def an_attempt_is_never_settled(planting: Planting) -> str:
    return planting.change("attempts", "basis = NULL, settled_ns = NULL, nano_usd = NULL")


def an_attempt_is_cut_off_by_no_kill(planting: Planting) -> str:
    """After the last kill, so that none can have cut it off."""
    latest = f"{EXACT} AND a.sent_ns = (SELECT max(sent_ns) FROM attempts AS a WHERE {EXACT})"
    return planting.change("attempts", "basis = 'reserved', nano_usd = reserved_nano_usd", latest)


def the_bill_says_more(planting: Planting) -> str:
    _, _, name = planting.one()

    def more(lines: list[dict[str, Any]]) -> str:
        line = next(line for line in lines if line["client_id"] == name)
        line["completion_tokens"] += 1
        return name

    return planting.lines("bill.jsonl", more)


def a_caller_was_told_otherwise(planting: Planting) -> str:
    _, _, name = planting.one(f"{EXACT} AND a.first_token_ns IS NULL AND a.became = 'good'")

    def more(lines: list[dict[str, Any]]) -> str:
        line = next(line for line in lines if line["name"] == name)
        line["total_tokens"] += 1
        return name

    return planting.lines("callers.jsonl", more)


def a_sum_is_more(planting: Planting) -> str:
    planting.ledger.execute("UPDATE usage_day SET input = input + 1 WHERE series = 1")
    return "day"


def a_sum_of_a_task_is_less(planting: Planting) -> str:
    planting.ledger.execute("UPDATE tasks SET nano_usd = nano_usd - 1 WHERE task = (SELECT min(task) FROM tasks)")
    return "task"


def the_journal_is_cut(planting: Planting) -> str:
    path = max((planting.folder / "journal").glob("*.hgj"), key=lambda path: len(path.read_bytes().rstrip(b"\0")))
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data[: len(data) // 2])
    return "not in the journal"


def a_budget_was_smaller(planting: Planting) -> str:
    path = planting.folder / "job.json"
    job = json.loads(path.read_text())
    rule = next(rule for rule in job["budgets"] if rule["name"] == "poor-0")
    rule["nano_usd"] = 1_000
    path.write_text(json.dumps(job))
    return "poor-0"


PLANTED: dict[Callable[[Planting], str], str] = {
    a_row_is_lost: "lost",
    a_row_is_there_twice: "twice",
    a_call_is_there_twice: "twice",
    a_call_never_came_to_the_ledger: "lost",
    a_token_is_more: "wrong",
    a_token_and_its_price_are_more: "wrong",
    a_nano_dollar_is_more: "wrong",
    a_nano_dollar_is_less_in_an_estimate: "wrong",
    a_charge_is_at_another_model: "wrong",
    a_billed_attempt_is_settled_as_nothing: "lost",
    an_attempt_is_never_settled: "lost",
    an_attempt_is_cut_off_by_no_kill: "lost",
    the_bill_says_more: "wrong",
    a_caller_was_told_otherwise: "wrong",
    a_sum_is_more: "sums",
    a_sum_of_a_task_is_less: "sums",
    the_journal_is_cut: "journal",
    a_budget_was_smaller: "overspent",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_what_is_planted_is_found(evidence: Path, tmp_path: Path, plant: Callable[[Planting], str]) -> None:
    folder = tmp_path / "planted"
    shutil.copytree(evidence, folder)
    planting = Planting(folder)
    where = plant(planting)
    planting.ledger.close()
    code, report = audit(folder)
    assert code == 1
    assert any(where in sentence for sentence in report["first"][PLANTED[plant]]), report
