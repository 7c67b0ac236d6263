"""A gateway to be looked at: `headgate serve` in a process of its own, before a simulated provider in this one.

One worker, a key that is checked, and an alias that is another name at the provider, which refuses a body without that
name: so what is measured is a gateway at work and not a pipe.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.engine import native
from headgate.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "model-of-the-caller"
PROVIDERS_MODEL = "model-of-the-provider"
KEY = "hg-bench-5d20c3b7e81f4a96"
CREDENTIAL = "sk-bench-1f6b2e0d93c7a854"
START_WITHIN_S = 20.0
STOP_WITHIN_S = 10.0
SERVE = [sys.executable, "-c", "from headgate.cli import main; main()", "serve"]


@dataclass(frozen=True)
class Measured:
    """Where it serves: `host:port` of both listeners."""

    data: str
    ops: str

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What a call shows."""
        return [("authorization", f"Bearer {KEY}"), ("content-type", "application/json")]


@contextmanager
def gateway(*, gap_ms: float = 0.0) -> Iterator[Measured]:
    """Starts both, and ends both; `gap_ms` is the time between the events of the provider's streams."""
    provider = native.start_simulator(
        {"fast": True, "gap_ms": {"fixed": gap_ms}, "expect_body_contains": f'"model":"{PROVIDERS_MODEL}"'}
    )
    try:
        with tempfile.TemporaryDirectory(prefix="headgate-stages-") as folder:
            home = Path(folder)
            (home / "policy.yaml").write_text(_policy(provider.address), encoding="utf-8")
            with _serving(home) as measured:
                yield measured
    finally:
        provider.stop()
        provider.wait()


@contextmanager
def _serving(home: Path) -> Iterator[Measured]:
    log = home / "log"
    secrets = {"BENCH_KEY": KEY, "BENCH_CREDENTIAL": CREDENTIAL}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE__")}
    with log.open("wb") as stderr:
        process = subprocess.Popen([*SERVE, str(home / "policy.yaml")], stderr=stderr, env=kept | secrets)
    try:
        yield _addresses(process, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _addresses(process: subprocess.Popen[bytes], log: Path) -> Measured:
    """The addresses that the log names, once it serves."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        text = log.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            if '"serving"' in line and line.endswith("}"):
                said: dict[str, Any] = json.loads(line)
                return Measured(said["data"], said["ops"])
        if ended:
            raise StartError(1, f"the gateway that was to be measured ended: {text.strip()[-300:]}")
        time.sleep(0.01)
    raise StartError(1, f"the gateway that was to be measured does not serve within {START_WITHIN_S:.0f} s")


def _policy(provider: str) -> str:
    """JSON, which is YAML too."""
    return json.dumps(
        {
            "version": 1,
            "listen": {"data": "127.0.0.1:0", "ops": "127.0.0.1:0"},
            "workers": 1,
            "log": {"calls": "off"},
            "drain": {"accept_for": "0s", "grace": "1s"},
            "providers": {
                "simulated": {
                    "dialect": "openai",
                    "endpoints": [f"http://{provider}/v1"],
                    "credential": "${env:BENCH_CREDENTIAL}",
                }
            },
            "deployments": {"measured": {"provider": "simulated", "model": PROVIDERS_MODEL}},
            "aliases": {MODEL: {"chain": [{"use": ["measured"]}]}},
            "keys": [{"name": "bench", "secret": "${env:BENCH_KEY}", "aliases": [MODEL]}],
        }
    )
