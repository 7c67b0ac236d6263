"""From the options of `headgate bench run` to the load that is put on the target. Reads files; opens no connection."""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from headgate.bench import bodies
from headgate.bench.run import describe, options, replay, slo, target
from headgate.bench.run.options import RunOptions
from headgate.bench.spec import (
    Arrivals,
    Call,
    Calls,
    Closed,
    Constant,
    Conversation,
    Each,
    Expect,
    Headers,
    Poisson,
    Ramp,
    Same,
    Spec,
    Trace,
    Users,
)
from headgate.config.units import show_size
from headgate.errors import UsageError

RATE = 50.0
CONNECTIONS = 50
CONNECTIONS_OPEN, SPARE_DESCRIPTORS = 1024, 64  # so many the engine keeps for itself
MOST_PROMPT = 64 << 20
_OPEN = ("rate", "poisson", "ramp", "users", "replay", "find_capacity")


@dataclass(frozen=True)
class Job:
    """A load, what it has to keep, and how it is told to a reader. `secrets` are never shown."""

    spec: Spec
    load: dict[str, str]
    thresholds: list[slo.Threshold]
    find_capacity: bool
    secrets: list[str] = field(default_factory=list, repr=False)

    @property
    def asked_per_second(self) -> float | None:
        """The mean rate of the schedule; None where answers or a file make the pace."""
        arrivals = self.spec.arrivals
        if isinstance(arrivals, Ramp):
            return (arrivals.from_per_second + arrivals.to_per_second) / 2
        return arrivals.per_second if isinstance(arrivals, Constant | Poisson) else None


def build(given: RunOptions, environ: Mapping[str, str]) -> Job:
    """Raises `UsageError` for options that make no sense, alone or together."""
    options.check(given)
    url = target.base_url(given.url or environ.get("OPENAI_BASE_URL", ""))
    if url.startswith("http:") and (given.insecure or given.ca_file):
        raise UsageError(f"{'--insecure' if given.insecure else '--ca-file'} is about TLS, and --url is http://")
    thresholds = slo.parse(given.slo) if given.slo is not None else []
    headers, key_from, secrets = target.headers(given, environ)
    try:
        spec = _spec(given, url, headers)
    except ValidationError as error:
        first = error.errors()[0]
        text = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {text}") from None
    return Job(spec, describe.load(given, spec, key_from), thresholds, given.find_capacity, secrets)


def _spec(given: RunOptions, url: str, headers: Headers) -> Spec:
    calls, arrivals, times = _load(given, _Times.of(given))
    timeout_ms = options.duration_ms("timeout", given.timeout, "60s")
    return Spec(
        url=url,
        headers=headers,
        calls=calls,
        arrivals=arrivals,
        duration_ms=times.duration_ms,
        warmup_ms=times.warmup_ms,
        max_connections=given.connections or _usual(CONNECTIONS_OPEN),
        timeout_ms=timeout_ms,
        threads=given.threads or 1,
        seed=1 if given.seed is None else given.seed,
        ca_file=_file(given.ca_file, "--ca-file"),
        verify=not given.insecure,
        expect=_expect(given),
        series_ms=_step_ms(times.duration_ms, timeout_ms),
    )


