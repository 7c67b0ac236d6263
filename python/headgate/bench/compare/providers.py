"""The simulated providers behind the targets, and what a right answer of theirs is."""

from __future__ import annotations

import json
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headgate.bench.bodies import as_json, prompt
from headgate.bench.compare import calls
from headgate.bench.compare.calls import Answer
from headgate.bench.compare.cells import EVENTS, FEW_EVENTS, GAP_MS
from headgate.bench.compare.process import Launch, tail
from headgate.errors import StartError

if TYPE_CHECKING:
    import subprocess

    from headgate.bench.compare.process import Processes

Kind = Literal["answers", "streams", "short streams", "held"]
Sees = Literal["as_sent", "replaced"]

ALIAS = "model-of-the-caller"
MODEL = "model-of-the-provider"
HELD_GAP_MS = 1000.0
_AROUND = 3  # events of a stream that carry no text: the first, the end and the usage


def _paced(events: int) -> dict[str, Any]:
    return {"gap_ms": {"fixed": GAP_MS}, "tokens": {"fixed": events - _AROUND}, "stamps": True}


_OPTIONS: dict[Kind, dict[str, Any]] = {
    "answers": {},
    "streams": _paced(EVENTS),
    "short streams": _paced(FEW_EVENTS),
    "held": {"gap_ms": {"fixed": HELD_GAP_MS}, "tokens": {"fixed": 100}},
}


def body(model: str, prompt_bytes: int, *, stream: bool) -> str:
    """A chat completion as the official SDK sends it: the model stands behind the messages."""
    fields: dict[str, Any] = {"messages": [{"role": "user", "content": prompt(prompt_bytes)}], "model": model}
    if stream:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    return as_json(fields)


@dataclass(frozen=True)
class Bill:
    """What a provider did, by its own count."""

    calls: int
    mismatches: int
    total_tokens: int
    bytes_in: int

    def since(self, before: Bill) -> Bill:
        """What came after an earlier bill."""
        return Bill(
            self.calls - before.calls,
            self.mismatches - before.mismatches,
            self.total_tokens - before.total_tokens,
            self.bytes_in - before.bytes_in,
        )


@dataclass(frozen=True)
class Provider:
    """A running provider that answers only calls for `model`."""

    port: int
    model: str
    process: subprocess.Popen[bytes]
    answer: Answer
    stream: Answer | None  # not asked for where streams are held open

    def bill(self) -> Bill:
        """Its totals."""
        totals: dict[str, int] = json.loads(calls.get(self.port, "/bill"))["totals"]
        return Bill(totals["calls"], totals["mismatches"], totals["total_tokens"], totals["bytes_in"])


@dataclass
class Providers:
    """Starts each provider when it is first needed; all run until the processes are closed."""

    processes: Processes
    folder: Path
    _running: dict[tuple[Kind, Sees], Provider] = field(default_factory=dict)

    def of(self, kind: Kind, sees: Sees) -> Provider:
        """The provider of one kind that sees model names as they were sent, or replaced. Raises `StartError`."""
        if (kind, sees) not in self._running:
            self._running[kind, sees] = self._start(kind, sees)
        return self._running[kind, sees]

    def _start(self, kind: Kind, sees: Sees) -> Provider:
        name, model, port = (
            f"provider-{kind.replace(' ', '-')}-{sees}",
            ALIAS if sees == "as_sent" else MODEL,
            free_port(),
        )
        scenario, log = self.folder / f"{name}.json", self.folder / f"{name}.log"
        # The name in its quotes, so that a peer may write its JSON with or without spaces.
        scenario.write_text(json.dumps(_OPTIONS[kind] | {"expect_body_contains": f'"{model}"'}))
        command = [str(Path(sys.executable).parent / "headgate"), "sim", "--fast", "--listen", f"127.0.0.1:{port}"]
        launch = Launch([*command, "--scenario", str(scenario)], self.processes.cores.other, log)
        try:
            process = self.processes.start(launch)
        except OSError as error:
            raise StartError(69, f"the simulated provider: {error}") from None
        wait_for_port(port, process, log)
        asked = [calls.call(port, body(model, 64, stream=stream), {}) for stream in (False, True)[: _asked(kind)]]
        if any(answer.text is None for answer in asked):
            raise StartError(1, f"the simulated provider gives no whole answer: {asked[0].body[:200]}")
        return Provider(port, model, process, asked[0], asked[1] if len(asked) > 1 else None)


def _asked(kind: Kind) -> int:
    return 1 if kind == "held" else 2


def free_port() -> int:
    """A port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path, within_s: float = 20) -> None:
    """Waits until something accepts there. Raises `StartError` with the end of the log when nothing does."""
    deadline = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise StartError(69, f"the simulated provider does not accept at port {port}: {tail(log)}")
