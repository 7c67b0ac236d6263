"""The examples in the documentation, run as they stand; only addresses differ."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from docs import outputs
from headgate import _native
from headgate.ledger.database import Database
from headgate.ledger.fold import Fold
from headgate.ledger.schema import migrate
from tests.harness import gateway as processes
from tests.harness.gateway import attach
from tests.harness.waiting import until
from tests.harness.wire import ask
from tests.ledger.made import Made, simple

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESSES = {"HEADGATE__LISTEN__DATA": "127.0.0.1:0", "HEADGATE__LISTEN__OPS": "127.0.0.1:0"}


class Up(NamedTuple):
    """Where `headgate up` serves: `host:port` of both listeners, and of a simulated provider."""

    data: str
    ops: str
    simulator: str

    def put_in(self, example: str) -> str:
        """The example with these addresses in the place of the usual ones."""
        usual = {"127.0.0.1:8080": self.data, "127.0.0.1:9090": self.ops, "127.0.0.1:8089": self.simulator}
        for address, ours in usual.items():
            example = example.replace(address, ours)
        return example


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """What `make run` starts, on free ports."""
    command = [str(Path(sys.executable).parent / "headgate"), "up", "--sim-only"]
    simulator = _native.Simulator.start(b"{}")
    with subprocess.Popen(command, env={**os.environ, **ADDRESSES}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        welcome = "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        data, ops = (re.search(pattern, welcome) for pattern in (r"http://(\S+)/v1\b", r"http://(\S+)/metrics"))
        assert data
        assert ops
        yield Up(data[1], ops[1], simulator.address)
        process.terminate()
        assert process.wait(10) == 0
    simulator.stop()


def examples(page: str, language: str) -> list[str]:
    """The blocks of a language on a page; a page that has none is an error here."""
    found = [text for of, text in FENCE.findall((DOCS / page).read_text()) if of == language]
    assert found
    return found


def example_of(page: str, language: str, word: str) -> str:
    """The one block of a language on a page that has a word in it."""
    (found,) = [text for text in examples(page, language) if word in text]
    return found


@pytest.mark.parametrize(
    ("page", "prints"), [("quickstart.md", r"\w+ \w+"), ("streaming.md", r"(?s)\w+.*\nnot whole: \w+")]
)
def test_python_examples_print_what_the_page_says(up: Up, page: str, prints: str) -> None:
    for example in examples(page, "python"):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", up.put_in(example)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert re.match(prints, done.stdout), done.stdout


def test_a_stream_is_taken_up_as_the_page_says(up: Up, tmp_path: Path) -> None:
    """Under the page's own policy."""
    policy = example_of("resilience.md", "yaml", "coalesce: on")
    example = example_of("resilience.md", "python", "last-event-id")
    (tmp_path / "policy.yaml").write_text(up.put_in(policy))
    gateway = processes.start(
        [*processes.headgate(), "serve", str(tmp_path / "policy.yaml")], tmp_path / "log", ADDRESSES
    )
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", example.replace("127.0.0.1:8080", gateway.data)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        gateway.stop()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"behind req_\w{32}:1 come \d+ events\n", done.stdout), done.stdout


