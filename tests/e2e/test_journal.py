"""What calls used stands in the journal: each kind of entry once, with what the provider's own bill says."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from headgate import _native
from tests.harness import gateway as processes
from tests.harness import journal
from tests.harness.fixtures import Launch, run
from tests.harness.gateway import Gateway, Policy
from tests.harness.journal import Entry
from tests.harness.metrics import Metrics
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"
SEGMENT_BYTES = 64 << 10
BEARER = {"authorization": f"Bearer {CALLER_KEY}"}


def policy(provider: Provider, directory: Path, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """One worker, a journal, and an alias with a fallback."""
    section = {"dir": str(directory), "segment": "64KiB", **sections.pop("journal", {})}
    made = small(provider.url, workers=1, journal=section, **sections)
    made["deployments"]["spare"] = {"provider": "house", "model": "spare-sim"}
    made["aliases"]["safe"] = alias("gpt", "spare")
    return made


def drained(gateway: Gateway) -> None:
    """Waits for the end of a gateway: its journal is closed then."""
    gateway.send(signal.SIGTERM)
    assert gateway.wait() == 0


def of_call(entries: list[Entry], call: str | None) -> list[Entry]:
    """The entries of one call."""
    return [entry for entry in entries if entry["call"] == call]


@pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])
def test_a_call_is_written_down_with_what_the_provider_bills(
    launch: Launch, bill: Provider, tmp_path: Path, *, daemon: bool
) -> None:
    keys = [{"name": "ci", "secret": "${env:CALLER_KEY}"}]
    gateway = launch(policy(bill, tmp_path / "journal", keys=keys), daemon=daemon)
    answers = [gateway.ask("POST", PATH, chat(stream=stream), BEARER) for stream in (False, True)]
    drained(gateway)
    entries = journal.read(tmp_path / "journal")
    for answer, stream, billed in zip(answers, (False, True), bill.calls(), strict=True):
        opened, sent, settled, closed = of_call(entries, answer.header("headgate-request-id"))
        assert [entry["kind"] for entry in (opened, sent, settled, closed)] == ["opened", "sent", "settled", "closed"]
        assert opened["at_ns"] <= sent["at_ns"] <= settled["at_ns"] <= closed["at_ns"]
        assert (opened["alias"], opened["operation"], opened["stream"]) == ("chat", "chat_completions", stream)
        assert (opened["key"], opened["user"]) == ("ci", None)
        assert (sent["attempt"], sent["provider"], sent["deployment"], sent["model"]) == (1, "house", "gpt", "gpt-sim")
        assert (settled["attempt"], settled["status"], settled["class"], settled["fault"]) == (1, 200, "good", None)
        assert (settled["first_token_ns"] is not None) == stream
        assert (closed["outcome"], closed["status"], closed["attempts"]) == ("answered", 200, 1)
        assert closed["bytes_out"] == len(answer.body)
        if settled["basis"] == "provider":
            assert settled["used"]["input"] == billed["prompt_tokens"]
            assert settled["used"]["output"] == billed["completion_tokens"]


def test_each_attempt_is_written_down_and_its_end_too(launch: Launch, closed_port: int, tmp_path: Path) -> None:
    failing = Provider.start(scenario=[{"match": {"model": "gpt-sim"}, "fault": "status;code=500"}])
    made = policy(failing, tmp_path / "journal")
    made["providers"]["gone"] = {"dialect": "openai", "endpoints": [f"http://127.0.0.1:{closed_port}/v1"]}
    made["deployments"]["lost"] = {"provider": "gone", "model": "lost-sim"}
    made["aliases"]["lost"] = alias("lost")
    gateway = launch(made)
    answer, failed = (gateway.ask("POST", PATH, chat(model)) for model in ("safe", "lost"))
    drained(gateway)
    failing.stop()
    entries = journal.read(tmp_path / "journal")
    whole = of_call(entries, answer.header("headgate-request-id"))
    attempts = [(entry["kind"], entry["attempt"], entry.get("class")) for entry in whole if "attempt" in entry]
    first, second = (("sent", 1, None), ("settled", 1, "unavailable")), (("sent", 2, None), ("settled", 2, "good"))
    assert attempts == [*first, *second]
    assert [entry["step"] for entry in whole if entry["kind"] == "sent"] == [0, 1]
    assert (whole[-1]["outcome"], whole[-1]["attempts"]) == ("answered", 2)
    *_, settled, closed = of_call(entries, failed.header("headgate-request-id"))
    assert (closed["outcome"], closed["fault"], closed["status"]) == ("failed", failed.code, failed.status)
    assert (settled["status"], settled["fault"], settled["basis"]) == (None, failed.code, "void")


def test_a_caller_that_leaves_is_written_down_as_one(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    gateway = launch(policy(bill, tmp_path / "journal"))
    for stream, fault in ((True, "stall;at=3;ms=0"), (False, "never-head")):
        with Connection(gateway.data) as connection:
            body = json.dumps(chat(stream=stream)).encode()
            connection.send(request("POST", PATH, body, {"x-sim-fault": fault}))
            if stream:
                connection.read_until(b"data: ")
            else:
                until(lambda: bill.bill()["open"] == 1, "the provider has the call")
        bill.wait(lambda page: page["open"] == 0, "the provider's call was given up")
    drained(gateway)
    entries = journal.read(tmp_path / "journal")
    kinds = Counter(entry["kind"] for entry in entries)
    assert kinds == {"opened": 2, "sent": 2, "settled": 2, "closed": 2}
    assert {entry["outcome"] for entry in entries if entry["kind"] == "closed"} == {"client_gone"}
    assert {entry["basis"] for entry in entries if entry["kind"] == "settled"} == {"counted"}


def test_what_is_refused_before_any_attempt_is_not_written_down(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    gateway = launch(policy(bill, tmp_path / "journal"))
    assert gateway.ask("POST", PATH, chat("nobody")).status == 404
    assert gateway.ask("GET", "/v1/models").status == 200
    drained(gateway)
    assert journal.read(tmp_path / "journal") == []


def test_both_readers_read_the_same(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    gateway = launch(policy(bill, tmp_path / "journal") | {"workers": 2})
    for number in range(300):
        gateway.ask("POST", PATH, chat(stream=number % 2 == 0))
    scraped = Metrics.of(gateway)
    written = {kind: scraped.sum("headgate_journal_entries_total", kind=kind) for kind in journal.KINDS.values()}
    assert written == {"opened": 300, "sent": 300, "settled": 300, "closed": 300}
    assert scraped.sum("headgate_journal_bytes_total") > SEGMENT_BYTES
    gateway.process.kill()
    gateway.process.wait()
    ours, position = [], ""
    native = _native.Journal.open(str(tmp_path / "journal"))
    while True:
        entries, position, damage = native.read(position, 100)
        assert damage == []
        ours += entries
        if len(entries) < 100:
            break
    assert len(ours) == 1200
    workers = sorted(ours, key=lambda entry: int(str(entry["worker"])))
    assert [{**entry, "worker": 0} for entry in workers] == [
        {**entry, "worker": 0} for entry in journal.read(tmp_path / "journal")
    ]
    assert native.verify()["is_damaged"] is False


def test_the_commands_show_and_verify_a_journal(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    directory = tmp_path / "journal"
    gateway = launch(policy(bill, directory))
    answer = gateway.ask("POST", PATH, chat())
    with subprocess.Popen(
        [*processes.headgate(), "journal", "cat", str(directory), "--follow", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout
        seen = [json.loads(following.stdout.readline()) for _ in range(4)]
        later = gateway.ask("POST", PATH, chat())
        seen += [json.loads(following.stdout.readline()) for _ in range(4)]
        following.terminate()
    assert [entry["call"] for entry in seen[::4]] == [told.header("headgate-request-id") for told in (answer, later)]
    drained(gateway)
    shown = run("journal", "cat", str(directory))
    assert shown.stdout.count("\n") == 8
    assert f"{answer.header('headgate-request-id')} settled attempt=1 status=200" in shown.stdout
    assert run("journal", "cat", str(directory), "--since", "1ms").stdout == ""
    assert run("journal", "cat", str(directory), "--since", "yesterday").returncode == 2
    assert run("journal", "cat", str(tmp_path / "nowhere")).returncode == 1
    good = run("journal", "verify", str(directory))
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, "whole")
    (segment,) = directory.glob("*.hgj")
    bytes_of = bytearray(segment.read_bytes())
    bytes_of[120] ^= 1
    segment.write_bytes(bytes_of)
    bad = run("journal", "verify", str(directory))
    assert (bad.returncode, bad.stdout.splitlines()[-1]) == (1, "damaged")
    assert f"{segment}: bytes 96 to " in bad.stderr
    assert "calls:    1 opened, 2 closed" in bad.stdout
    as_json = json.loads(run("journal", "verify", str(directory), "--json").stdout)
    assert as_json["entries"] == {"opened": 1, "sent": 2, "settled": 2, "closed": 2}


def test_a_second_gateway_does_not_write_to_the_same_journal(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    gateway = launch(policy(bill, tmp_path / "journal"))
    second = processes.write(policy(bill, tmp_path / "journal"), tmp_path / "second.yaml")
    refused = run("serve", str(second))
    assert refused.returncode == 69
    assert "another process writes its journal there" in refused.stderr
    drained(gateway)


def test_a_journal_is_found_again_after_a_restart(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    for kill in (True, False, True):
        gateway = launch(policy(bill, tmp_path / "journal"))
        gateway.ask("POST", PATH, chat())
        if kill:
            gateway.stop()
        else:
            drained(gateway)
    entries = journal.read(tmp_path / "journal")
    assert len({entry["call"] for entry in entries}) == 3
    assert Counter(entry["kind"] for entry in entries) == {"opened": 3, "sent": 3, "settled": 3, "closed": 3}


@dataclass(frozen=True)
class Disk:
    """A gateway whose journal can be left without room."""

    gateway: Gateway
    directory: Path
    fill: Callable[[], None]
    free: Callable[[], None]

    def metrics(self) -> Metrics:
        """Of the gateway."""
        return Metrics.of(self.gateway)


def _limited(gateway: Gateway, directory: Path) -> Disk:
    """No file may grow to the length of a segment."""
    usual = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)

    def limit(to: int) -> None:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (to, usual[1]))

    return Disk(gateway, directory, lambda: limit(SEGMENT_BYTES - 1), lambda: limit(usual[0]))


def _mounted(gateway: Gateway, directory: Path) -> Disk:
    """A small file system of its own, as the process sees it."""
    seen = Path(f"/proc/{gateway.process.pid}/root{directory}")

    def fill() -> None:
        with (seen.parent / "filler").open("wb", buffering=0) as filler:
            for size in (4096, 1):
                with pytest.raises(OSError, match="No space"):
                    write_on(filler, size)

    return Disk(gateway, seen, fill, (seen.parent / "filler").unlink)


def write_on(file: BinaryIO, size: int) -> None:
    """Writes until there is no room."""
    while True:
        file.write(bytes(size))


def _can_mount() -> bool:
    """Whether this user may mount something where nobody else sees it."""
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(params=["limit", "disk"] if _can_mount() else ["limit"])
def disk(request: pytest.FixtureRequest, bill: Provider, tmp_path: Path) -> Iterator[Callable[[str], Disk]]:
    """Starts a gateway with a `when_full`, and what takes its room away and gives it back."""
    started: list[Gateway] = []
    small_disk = tmp_path / "disk"
    small_disk.mkdir()

    def start(when_full: str) -> Disk:
        directory = small_disk / "journal"
        section = {"when_full": when_full, "fsync": "10ms"}
        path = processes.write(policy(bill, directory, journal=section, log={"calls": "off"}), tmp_path / "policy.yaml")
        serve = [*processes.headgate(), "serve", str(path)]
        if request.param == "disk":
            mount = f"mount -t tmpfs -o size=256k tmpfs {small_disk} && exec " + '"$@"'
            serve = ["unshare", "-rm", "sh", "-c", mount, "sh", *serve]
        gateway = processes.start(serve, tmp_path / "log", ENVIRONMENT)
        started.append(gateway)
        return (_mounted if request.param == "disk" else _limited)(gateway, directory)

    yield start
    for gateway in started:
        gateway.stop()


def use_up(disk: Disk) -> int:
    """Calls until one cannot be written down; how many were."""
    disk.fill()
    for number in range(5000):
        if disk.gateway.ask("POST", PATH, chat()).status == 503 or (
            number % 20 == 0 and disk.metrics().sum("headgate_journal_unrecorded_total", what="calls") > 0
        ):
            return number
    raise AssertionError("the journal was never full")


def test_without_room_calls_are_served_and_counted_where_no_budget_counts_on_them(
    disk: Callable[[str], Disk],
) -> None:
    small = disk("refuse_budgeted")
    use_up(small)
    small.gateway.wait_for("journal_full")
    assert small.gateway.ask("POST", PATH, chat()).status == 200
    before = small.metrics()
    assert before.sum("headgate_journal_waiting") == 1
    small.free()
    until(lambda: small.metrics().sum("headgate_journal_waiting") == 0, "there is room again")
    small.gateway.wait_for("journal_has_room")
    answer = small.gateway.ask("POST", PATH, chat())
    after = small.metrics()
    unrecorded = "headgate_journal_unrecorded_total"
    assert after.sum(unrecorded, what="calls") == before.sum(unrecorded, what="calls")
    entries = journal.read(small.directory)
    assert len(of_call(entries, answer.header("headgate-request-id"))) == 4
    kinds = Counter(entry["kind"] for entry in entries)
    assert len(set(kinds.values())) == 1, "what was opened was closed, what was sent was settled"


def test_without_room_calls_are_refused_where_the_policy_says_so(disk: Callable[[str], Disk], bill: Provider) -> None:
    small = disk("refuse")
    use_up(small)
    served = bill.bill()["totals"]["calls"]
    refused = small.gateway.ask("POST", PATH, chat())
    assert (refused.status, refused.code) == (503, "journal_full")
    assert "journal.when_full" in refused.json()["error"]["message"]
    assert refused.header("x-should-retry") == "true"
    assert int(refused.header("retry-after") or 0) >= 1
    assert bill.bill()["totals"]["calls"] == served, "nothing was sent"
    small.free()
    until(lambda: small.gateway.ask("POST", PATH, chat()).status == 200, "there is room again")


def test_what_becomes_of_calls_without_room_changes_with_a_reload(disk: Callable[[str], Disk]) -> None:
    small = disk("refuse")
    use_up(small)
    path = small.gateway.log.with_name("policy.yaml")
    text = path.read_text().replace("when_full: refuse", "when_full: serve")
    path.with_suffix(".draft").write_text(text)
    path.with_suffix(".draft").rename(path)
    small.gateway.wait_for("reloaded")
    assert small.gateway.ask("POST", PATH, chat()).status == 200
    assert small.gateway.lines("restart_needed") == []
