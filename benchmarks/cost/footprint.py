"""How much memory an idle gateway holds, and how soon after its start it answers a call."""

import socket
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import rss_bytes, running, tree
from .targets import KEY, SECRETS
from .window import GATEWAY_CORE


@dataclass(frozen=True)
class Footprint:
    """Of one program; times are from the start of the process to the end of the first answer."""

    program: str
    idle_rss_bytes: int
    first_answer_ms_median: float
    first_answer_ms_best: float
    starts: int


def footprint(program: str, command: Sequence[str], port: int, body: Path, starts: int = 5) -> Footprint:
    """Starts `command` several times, calls it until it answers, and reads its memory a second later."""
    log = body.parent / f"footprint-{program.replace(' ', '-')}.log"
    answered_ms, rss = [], 0
    for _ in range(starts):
        began = time.perf_counter()
        with running(command, GATEWAY_CORE, log, SECRETS) as process:
            _call_until_answered(port, body.read_bytes(), process, log)
            answered_ms.append(1000 * (time.perf_counter() - began))
            time.sleep(1)  # what start-up left is done by then
            rss = max(rss, rss_bytes(tree(process.pid)))
    return Footprint(program, rss, statistics.median(answered_ms), min(answered_ms), starts)


def _call_until_answered(port: int, body: bytes, process: subprocess.Popen[bytes], log: Path) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {KEY}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(head.encode() + body)
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            time.sleep(0.0005)
            continue
        if answer.startswith(b"HTTP/1.1 200 "):
            return
        raise RuntimeError(f"the first call was answered {answer[:200]!r}")
    raise RuntimeError(f"{process.args!r} did not answer:\n{log.read_text()[-2000:]}")
