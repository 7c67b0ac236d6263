"""`headgate bench run` against the simulated provider, through real sockets. No figure of speed is asserted."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from headgate.bench import hdr
from headgate.bench.run import options
from headgate.bench.run.document import Run
from headgate.cli.app import app
from tests.bench.run import rude
from tests.harness import gateway as processes
from tests.harness.fixtures import run
from tests.harness.provider import Provider

SHORT = ("--for", "400ms", "--warmup", "0s")
KEY = "sk-secret-Zp4Kd7Tq"


def ran(url: str, *arguments: str, code: int = 0) -> Run:
    """The result of a short run as JSON."""
    ended = run("bench", "run", "--url", url, *arguments, "--json")
    assert ended.returncode == code, ended.stderr
    return Run.from_json(ended.stdout)


def test_each_call_of_a_constant_rate_is_made_and_counted(bill: Provider) -> None:
    result = ran(bill.url, "--rate", "50", *SHORT).result
    assert result.asked == result.sent == result.good == 20
    assert result.failed == 0
    assert result.statuses == {"200": 20}
    totals = bill.bill()["totals"]
    assert totals["calls"] == 20
    assert (totals["prompt_tokens"], totals["completion_tokens"]) == (
        result.usage.prompt_tokens,
        result.usage.completion_tokens,
    )
    assert result.latency is not None
    assert result.latency.count == 20


def test_streams_have_a_first_token_and_every_event(bill: Provider) -> None:
    result = ran(bill.url, "--rate", "50", "--stream", "--prompt-bytes", "20KiB", *SHORT).result
    assert result.streams == result.good == 20
    assert result.frames >= 20 * 16
    for hist in (result.ttft, result.tpot, result.gap):
        assert hist is not None
        assert hist.count > 0
    assert bill.bill()["totals"]["streams"] == 20
    assert bill.bill()["totals"]["total_tokens"] == result.usage.total_tokens


def test_the_log_of_a_distribution_says_what_the_engine_said(provider: Provider) -> None:
    latency = ran(provider.url, "--rate", "500", *SHORT).result.latency
    assert latency is not None
    log = hdr.read(latency.hdr)
    assert log.total == latency.count == 200
    for share, value in ((0.5, latency.p50_us), (0.9, latency.p90_us), (0.99, latency.p99_us)):
        assert log.quantile_us(share) == pytest.approx(value, rel=0.002, abs=0.2)


@pytest.mark.parametrize(
    "schedule",
    [["--closed", "-c", "2"], ["--rate", "50", "--poisson"], ["--ramp", "0..100"], ["--users", "3", "--think", "10ms"]],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("stream", [[], ["--stream"]], ids=["json", "stream"])
def test_every_schedule_ends_well(provider: Provider, schedule: list[str], stream: list[str]) -> None:
    result = ran(provider.url, *schedule, *stream, *SHORT).result
    assert result.failed == 0
    assert result.good == result.sent > 0


@pytest.mark.parametrize("path", ["responses", "embeddings", "completions"])
def test_every_path_is_answered(bill: Provider, path: str) -> None:
    assert ran(bill.url, "--path", path, *SHORT).result.failed == 0
    assert {call["path"] for call in bill.calls()} == {f"/v1/{path}"}


def test_conversations_grow(bill: Provider) -> None:
    result = ran(bill.url, "--users", "1", "--think", "5ms", "--turns", "3", "--prompt-bytes", "50", *SHORT).result
    assert result.failed == 0
    sizes = [call["bytes_in"] for call in bill.calls()][:6]
    assert sizes[0] < sizes[1] < sizes[2]
    assert sizes[3] < sizes[2], "after its turns a conversation starts anew"


def calls_file(folder: Path, *lines: dict[str, Any]) -> str:
    path = folder / "calls.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


def test_a_trace_is_replayed_whole_and_in_its_order(bill: Provider, tmp_path: Path) -> None:
    times = {"a": 200, "b": 0, "c": 400}
    file = calls_file(
        tmp_path, *({"at_ms": at, "body": chat(name), "headers": {"x-n": "1"}} for name, at in times.items())
    )
    document = ran(bill.url, "--replay", file, "--speed", "2")
    assert (document.result.good, document.result.failed) == (3, 0)
    assert [call["model"] for call in bill.calls()] == ["b", "a", "c"]
    assert all("x-n" in call["header_names"] for call in bill.calls())


def test_a_file_without_times_is_sent_in_turn(bill: Provider, tmp_path: Path) -> None:
    file = calls_file(tmp_path, {"body": chat("a")}, {"body": chat("b")})
    assert ran(bill.url, "--replay", file, "--rate", "20", "--for", "250ms", "--warmup", "0s").result.good == 5
    assert [call["model"] for call in bill.calls()] == ["a", "b", "a", "b", "a"]


def test_the_warm_up_is_sent_and_not_counted(bill: Provider) -> None:
    result = ran(bill.url, "--rate", "50", "--for", "400ms", "--warmup", "200ms").result
    assert (result.asked, bill.bill()["totals"]["calls"]) == (20, 30)


def test_the_result_is_printed_and_written_and_no_key_stands_in_it(provider: Provider, tmp_path: Path) -> None:
    base = str(tmp_path / "result")
    ended = run("bench", "run", "--url", provider.url, "--key", KEY, "--stream", "--output", base, *SHORT)
    assert ended.returncode == 0, ended.stderr
    for text in ("latency", "p99.99", "first token", "per later token", "50/s, evenly spaced, which is the default"):
        assert text in ended.stdout
    files = [Path(f"{base}.{kind}") for kind in ("json", "md", "html")]
    texts = [file.read_text() for file in files]
    assert all(str(file) in ended.stderr for file in files)
    assert not any(KEY in text for text in [*texts, ended.stdout, ended.stderr])
    document = Run.from_json(texts[0])
    assert "--key '***'" in document.command
    assert document.result.good == 20


def test_a_threshold_that_is_missed_is_said_and_exits_99(provider: Provider) -> None:
    ended = run("bench", "run", "--url", provider.url, *SHORT, "--slo", "errors<1%,p50<0.1us,rate>1", "--no-progress")
    assert ended.returncode == 99
    assert "headgate: threshold missed: p50<0.1us: " in ended.stderr
    assert ended.stderr.count("threshold missed") == 1
    assert "MISSED    p50<0.1us" in ended.stdout
    assert "met       errors<1%" in ended.stdout


def test_thresholds_that_are_met_exit_0(provider: Provider) -> None:
    document = ran(provider.url, *SHORT, "--slo", "errors<1%,p99<60s,ttft_p95<60s,rate>1")
    assert [one.met for one in document.thresholds] == [True] * 4


def test_the_capacity_is_searched_for_with_a_window_for_each_rate(provider: Provider) -> None:
    options = ["--find-capacity", "--slo", "rate<110", "--rate", "40", "--for", "200ms", "--warmup", "0s"]
    ended = run("bench", "run", "--url", provider.url, *options, "--json")
    document = Run.from_json(ended.stdout)
    assert document.probes[0].per_second == 40
    assert len(document.probes) >= 2
    assert ended.returncode == (99 if document.capacity_per_second is None else 0), "a disturbed machine confirms none"
    if document.capacity_per_second is not None:
        assert document.probes[-1].per_second == document.capacity_per_second < 120


def test_usage_that_makes_no_sense_exits_2_in_one_line(provider: Provider) -> None:
    for arguments in (["--closed", "--rate", "5"], ["--find-capacity"], ["--slo", "p99"], ["--for", "5"], []):
        url = ["--url", provider.url] if arguments else []
        ended = run("bench", "run", *url, *arguments)
        assert (ended.returncode, ended.stdout) == (2, ""), arguments
        assert len(ended.stderr.splitlines()) == 1
        assert ended.stderr.startswith("headgate: --")


def test_a_url_without_its_option_is_told_which_one(provider: Provider) -> None:
    ended = run("bench", "run", provider.url, "-c", "5")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == [ended.stderr.strip()]
    assert "the base URL is given as --url" in ended.stderr


def test_connections_alone_are_callers_who_wait(provider: Provider) -> None:
    ended = run("bench", "run", "--url", provider.url, "-c", "2", *SHORT)
    assert ended.returncode == 0, ended.stderr
    assert "schedule  2 callers, each calls again when it has its answer\n" in ended.stdout


def test_ctrl_c_on_a_target_that_hangs_says_how_many_calls_are_open() -> None:
    with rude.server(rude.hang) as url:
        process = subprocess.Popen(
            [*processes.headgate(), "bench", "run", "--url", url, "-c", "3", "--for", "1h", "--warmup", "0s"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=processes.clean({}),
        )
        try:
            assert process.stderr
            said = [process.stderr.readline() for _ in range(2)]
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert "nothing has come back yet: 3 calls are open" in said[1]
    assert "--timeout ends each after 1m" in said[1]
    assert process.returncode == 130, err
    assert "3 calls were still open, and none has ended: " in out
    assert "headgate: no call ended well; 3 calls were still open" in err


def test_ctrl_c_ends_early_and_prints_and_writes_what_was_measured(bill: Provider, tmp_path: Path) -> None:
    base = tmp_path / "result"
    command = [*processes.headgate(), "bench", "run", "--url", bill.url, "--for", "1h", "--output", str(base)]
    process = subprocess.Popen(
        [*command, "--warmup", "0s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=processes.clean({}),
    )
    try:
        bill.wait(lambda page: page["totals"]["calls"] >= 10, "ten calls were made")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "interrupted" in out
    document = Run.from_json(base.with_suffix(".json").read_text())
    assert document.interrupted
    assert document.result.good >= 9
    assert document.result.elapsed_s < 60


def test_every_option_of_a_run_is_an_option_of_the_command_line() -> None:
    command: Any = get_command(app)
    found = {one.name for one in command.commands["bench"].commands["run"].params}
    assert found == options.all_names() | {"output", "as_json", "no_progress"}
