"""A target that runs and answers right."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.bench.compare import calls
from headgate.bench.compare.find import KEY, Peer, render
from headgate.bench.compare.process import Launch, tail
from headgate.bench.compare.providers import Provider, body, free_port
from headgate.bench.spec import Expect

if TYPE_CHECKING:
    from pathlib import Path

    from headgate.bench.compare.calls import Answer
    from headgate.bench.compare.manifest import Manifest
    from headgate.bench.compare.process import Processes
    from headgate.bench.compare.providers import Kind, Providers

PREPARE_S = 60
_CONNECTING_S = 0.001  # between two tries to connect, so that a start is timed well
_WRONG_S = 0.2  # between two calls that were answered wrong


class Unfit(Exception):
    """A target cannot be measured; the text says why."""


@dataclass(frozen=True)
class Scene:
    """What a target is started for: a kind of provider, and whether keys and aliases are used."""

    kind: Kind
    features: bool = True

    def __str__(self) -> str:
        return self.kind + ("" if self.features else ", features off")


@dataclass(frozen=True)
class Ready:
    """A target that was configured and can be started."""

    peer: Peer
    manifest: Manifest  # as it is in this scene
    provider: Provider
    folder: Path
    port: int
    variables: dict[str, str]

    def render(self, template: str) -> str:
        """A template of the manifest. Raises `Unfit` for a variable that does not exist."""
        try:
            return render(template, self.variables)
        except KeyError as error:
            raise Unfit(f"its manifest uses a variable that does not exist: {error}") from None

    @property
    def environment(self) -> dict[str, str]:
        """What the process gets beside the harness's own."""
        return {name: self.render(value) for name, value in self.manifest.environment.items()}

    @property
    def headers(self) -> dict[str, str]:
        """Of every call, names in lower case."""
        own = {name.lower(): self.render(value) for name, value in self.manifest.headers.items()}
        return {"authorization": f"Bearer {KEY}"} | own

    @property
    def model(self) -> str:
        """What callers name as model."""
        return self.render(self.manifest.model)

    def call(self, *, stream: bool) -> Answer:
        """One call of a small prompt."""
        return calls.call(self.port, body(self.model, 64, stream=stream), self.headers)

    def wrong(self, answer: Answer) -> str | None:
        """What is wrong with an answer to such a call, if anything is."""
        right = self.provider.stream if answer.frames else self.provider.answer
        if answer.status != 200:
            return f"HTTP {answer.status}: {' '.join(answer.body.split())[:200]}"
        if right is None or (answer.text, answer.total_tokens) != (right.text, right.total_tokens):
            return f"another answer than the provider's: {' '.join(answer.body.split())[:200]}"
        return None


@dataclass(frozen=True)
class Live:
    """A running target, and what its right answers are."""

    ready: Ready
    process: subprocess.Popen[bytes]
    frames: int | None  # of a stream through this target; None where streams are not called
    first_answer_s: float  # from its start to the end of its first right answer

    @property
    def name(self) -> str:
        """As in the report."""
        return self.ready.peer.name

    @property
    def provider(self) -> Provider:
        """The one behind it."""
        return self.ready.provider

    def expect(self, *, stream: bool) -> Expect:
        """What the load engine holds each answer against."""
        right = self.provider.stream if stream else self.provider.answer
        if right is None:
            return Expect()
        if self.ready.manifest.verbatim:
            return Expect(status=200, body=right.body)
        frames = self.frames if stream else None
        return Expect(status=200, text=right.text, frames=frames, total_tokens=right.total_tokens)

    def counted(self) -> int | None:
        """Calls by the target's own metrics; None for a target that has none. Raises `OSError`."""
        metrics = self.ready.manifest.metrics
        if metrics is None:
            return None
        port, slash, path = self.ready.render(metrics.url).partition("127.0.0.1:")[2].partition("/")
        lines = calls.get(int(port), slash + path).splitlines()
        return round(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(metrics.counter)))


@dataclass(frozen=True)
class Stage:
    """Where targets are started."""

    processes: Processes
    providers: Providers
    folder: Path

    def start(self, peer: Peer, scene: Scene) -> Live:
        """Starts a target and calls it until it answers right. Raises `Unfit`; nothing of it is left then."""
        ready = self.prepare(peer, scene)
        began = time.monotonic()
        command = [ready.render(word) for word in ready.manifest.start]
        log = ready.folder / "log"
        launch = Launch(command, self.processes.cores.gateway, log, ready.environment, ready.folder)
        try:
            process = self.processes.start(launch)
        except OSError as error:
            raise Unfit(f"{command[0]}: {(error.strerror or str(error)).lower()}") from None
        try:
            patience = _Patience(process, log, began + ready.manifest.ready_within_s)
            _answer(ready, patience, stream=False)
            first = time.monotonic() - began
            frames = _answer(ready, patience, stream=True).frames if ready.provider.stream else None
        except BaseException:
            self.processes.end(process)
            raise
        return Live(ready, process, frames, first)

    def prepare(self, peer: Peer, scene: Scene) -> Ready:
        """Writes the target's files, and runs what its manifest wants run before a start."""
        said = peer.manifest.under(streams=scene.kind != "answers", features=scene.features)
        provider = self.providers.of(scene.kind, said.provider)
        folder = self.folder / f"{peer.name}-{time.monotonic_ns()}"
        folder.mkdir(parents=True)
        port = free_port()
        own = {
            "PORT": str(port),
            "OPS": str(free_port()),
            "UPSTREAM": f"127.0.0.1:{provider.port}",
            "FOLDER": str(folder),
        }
        ready = Ready(peer, said, provider, folder, port, {**peer.variables, **said.variables, **peer.given, **own})
        for name, template in said.files.items():
            (folder / name).write_text(ready.render(template))
        for command in said.prepare:
            _run([ready.render(word) for word in command], ready)
        return ready


@dataclass(frozen=True)
class _Patience:
    """How long a target may take, and how to tell why it took too long."""

    process: subprocess.Popen[bytes]
    log: Path
    until: float  # by the monotonic clock


def _answer(ready: Ready, patience: _Patience, *, stream: bool) -> Answer:
    """The first right answer. Raises `Unfit` when none came in time."""
    problem = "it does not accept connections"
    while time.monotonic() < patience.until:
        if patience.process.poll() is not None:
            said = tail(patience.log) or "it says nothing"
            raise Unfit(f"it ended with exit code {patience.process.returncode}: {said}")
        try:
            answer = ready.call(stream=stream)
        except ConnectionRefusedError:
            time.sleep(_CONNECTING_S)
            continue
        except (OSError, http.client.HTTPException) as error:
            problem = f"a call ends with {type(error).__name__}: {error}"
            time.sleep(_WRONG_S)
            continue
        wrong = ready.wrong(answer)
        if wrong is None:
            return answer
        problem = f"a {'stream' if stream else 'call'} is answered with {wrong}"
        time.sleep(_WRONG_S)
    raise Unfit(f"{problem} (within {ready.manifest.ready_within_s:.0f} s)")


def _run(command: list[str], ready: Ready) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=ready.folder,
            env={**os.environ, **ready.environment},
            check=False,
            capture_output=True,
            text=True,
            timeout=PREPARE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unfit(f"{command[0]}: {error}") from None
    if done.returncode:
        raise Unfit(f"`{command[0]}` exits with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
