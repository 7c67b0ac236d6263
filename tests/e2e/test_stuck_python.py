"""A Python thread that holds the interpreter stops neither calls nor probes nor a drain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.harness import gateway as processes
from tests.harness.gateway import Gateway
from tests.harness.load import Load
from tests.harness.policies import ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat

HELD_FOR_S = 30 if os.environ.get("CI") == "true" else 3
"""The full time is for the machine that nobody waits for."""

PROGRAM = """
import ctypes, sys, threading
from headgate.cli import main

def hold():
    seconds = int(sys.stdin.readline())
    print("holds", flush=True)
    ctypes.PyDLL(None).sleep(seconds)  # PyDLL calls C with the interpreter held
    print("let go", flush=True)

threading.Thread(target=hold, daemon=True).start()
sys.argv = ["headgate", "serve", sys.argv[1]]
main()
"""


def test_calls_probes_and_a_drain_go_on_while_the_interpreter_is_held(provider: Provider, tmp_path: Path) -> None:
    path = processes.write(small(provider.url, drain={"accept_for": "1s", "grace": "5s"}), tmp_path / "policy.yaml")
    log, said = tmp_path / "log", tmp_path / "said"
    with log.open("wb") as error, said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path)],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=error,
            env=processes.clean(ENVIRONMENT),
        )
    try:
        gateway = processes.attach(process, log)
        _holds(gateway, said)
    finally:
        process.kill()
        process.wait(20)


def _holds(gateway: Gateway, said: Path) -> None:
    assert gateway.process.stdin
    with gateway.process.stdin as order:
        order.write(f"{HELD_FOR_S}\n".encode())
    until(lambda: "holds" in said.read_text(encoding="ascii"), "the interpreter is held")
    begun = time.monotonic()
    with Load(gateway.data) as load:
        while time.monotonic() - begun < HELD_FOR_S - 1.5:
            load.progress(10)
            for probe in ("/livez", "/readyz", "/metrics", "/stats"):
                assert gateway.probe(probe).status == 200
        gateway.send(signal.SIGTERM)
        until(lambda: gateway.probe("/readyz").status == 503, "readiness has failed")
        load.progress(5)
        assert gateway.ask("POST", "/v1/chat/completions", chat()).status == 200
        assert "let go" not in said.read_text(encoding="ascii"), "all of this was while the interpreter was held"
        load.ended()
    assert not load.lost
    assert gateway.wait(HELD_FOR_S + 10) == 0
