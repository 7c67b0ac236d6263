"""One window: a load on one target for some seconds, and what it cost."""

import json
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .process import cores_busy, cpu_seconds, tree
from .targets import ALIAS, HERE, KEY, Target

GATEWAY_CORE, OTHER_CORE = 0, 1


@dataclass(frozen=True)
class Cell:
    """A load: how long the prompt is, and how many connections call at once."""

    prompt_bytes: int
    connections: int

    @property
    def name(self) -> str:
        """As it stands in reports."""
        size = f"{self.prompt_bytes // 1000} KB" if self.prompt_bytes >= 1000 else f"{self.prompt_bytes} B"
        return f"{size}, c={self.connections}"

    def write_body(self, folder: Path) -> Path:
        """A chat completion whose prompt has this size; the model stands behind the prompt, as SDKs send it."""
        message = {"role": "user", "content": "x" * self.prompt_bytes}
        path = folder / f"body-{self.prompt_bytes}.json"
        path.write_text(json.dumps({"messages": [message], "model": ALIAS}, separators=(",", ":")))
        return path


@dataclass(frozen=True)
class Window:
    """What was seen. Shares are of one core."""

    target: str
    cell: str
    round: int
    requests: int
    seconds: float
    wrong_answers: int
    broken_connections: int
    cpu_us_per_request: float
    provider_us_per_request: float
    others_share: float
    gateway_core_busy: float
    other_core_busy: float
    p50_us: int
    p99_us: int

    @property
    def is_void(self) -> bool:
        """Whether a call went wrong: then the figures say nothing."""
        return not self.requests or self.wrong_answers + self.broken_connections > 0

    @property
    def is_disturbed(self) -> bool:
        """Whether other programs took so much that it shows."""
        return self.others_share > 0.08


@dataclass(frozen=True)
class Live:
    """A target that runs, the provider behind it, and where bodies are."""

    target: Target
    process: int
    provider_process: int
    folder: Path


def measure(live: Live, cell: Cell, seconds: int, number: int) -> Window:
    """Loads one target for `seconds`; `number` is the round, for the report."""
    gateway, provider = tree(live.process), tree(live.provider_process)
    body = cell.write_body(live.folder)

    before = _Clock.read(gateway, provider)
    said = _wrk(live.target.port, cell, body, seconds)
    used = _Clock.read(gateway, provider).since(before)

    elapsed, requests = said["microseconds"] / 1e6, said["requests"]
    total = sum(used.cores.values())
    return Window(
        target=live.target.name,
        cell=cell.name,
        round=number,
        requests=requests,
        seconds=elapsed,
        wrong_answers=said["not_2xx"],
        broken_connections=said["broken"],
        cpu_us_per_request=1e6 * used.gateway / max(requests, 1),
        provider_us_per_request=1e6 * used.provider / max(requests, 1),
        others_share=max(0.0, total - used.gateway - used.provider - used.ours) / elapsed,
        gateway_core_busy=used.cores[GATEWAY_CORE] / elapsed,
        other_core_busy=used.cores[OTHER_CORE] / elapsed,
        p50_us=said["p50_us"],
        p99_us=said["p99_us"],
    )


def _wrk(port: int, cell: Cell, body: Path, seconds: int) -> dict[str, int]:
    """Runs wrk and returns its totals; the keys are those of load.lua."""
    command = ["taskset", "-c", str(OTHER_CORE), "wrk", "-t", "1", "-c", str(cell.connections), "-d", f"{seconds}s"]
    command += ["--timeout", "10s", "-s", str(HERE / "load.lua")]
    command += [f"http://127.0.0.1:{port}/v1/chat/completions", "--", str(body), KEY]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True)
class _Clock:
    """CPU seconds so far: of the gateway, of the provider, of wrk and this program, and of each core."""

    gateway: float
    provider: float
    ours: float
    cores: dict[int, float]

    @classmethod
    def read(cls, gateway: list[int], provider: list[int]) -> "_Clock":
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        ours = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        return cls(cpu_seconds(gateway), cpu_seconds(provider), ours, cores_busy())

    def since(self, before: "_Clock") -> "_Clock":
        cores = {core: busy - before.cores[core] for core, busy in self.cores.items()}
        return _Clock(self.gateway - before.gateway, self.provider - before.provider, self.ours - before.ours, cores)
