"""Targets that misbehave: each is told by its class, with an example and what to do, and nothing hangs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from headgate.bench.run import hints
from headgate.bench.run.document import Run
from tests.bench.run import rude
from tests.bench.run.rude import Manners, whole
from tests.harness import gateway as processes
from tests.harness.fixtures import run
from tests.harness.provider import Provider

SHORT = ("--rate", "20", "--for", "300ms", "--warmup", "0s", "--timeout", "300ms", "--no-progress")
HTML = whole(b"<!doctype html><title>Welcome</title>", "text/html")
JSON = whole(b'{"object": "chat.completion"}', "application/json")
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
NO_END = whole(EVENT, "text/event-stream")
TROUBLE = whole(EVENT + b'data: {"error": {"message": "overloaded"}}\n\n', "text/event-stream")
LONGER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"
STRANGE = b"SSH-2.0-OpenSSH_9.9\r\n"
NOT_FOUND = whole(b"<h1>Not Found</h1>", "text/html", "404 Not Found")


@pytest.mark.parametrize(
    ("manners", "options", "kind"),
    [
        pytest.param(rude.hang, [], "timeout", id="hangs"),
        pytest.param(rude.close, [], "closed", id="closes"),
        pytest.param(rude.saying(HTML), [], "not_json", id="html"),
        pytest.param(rude.saying(HTML), ["--stream"], "not_events", id="html for a stream"),
        pytest.param(rude.saying(JSON), ["--stream"], "not_events", id="json for a stream"),
        pytest.param(rude.saying(NOT_FOUND), [], "status", id="404"),
        pytest.param(rude.once(STRANGE), [], "garbled", id="not http"),
        pytest.param(rude.saying(NO_END), ["--stream"], "no_end", id="no last event"),
        pytest.param(rude.saying(TROUBLE), ["--stream"], "error_event", id="an error event"),
    ],
)
def test_each_kind_of_misbehaviour_has_its_class_and_its_advice(
    manners: Manners, options: list[str], kind: str
) -> None:
    with rude.server(manners) as url:
        ended = run("bench", "run", "--url", url, *SHORT, *options)
    assert ended.returncode == 1, ended.stderr
    assert f"{kind}: {hints.meaning(kind)}" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("headgate: no call ended well; ")
    assert f" failed: {hints.whole(kind).partition(':')[0]}: " in ended.stderr


def test_an_answer_that_ends_too_early_is_no_good_answer() -> None:
    with rude.server(rude.once(LONGER)) as url:
        ended = run("bench", "run", "--url", url, *SHORT, "--json")
    result = Run.from_json(ended.stdout).result
    assert (ended.returncode, result.good) == (1, 0)
    assert result.failures["cut"] + result.failures["closed"] == result.failed > 0


def test_wrong_words_wrong_events_and_wrong_usage_are_told_apart(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "answer").write_text("{}")
    wrong = {
        "wrong_text": ["--expect-text", "something else"],
        "wrong_frames": ["--stream", "--expect-frames", "3"],
        "wrong_usage": ["--expect-tokens", "1"],
        "wrong_body": ["--expect-body", str(tmp_path / "answer")],
        "status": ["--expect-status", "201"],
    }
    for kind, options in wrong.items():
        ended = run("bench", "run", "--url", provider.url, *SHORT, *options, "--json")
        result = Run.from_json(ended.stdout).result
        assert result.failures[kind] == result.failed > 0, kind
        assert result.examples[kind]
        assert ended.returncode == 1


def test_a_rate_that_cannot_be_sent_is_said_before_the_figures() -> None:
    slow = Provider.start(ttft_ms={"fixed": 50.0})
    try:
        ended = run("bench", "run", "--url", slow.url, *SHORT, "--rate", "200", "-c", "1")
    finally:
        slow.stop()
    assert "The schedule was not kept" in ended.stdout
    assert ended.stdout.index("lower bound") < ended.stdout.index("p99.99")
    assert "--connections" in ended.stdout, "what to do is said in options"


def test_a_target_that_is_not_there_is_said_at_once_in_one_line(closed_port: int) -> None:
    for url, what in (
        (f"http://127.0.0.1:{closed_port}/v1", str(closed_port)),
        ("http://no-such-host.invalid/v1", "no-such-host.invalid"),
    ):
        ended = run("bench", "run", "--url", url, "--no-progress")
        assert (ended.returncode, ended.stdout) == (69, ""), ended.stderr
        told = [line for line in ended.stderr.splitlines() if line.startswith("headgate: ")]
        assert len(told) == 1
        assert what in told[0]


def test_tls_to_a_server_without_tls_is_said_at_once(provider: Provider) -> None:
    ended = run("bench", "run", "--url", provider.url.replace("http:", "https:"), "--no-progress")
    assert ended.returncode == 69, ended.stderr
    assert "TLS" in ended.stderr


def test_too_few_descriptors_are_said_at_once_with_what_to_do(provider: Provider) -> None:
    command = [*processes.headgate(), "bench", "run", "--url", provider.url, "--closed", "-c", "500", *SHORT[2:]]
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=processes.clean({}),
    )
    assert ended.returncode == 1, ended.stdout
    assert "ulimit -n" in ended.stderr
    assert "--connections" in ended.stderr
    assert ended.stdout == ""


def test_the_usual_number_of_connections_fits_few_descriptors(provider: Provider) -> None:
    command = [*processes.headgate(), "bench", "run", "--url", provider.url, *SHORT]
    ended = subprocess.run(
        ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=processes.clean({}),
    )
    assert ended.returncode == 0, ended.stderr
    assert "at most 36 connections" in ended.stdout


def test_a_key_that_the_target_repeats_is_not_shown() -> None:
    answer = whole(json.dumps({"error": "unknown key sk-secret-key"}).encode(), "application/json", "401 Unauthorized")
    with rude.server(rude.saying(answer)) as url:
        ended = run("bench", "run", "--url", url, *SHORT, environment={"OPENAI_API_KEY": "sk-secret-key"})
    assert "unknown key ***" in ended.stdout
    assert "sk-secret-key" not in ended.stdout + ended.stderr
