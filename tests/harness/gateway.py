"""A gateway in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.harness import wire
from tests.harness.waiting import until

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 20.0
STOP_WITHIN_S = 20.0

Policy = dict[str, Any]
Line = dict[str, Any]


def headgate() -> list[str]:
    """The command `headgate` of this environment."""
    return [str(Path(sys.executable).with_name("headgate"))]


def baseline() -> list[str]:
    """The command of the gateway in pure Python."""
    return [sys.executable, "-m", "benchmarks.baseline"]


def headgated() -> str:
    """The binary `headgated`: as HEADGATED says, or as cargo built it last."""
    named = os.environ.get("HEADGATED")
    built = [ROOT / "target" / profile / "headgated" for profile in ("release", "debug")]
    found = sorted((path for path in built if path.exists()), key=lambda path: path.stat().st_mtime)
    assert named or found, "headgated is not built: cargo build --release -p daemon, or set HEADGATED"
    return named or str(found[-1])


@dataclass
class Gateway:
    """A running gateway."""

    process: subprocess.Popen[bytes]
    log: Path
    """Its standard error."""
    data: str
    """Where calls go: `host:port`, or `unix:/path`."""
    ops: str
    calls: list[wire.Connection] = field(default_factory=list)
    """Connections of calls that were begun."""

    @property
    def base_url(self) -> str:
        """What a client's OPENAI_BASE_URL says."""
        return f"http://{self.data}/v1"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 - bytes, or whatever JSON holds
        headers: wire.Headers | None = None,
    ) -> wire.Answer:
        """One call on a connection of its own."""
        return wire.ask(self.data, method, path, body, headers)

    def begin(
        self,
        method: str,
        path: str,
        body: Any = None,  # noqa: ANN401 - whatever JSON holds
        headers: wire.Headers | None = None,
    ) -> wire.Connection:
        """A call on a connection of its own, sent and not answered. It is closed with the gateway at the latest."""
        connection = wire.Connection(self.data)
        self.calls.append(connection)
        data = None if body is None else json.dumps(body).encode()
        connection.send(wire.request(method, path, data, headers))
        return connection

    def probe(self, path: str, method: str = "GET") -> wire.Answer:
        """One question to the ops listener."""
        return wire.ask(self.ops, method, path)

    def lines(self, event: str | None = None) -> list[Line]:
        """The log so far; of one event, or all."""
        return [line for line in _lines(self.log) if event in (None, line.get("event"))]

    def wait_for(self, event: str, count: int = 1) -> list[Line]:
        """The lines of an event, once there are so many."""
        return until(lambda: found if len(found := self.lines(event)) >= count else None, f"log line {event}") or []

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def wait(self, within_s: float = STOP_WITHIN_S) -> int:
        """The exit code, once it has ended."""
        return self.process.wait(within_s)

    def stop(self) -> None:
        """Ends it if it still runs."""
        for connection in self.calls:
            connection.close()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_WITHIN_S)

    def resident_bytes(self) -> int:
        """Its resident memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _lines(log: Path) -> list[Line]:
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]


def start(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Gateway:
    """Starts a gateway, and waits until it is ready. Its addresses are those that its log names."""
    return attach(spawn(command, log, environment), log)


def attach(process: subprocess.Popen[bytes], log: Path) -> Gateway:
    """The gateway in a process that was just started with its standard error in `log`, once it is ready."""
    line = until(lambda: _serving(process, log), "the log says `serving`", START_WITHIN_S)
    gateway = Gateway(process, log, line["data"], line["ops"])
    until(lambda: gateway.probe("/readyz").status == 200, "readyz", START_WITHIN_S)
    return gateway


def spawn(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, output: Path | None = None
) -> subprocess.Popen[bytes]:
    """Starts a program with its standard error in a file, and none of the caller's proxies and settings."""
    with log.open("wb") as error, (output or Path(os.devnull)).open("wb") as out:
        return subprocess.Popen(list(command), stdout=out, stderr=error, env=clean(environment or {}), cwd=ROOT)


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would change a gateway's ways, and with `environment`."""
    ours = ("HEADGATE__", "OPENAI_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {name: value for name, value in kept.items() if not name.lower().endswith("_proxy")} | dict(environment)


def _serving(process: subprocess.Popen[bytes], log: Path) -> Line:
    """The line that names the addresses; empty as long as there is none."""
    lines = [line for line in _lines(log) if line.get("event") == "serving"]
    code = process.poll()
    assert lines or code is None, f"ended with {code} before it served: {log.read_text(encoding='utf-8')}"
    return lines[0] if lines else {}


def write(policy: Policy, path: Path) -> Path:
    """Writes a policy file, whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(yaml.safe_dump(policy, sort_keys=False), encoding="utf-8")
    draft.rename(path)
    return path
