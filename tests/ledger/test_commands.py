"""`headgate usage`: what it prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headgate.ledger.database import Database
from headgate.ledger.entries import Closed, Entry, Opened, Sent, Settled, Usage
from headgate.ledger.fold import Fold
from headgate.ledger.schema import migrate
from tests.ledger.made import Made, call_id, simple
from tests.plan.test_commands import headgate

NOW_NS = time.time_ns() - 120 * 10**9
RETRIED: list[Entry] = [
    Opened(call_id(7), NOW_NS, alias="smart", operation="chat_completions", key="ci", agent="coder", task="t-1"),
    Sent(call_id(7), 1, NOW_NS + 1, provider="openai", deployment="gpt", model="gpt-5.2"),
    Settled(
        call_id(7), 1, NOW_NS + 2, status=503, became="unavailable", usage=Usage(input=3), nano_usd=300, basis="counted"
    ),
    Sent(call_id(7), 2, NOW_NS + 3, provider="openai", deployment="gpt", model="gpt-5.2", step=1),
    Settled(
        call_id(7),
        2,
        NOW_NS + 4,
        status=200,
        became="good",
        usage=Usage(input=1_000, cache_read=250, output=100),
        nano_usd=1_500_000_000,
        price="2026-09-01",
        took_ns=250_000_000,
    ),
    Closed(call_id(7), NOW_NS + 5, outcome="answered", status=200, took_ns=3_000_000_000),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A ledger with a few calls of the last minutes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db"
    database = Database(url)
    migrate(database)
    more = [entry for number in range(3) for entry in simple(number, NOW_NS, key="ops", agent="writer")]
    unpriced = [replace(entry, nano_usd=None) if isinstance(entry, Settled) else entry for entry in simple(9, NOW_NS)]
    Fold(database, Made([*RETRIED, *more, *unpriced])).to_the_end()
    database.close()
    return url


def test_a_table_has_a_line_for_each_group_and_says_what_is_doubtful(url: str) -> None:
    ended = headgate("usage", "--by", "agent,model", "--ledger", url)
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert ["agent", "model", "calls", "errors", "input", "cache", "read", "output", "cache", "share", "money"] in lines
    assert ["coder", "gpt-5.2", "1", "0", "1,003", "250", "100", "25", "%", "$1.5000"] in lines
    assert ["writer", "gpt-5.2", "3", "0", "30", "0", "15", "0", "%", "$0.000003"] in lines
    assert ["total", "5", "0", "1,043", "250", "120", "24", "%", "$1.5000"] in lines
    for note in (
        "1 retries and 0 hedges; attempts beside those that served cost $0.000000 (0.0 % of the money)",
        "estimated: 1 attempts are settled by our own count",
        "unpriced: 1 attempts",
    ):
        assert note in ended.stdout


def test_json_has_every_counter_and_money_to_the_last_digit(url: str) -> None:
    told = json.loads(headgate("usage", "--by", "key", "--where", "agent=coder", "--json", "--ledger", url).stdout)
    (line,) = told["lines"]
    assert line["key"] == "ci"
    assert (line["nano_usd"], line["usd"], line["retry_nano_usd"]) == (1_500_000_300, "1.5000003", 300)
    assert told["where"] == {"agent": "coder"}
    assert told["total"]["attempts"] == 2


def test_csv_has_a_line_for_each_group(url: str) -> None:
    ended = headgate("usage", "--by", "day,key", "--csv", "--ledger", url)
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    assert {row["key"] for row in rows} == {"ci", "ops", ""}
    assert sum(int(row["calls"]) for row in rows) == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--by", "agnet"], "--by: `agnet`: did you mean `agent`?"),
        (["--by", "zzz"], "--by: `zzz`: it is one of key, team, user"),
        (["--where", "ci"], "--where: `ci`: NAME=VALUE is needed"),
        (["--since", "yesterday"], "--since: `yesterday`: a length of time such as 7d"),
        (["--since", "1h", "--until", "2h"], "--since is not before --until"),
        (["--plot", "x.pdf"], "--plot x.pdf: a name ends in .svg or .png"),
        (["--json", "--csv"], "--json, --csv: one of them"),
    ],
)
def test_a_wrong_question_is_2_and_says_what_was_meant(url: str, arguments: list[str], says: str) -> None:
    ended = headgate("usage", *arguments, "--ledger", url)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert says in ended.stderr


def test_a_policy_without_a_ledger_says_how_to_have_one(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("version: 1\nproviders: {ollama: {}}\n")
    ended = headgate("usage", folder=tmp_path)
    assert ended.returncode == 2
    assert "add `ledger: sqlite:///data/headgate.db` to it" in ended.stderr


def test_a_ledger_that_is_not_there_is_69(tmp_path: Path) -> None:
    ended = headgate("usage", "--ledger", f"sqlite:///{tmp_path}/none.db")
    assert ended.returncode == 69
    assert "none.db: there is no ledger yet; `headgate serve` makes it when it starts" in ended.stderr


def test_what_is_no_url_of_a_ledger_is_2() -> None:
    ended = headgate("usage", "--ledger", "mysql://host/name")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--ledger: the URL of a database is needed: sqlite:///data/headgate.db" in ended.stderr


@pytest.mark.parametrize(("command", "what"), [(("usage", "--reconcile"), "the bill"), (("key", "import"), "the keys")])
def test_a_file_that_is_not_there_is_told_by_its_name(url: str, command: tuple[str, str], what: str) -> None:
    where = ("--ledger", url) if command[0] == "usage" else ()
    ended = headgate(*command, "none.csv", *where)
    assert ended.returncode == 1
    assert ended.stderr == f"headgate: none.csv: {what} cannot be read: No such file or directory\n"


def test_a_tail_of_what_cannot_be_says_so_at_once(tmp_path: Path) -> None:
    ended = headgate("tail", "--journal", str(tmp_path), "--outcome", "faild")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--outcome: no call ends as `faild`; did you mean `failed`?" in ended.stderr
    ended = headgate("tail", "--journal", str(tmp_path / "none"))
    assert ended.returncode == 1
    assert "there is no journal yet" in ended.stderr


def test_a_call_is_shown_with_its_attempts(url: str) -> None:
    name = f"req_{call_id(7).hex()}"
    shown = headgate("usage", "call", name, "--ledger", url).stdout
    for part in (
        "chat_completions for smart",
        "key ci, agent coder, task t-1",
        "attempt 1: gpt-5.2 at openai/gpt, step 1",
        "unavailable, 503",
        "by our own count",
        "good, 200 after 250.0 ms, served the answer",
        "input 1,000, cache read 250, output 100: $1.5000 by the price 2026-09-01",
        "answered 200 after 3.00 s",
    ):
        assert part in shown
    told = json.loads(headgate("usage", "call", name, "--json", "--ledger", url).stdout)
    assert [each["settled"]["became"] for each in told["attempts"]] == ["unavailable", "good"]
    assert told["usd"] == "1.5000003"


def test_a_call_that_is_not_there_is_1_and_no_id_is_2(url: str) -> None:
    assert headgate("usage", "call", f"req_{'0' * 31}e", "--ledger", url).returncode == 1
    assert headgate("usage", "call", "42", "--ledger", url).returncode == 2


def test_a_drawing_has_a_colour_for_each_group(url: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ended = headgate("usage", "--by", "agent", "--plot", str(tmp_path / "out.svg"), "--ledger", url)
    assert ended.returncode == 0, ended.stderr
    drawn = (tmp_path / "out.svg").read_text()
    assert "coder  $1.5000" in drawn
    assert "writer  $0.000003" in drawn


def test_rows_are_exported_as_csv(url: str, tmp_path: Path) -> None:
    ended = headgate("usage", "export", "--csv", str(tmp_path / "rows.csv"), "--ledger", url)
    assert ended.returncode == 0, ended.stderr
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert sum(int(row["nano_usd"] or 0) for row in rows) == 1_500_003_300


def test_rows_are_exported_as_parquet(url: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    ended = headgate("usage", "export", "--parquet", str(tmp_path / "rows.parquet"), "--ledger", url)
    assert ended.returncode == 0, ended.stderr
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert table.num_rows == 6
    assert sum(value or 0 for value in table["nano_usd"].to_pylist()) == 1_500_003_300
    assert str(table.schema.field("at_ns").type) == "timestamp[ns, tz=UTC]"


def bill(folder: Path, calls: int, usd: str) -> str:
    """A plain bill of today."""
    day = datetime.fromtimestamp(NOW_NS / 1e9, UTC).strftime("%Y-%m-%d")
    text = f"date,model,calls,input_tokens,output_tokens,usd\n{day},gpt-5.2-2025-12-11,{calls},1043,120,{usd}\n"
    (folder / "bill.csv").write_text(text)
    return str(folder / "bill.csv")


def test_a_bill_that_agrees_is_told_so(url: str, tmp_path: Path) -> None:
    ended = headgate("usage", "--reconcile", bill(tmp_path, 6, "1.500003"), "--ledger", url)
    assert ended.stdout.startswith("the same: 1 days and models from ")


def test_a_bill_that_differs_is_told_by_day_and_model(url: str, tmp_path: Path) -> None:
    ended = headgate("usage", "--reconcile", bill(tmp_path, 5, "1.75"), "--json", "--ledger", url)
    told = json.loads(ended.stdout)
    assert [(each["what"], each["ours"], each["theirs"]) for each in told["differences"]] == [
        ("attempts", 6, 5),
        ("nano_usd", 1_500_003_300, 1_750_000_000),
    ]
    assert "2 figures differ" in headgate("usage", "--reconcile", bill(tmp_path, 5, "1.75"), "--ledger", url).stdout
