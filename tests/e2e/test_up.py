"""`headgate up`: what it prints works when it is pasted."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import gateway as processes
from tests.harness.gateway import Gateway
from tests.harness.waiting import until
from tests.harness.wire import chat

ANY_PORT = {"HEADGATE__LISTEN__DATA": "127.0.0.1:0", "HEADGATE__LISTEN__OPS": "127.0.0.1:0"}
NOT_TO_BE_SPENT = {"OPENAI_API_KEY": "sk-canary-not-to-be-spent"}


@dataclass
class Up:
    """A running `headgate up`, and what it printed."""

    gateway: Gateway
    text: str


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    """`headgate up` with a key in the environment that must not be spent."""
    printed = tmp_path / "out"
    command = [*processes.headgate(), "up", "--sim-only"]
    process = processes.spawn(command, tmp_path / "log", {**ANY_PORT, **NOT_TO_BE_SPENT}, output=printed)
    try:
        gateway = processes.attach(process, tmp_path / "log")
        until(lambda: "Ctrl-C" in printed.read_text(encoding="utf-8"), "the welcome is printed")
        yield Up(gateway, printed.read_text(encoding="utf-8"))
    finally:
        process.kill()
        process.wait()


def pasted(command: str) -> str:
    """What a shell makes of it."""
    ended = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, timeout=30, env=processes.clean({})
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_printed_addresses_are_those_that_serve(up: Up) -> None:
    assert up.gateway.base_url in up.text
    assert f"http://{up.gateway.ops}/metrics" in up.text


def test_the_printed_curl_works(up: Up) -> None:
    command = re.search(r"^  curl .*?'$", up.text, re.MULTILINE | re.DOTALL)
    assert command
    assert '"chat.completion"' in pasted(command[0])


def test_the_printed_python_call_works(up: Up) -> None:
    command = re.search(r"^  \S*python\S* -c '\n(?:.*\n)*?.*'$", up.text, re.MULTILINE)
    assert command
    assert pasted(command[0]).strip()


def test_the_models_that_it_names_answer(up: Up) -> None:
    names = re.search(r"^  models +(.*)$", up.text, re.MULTILINE)
    assert names
    for name in names[1].split():
        if name in ("chat", "echo", "tools"):
            assert up.gateway.ask("POST", "/v1/chat/completions", chat(name)).status == 200, name
    listed = {entry["id"] for entry in up.gateway.ask("GET", "/v1/models").json()["data"]}
    assert set(names[1].split()) <= listed


def test_a_key_in_the_environment_is_not_spent(up: Up) -> None:
    assert "openai/" not in up.text
    answer = up.gateway.ask("POST", "/v1/chat/completions", chat("openai/gpt-5.2"))
    assert answer.status == 404


def test_ctrl_c_ends_it_well(up: Up) -> None:
    up.gateway.send(signal.SIGINT)
    assert up.gateway.wait(10) == 0