@pytest.mark.parametrize(
    ("page", "prints"),
    [
        ("quickstart.md", '"object":"chat.completion"'),
        ("metrics.md", "headgate_ready 1"),
        ("streaming.md", '"object":"chat.completion"'),
        ("simulator.md", '"code":"rate_limit_exceeded"'),
    ],
)
def test_curl_examples_answer_what_the_page_says(up: Up, page: str, prints: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    curls = [example for example in examples(page, "sh") if example.startswith("curl ")]
    assert curls
    for example in curls:
        done = subprocess.run(["sh", "-c", up.put_in(example)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert prints in done.stdout


@pytest.mark.timeout(120)
def test_loads_print_what_the_page_says_and_exit_as_it_says(up: Up, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    loads = [example for example in examples("load.md", "sh") if "--find-capacity" not in example]
    assert len(loads) == 2
    for example, exits in zip(loads, [(0, 99), (99,)], strict=True):  # how fast this machine is decides the first
        short = re.sub(r"--for \S+", "--for 500ms", up.put_in(example))
        done = subprocess.run(
            ["sh", "-c", short], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode in exits, done.stderr
        assert re.search(r"(?m)^latency .*\n(?s:.*)^engine ", done.stdout), done.stdout
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".html", ".json", ".md"]


def test_ways_are_those_that_the_page_shows(tmp_path: Path) -> None:
    policy = example_of("resilience.md", "yaml", "smart:")
    (tmp_path / "policy.yaml").write_text(policy)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    commands = [line for example in examples("resilience.md", "sh") for line in example.splitlines() if "--if" in line]
    told = []
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    page = (DOCS / "resilience.md").read_text()
    shown = page.split("```\na call without a stream")[1].split("```")[0]
    assert "a call without a stream" + shown in re.sub("(?m)^  ", "", told[0])
    assert "the caller gets 504 first_token_timeout" in told[1]


def test_prices_and_tokens_are_those_that_the_page_shows(up: Up, tmp_path: Path) -> None:
    page = DOCS / "metering.md"
    (tmp_path / "policy.yaml").write_text(example_of(page.name, "yaml", "stream_usage"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    environment["OPENAI_API_KEY"] = "sk-x"

    def told(word: str) -> str:
        command = up.put_in(example_of(page.name, "sh", word))
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        return done.stdout

    explained = told("explain")
    assert "$1.75 and $14 per million, $0.175 from the cache, other prices for batch and fast and flex" in explained
    assert "$0.2 and $1.6 per million, $0.02 from the cache" in explained
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt-get install curl")
    shown = "headgate_tokens_total" + page.read_text().split("```\nheadgate_tokens_total")[1].split("```")[0]
    series = {line.rpartition(" ")[0] for line in shown.splitlines()}
    until(lambda: series <= {line.rpartition(" ")[0] for line in told("curl").splitlines()}, "the call was counted")


def test_aliases_lead_where_the_page_says(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    told = []
    for policy, commands in zip(examples("aliases.md", "yaml"), examples("aliases.md", "sh"), strict=True):
        (tmp_path / "policy.yaml").write_text(policy)
        for command in commands.splitlines():
            done = subprocess.run(
                ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
            )
            assert done.returncode == 0, done.stderr
            told.append(done.stdout)
    assert "does not fit: it cannot do images" in told[2]
    assert "1. gpt (for capability): answers well" in told[2]
    assert "the caller gets 400 capability_missing (ours)" in told[3]


def test_limits_are_met_as_the_page_says(tmp_path: Path) -> None:
    """What `explain` says of the page's policy, and what a gateway with it does."""
    policy = example_of("limits.md", "yaml", "per: task")
    command = example_of("limits.md", "sh", "headgate explain")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    simulator = _native.Simulator.start(b"{}")
    (tmp_path / "policy.yaml").write_text(policy.replace("127.0.0.1:8089", simulator.address))
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stderr
    for line in (
        "behind the call: agent `a1`, user `ann`",
        "60 requests a minute of user `ann` (user.requests_per_minute)",
        "$50 in a day (UTC), then calls go to `cheap` of agent `a1` (agent.usd_per_day)",
        "large is passed over beyond 500 requests a minute of deployment `large`",
        "not met, since the call says no task",
    ):
        assert line in done.stdout, done.stdout
    gateway = processes.start(
        [*processes.headgate(), "serve", str(tmp_path / "policy.yaml")], tmp_path / "log", ADDRESSES
    )
    try:
        body = {"model": "smart", "messages": [{"role": "user", "content": "hello"}]}
        answer = gateway.ask("POST", "/v1/chat/completions", body, {"x-user-id": "nightly"})
    finally:
        gateway.stop()
        simulator.stop()
    assert (answer.status, answer.header("x-ratelimit-limit-requests")) == (200, "600")


def test_the_second_try_of_the_page_shortens_what_the_page_says(tmp_path: Path) -> None:
    policy, scenario = (example_of("resilience.md", "yaml", word) for word in ("hedge:", "hedges<="))
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "tail.yaml").write_text(scenario)
    example = example_of("resilience.md", "sh", "headgate simulate")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", "-c", example], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )

    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"(?m)^hedges +\d+ while another attempt was open", done.stdout), done.stdout
    (tmp_path / "policy.yaml").write_text(re.sub(r"\n +hedge: .*", "", policy))
    assert run().returncode == 99, "without it, the page's expectation is missed"


@pytest.mark.timeout(120)
def test_simulations_print_what_the_page_says_and_keep_what_it_expects(tmp_path: Path) -> None:
    policy, scenario = examples("simulate.md", "yaml")
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "outage.yaml").write_text(scenario)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    one, many = examples("simulate.md", "sh")
    for example, prints in ((one, r"(?m)^met +goodput>=99%: "), (many, r"no rule was broken in 100 worlds")):
        done = subprocess.run(
            ["sh", "-c", example], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(prints, done.stdout), done.stdout
    assert (tmp_path / "outage.svg").read_text().startswith("<?xml")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", outputs.PAGES, ids=lambda page: page.name)
def test_commands_print_what_stands_below_them(page: Path) -> None:
    text = page.read_text()
    assert outputs.SHOWN.search(text)
    assert outputs.renewed(text) == text, f"docs/{page.name} is stale: run python -m docs.outputs"


def test_keys_are_made_rotated_and_revoked_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(example_of("keys.md", "yaml", "ledger:"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    told = []
    for command in example_of("keys.md", "sh", "key create").splitlines():
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    created, listed, rotated, shown, revoked = told
    assert re.fullmatch(r"hg_\w{49}\n", created)
    assert created[:9] in listed
    assert rotated != created
    assert re.search(r"a secret: begins with hg_\w{6}, made \S+, taken until ", shown)
    assert revoked == "revoked: agents\n"


def test_budgets_are_set_and_granted_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(example_of("limits.md", "yaml", "ledger:"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    told = []
    for command in example_of("limits.md", "sh", "budget set").splitlines():
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert told[0] == "set: agent.usd_per_day\n"
    assert "agent.usd_per_day: each agent: $80 in a day (UTC), then calls ask for an approval (set " in told[3]
    assert "agent.usd_per_day=nightly: the agent `nightly`: $5 in a day (UTC) (set " in told[3]
    assert "granted $20 under apr_0123456789abcdef0123" in told[3]
    assert told[4] == "unset: agent.usd_per_day\n"


def test_usage_is_told_as_the_page_says(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "policy.yaml").write_text(example_of("usage.md", "yaml", "smart:"))
    (tmp_path / "bill.csv").write_text("date,model,calls\n2026-11-20,gpt-5.2,0\n")
    database = Database(f"sqlite:///{tmp_path}/data/headgate.db")
    migrate(database)
    Fold(database, Made(simple(7 * 2**64 + 7, time.time_ns() - 60 * 10**9, agent="coder"))).to_the_end()
    database.close()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    commands = [line for example in examples("usage.md", "sh") for line in example.splitlines() if " tail " not in line]
    told = []
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert re.search(r"coder +gpt-5.2 +1 +0 +10 +0? *5", told[0]), told[0]
    assert "attempt 0: gpt-5.2 at openai/gpt" in told[6]
    assert told[7].startswith("the same: ")
    assert (tmp_path / "spend.svg").exists()
    assert len((tmp_path / "calls.csv").read_text().splitlines()) == 2


def test_a_cut_stream_is_continued_as_the_page_says(tmp_path: Path) -> None:
    policy, scenario = (example_of("resilience.md", "yaml", word) for word in ("prefill:", "cut;at="))
    simulator = _native.Simulator.start(json.dumps(yaml.safe_load(scenario)).encode())
    (tmp_path / "policy.yaml").write_text(policy.replace("127.0.0.1:8089", simulator.address))
    command = [str(Path(sys.executable).parent / "headgate"), "serve", str(tmp_path / "policy.yaml")]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env={**os.environ, **ADDRESSES}, stderr=log) as process,
    ):
        try:
            gateway = attach(process, tmp_path / "log")
            example = example_of("resilience.md", "python", "steady")
            done = subprocess.run(
                [sys.executable, "-W", "error", "-c", example.replace("127.0.0.1:8080", gateway.data)],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            process.terminate()
    bill = ask(simulator.address, "GET", "/bill").json()
    simulator.stop()
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\w[\w ]+\.?\n", done.stdout), done.stdout
    assert bill["totals"]["calls"] == 2, "the first was cut"


def test_a_call_is_found_in_the_journal_as_the_page_says(tmp_path: Path) -> None:
    simulator = _native.Simulator.start(b"{}")
    policy = example_of("journal.md", "yaml", "journal:").replace("127.0.0.1:8089", simulator.address)
    (tmp_path / "policy.yaml").write_text(policy)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["headgate", "serve", "policy.yaml"]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(command, env={**os.environ, **ADDRESSES, "PATH": path}, stderr=log, cwd=tmp_path) as process,
    ):
        try:
            gateway = attach(process, tmp_path / "log")
            example = example_of("journal.md", "sh", "curl").replace("127.0.0.1:8080", gateway.data)
            environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
            done = subprocess.run(
                ["sh", "-c", example], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
            )
        finally:
            process.kill()
    simulator.stop()
    assert done.returncode == 0, done.stderr
    (shown,) = examples("journal.md", "text")

    def form(text: str) -> list[str]:
        """The words, without what differs from run to run."""
        return re.sub(r"[0-9a-f]{16,}|\d[\d,.:TZ-]*", "#", text).split()

    assert form(done.stdout) == form(shown)