def _usual(connections: int) -> int:
    """As many as are usual, or as this process may have; a number that was asked for is never lowered."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return connections if most == resource.RLIM_INFINITY else max(1, min(connections, most - SPARE_DESCRIPTORS))


def _step_ms(duration_ms: int, timeout_ms: int) -> int:
    """Sixty steps or somewhat fewer; the last ends with the load where the duration can be divided so."""
    least = max(100, duration_ms // 60, (duration_ms + timeout_ms) // 50_000)
    return next((step for step in range(least, 2 * least) if duration_ms % step == 0), least)


@dataclass(frozen=True)
class _Times:
    """How long the load is. A ramp or a trace is counted from its start, unless a warm-up is asked for."""

    duration_ms: int
    warmup_ms: int

    @classmethod
    def of(cls, given: RunOptions) -> _Times:
        duration_ms = options.duration_ms("for_", given.for_, "5s" if given.find_capacity else "10s")
        if duration_ms < 1:
            raise UsageError("--for: a load takes some time, such as 10s")
        return cls(duration_ms, options.duration_ms("warmup", given.warmup, "0s" if given.ramp else "1s"))


def _load(given: RunOptions, times: _Times) -> tuple[Calls, Arrivals, _Times]:
    """What is called, and when; a trace without `--for` is as long as its file."""
    arrivals = _arrivals(given)
    if given.replay is None:
        return _calls(given), arrivals or Constant(per_second=RATE), times
    speed = given.speed or 1.0
    warmup_ms = options.duration_ms("warmup", given.warmup, "0s")
    need = replay.Need(
        traced=arrivals is None,
        calls=_calls_within(arrivals, times),
        before_ms=(warmup_ms + times.duration_ms) * speed if given.for_ else None,
        path=_path(given),
    )
    found = replay.read(given.replay, need)
    calls = Each(calls=found.calls)
    if arrivals is not None or not found.timed:
        if given.speed:
            raise UsageError(f"--speed needs times: the lines of --replay {given.replay} have no `at_ms`")
        return calls, arrivals or Constant(per_second=RATE), times
    whole_ms = math.floor(found.last_ms / speed) + 1
    if not given.for_ and whole_ms <= warmup_ms:
        raise UsageError(f"--warmup is longer than --replay {given.replay}: no call would be counted")
    length_ms = times.duration_ms if given.for_ else whole_ms - warmup_ms
    return calls, Trace(speed=speed), _Times(length_ms, warmup_ms)


def _calls_within(arrivals: Arrivals | None, times: _Times) -> int | None:
    """How many calls a schedule can start; None where the answers, or a file, decide."""
    seconds = (times.duration_ms + times.warmup_ms) / 1000
    if isinstance(arrivals, Constant):
        return math.ceil(arrivals.per_second * seconds) + 1
    if isinstance(arrivals, Ramp):
        return math.ceil(max(arrivals.from_per_second, arrivals.to_per_second) * seconds) + 1
    return None


def _arrivals(given: RunOptions) -> Arrivals | None:
    """The schedule that was asked for; None when none was. Connections alone are callers, as other tools have it."""
    alone = given.given("connections") and not any(map(given.given, _OPEN))
    if given.closed or alone:
        return Closed(connections=given.connections or _usual(CONNECTIONS))
    if given.ramp:
        low, high = options.ramp_ends(given.ramp)
        return Ramp(from_per_second=low, to_per_second=high)
    if given.users:
        return Users(users=given.users, think_ms=float(options.duration_ms("think", given.think, "2s")))
    if given.rate is None and not given.poisson and not given.find_capacity:
        return None
    rate = RATE if given.rate is None else given.rate
    return Poisson(per_second=rate) if given.poisson else Constant(per_second=rate)


def _calls(given: RunOptions) -> Calls:
    path = _path(given)
    plain = path.removeprefix("/")
    if given.body is not None:
        return Same(call=Call(path=path, body=_body_of(given.body)))
    if plain not in bodies.PATHS:
        raise UsageError(f"--path {plain} needs --body: known without one are {', '.join(bodies.PATHS)}")
    size = options.size_bytes("prompt_bytes", given.prompt_bytes, "400B")
    if not 1 <= size <= MOST_PROMPT:
        raise UsageError(f"--prompt-bytes: a prompt has 1B to {show_size(MOST_PROMPT)}")
    model = given.model or bodies.usual_model(plain)
    if plain == "embeddings" and (given.stream or given.max_tokens):
        raise UsageError(f"--path embeddings and --{'stream' if given.stream else 'max-tokens'} contradict each other")
    if given.expect_frames is not None and not given.stream:
        raise UsageError("--expect-frames needs --stream: only a stream has events")
    if given.users:
        return _conversation(given, plain, model, size)
    body = bodies.body(plain, model, size, stream=given.stream, max_tokens=given.max_tokens)
    return Same(call=Call(path=path, body=body))


def _conversation(given: RunOptions, path: str, model: str, prompt_bytes: int) -> Conversation:
    if path != "chat/completions":
        raise UsageError(f"--users and --path {path} contradict each other: users hold chats (with --body, any calls)")
    return Conversation(
        model=model,
        prompt_bytes=prompt_bytes,
        turns=given.turns or 8,
        stream=given.stream,
        max_tokens=given.max_tokens,
    )


def _path(given: RunOptions) -> str:
    path = given.path or bodies.PATHS[0]
    if not path.isascii() or not path.isprintable() or " " in path or "://" in path:
        raise UsageError("--path: write what comes after the base URL, such as chat/completions")
    return "/" + path.removeprefix("/")


def _body_of(file: str) -> str:
    text = _text(file, "--body")
    try:
        json.loads(text)
    except ValueError as error:
        raise UsageError(f"--body {file}: is no JSON: {error}") from None
    return text


def _text(file: str, option: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{option} {file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{option} {file}: is not UTF-8") from None


def _file(file: str | None, option: str) -> str | None:
    """A file that the engine will read, made sure of now."""
    if file is not None:
        _text(file, option)
    return file


def _expect(given: RunOptions) -> Expect:
    return Expect(
        status=given.expect_status,
        body=None if given.expect_body is None else _text(given.expect_body, "--expect-body"),
        text=given.expect_text,
        frames=given.expect_frames,
        total_tokens=given.expect_tokens,
    )
