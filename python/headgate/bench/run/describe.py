"""A load in words, for whoever reads its result. Names where a key came from, never the key."""

from __future__ import annotations

from pathlib import Path

from headgate.bench import bodies
from headgate.bench.figures import several, show_bytes, show_count
from headgate.bench.run.options import RunOptions
from headgate.bench.spec import (
    Arrivals,
    Closed,
    Constant,
    Conversation,
    Each,
    Expect,
    Poisson,
    Ramp,
    Spec,
    Trace,
    Users,
)
from headgate.config.units import show_duration


def load(given: RunOptions, spec: Spec, key_from: str) -> dict[str, str]:
    """Label and text, in the order in which they are read."""
    said = {
        "target": spec.url + _path(spec),
        "calls": _calls(given, spec),
        "schedule": _schedule(given, spec),
        "length": _length(given, spec),
        "limits": _limits(spec),
        "key": f"from {key_from}" if key_from else "none",
        "expects": _expects(spec.expect),
    }
    return {label: text for label, text in said.items() if text}


def schedule(arrivals: Arrivals) -> str:
    """When calls start."""
    match arrivals:
        case Constant(per_second=rate):
            return f"{show_count(rate)}/s, evenly spaced"
        case Poisson(per_second=rate):
            return f"{show_count(rate)}/s, at random (Poisson)"
        case Ramp(from_per_second=low, to_per_second=high):
            return f"from {show_count(low)}/s to {show_count(high)}/s"
        case Closed(connections=callers):
            each = "who calls" if callers == 1 else "each calls"
            return f"{several(callers, 'caller')}, {each} again when it has its answer"
        case Trace(speed=speed):
            return "at the file's times" + ("" if speed == 1 else f", {speed:g} times as fast")
        case Users(users=users, think_ms=think_ms):
            think = "thinks" if users == 1 else "think"
            return f"{several(users, 'user')}, who {think} for {show_duration(round(think_ms))} on average"


def _schedule(given: RunOptions, spec: Spec) -> str:
    said = schedule(spec.arrivals)
    if given.find_capacity:
        return f"a search for the highest rate, from {said}"
    chosen = any(given.given(name) for name in ("rate", "ramp", "users"))
    return said if chosen or isinstance(spec.arrivals, Closed | Trace) else f"{said}, which is the default"


def _path(spec: Spec) -> str:
    calls = spec.calls
    if isinstance(calls, Conversation):
        return calls.path
    if isinstance(calls, Each):
        paths = {call.path for call in calls.calls}
        return paths.pop() if len(paths) == 1 else f" ({len(paths)} paths)"
    return calls.call.path


def _calls(given: RunOptions, spec: Spec) -> str:
    calls = spec.calls
    if isinstance(calls, Each):
        return f"{show_count(len(calls.calls))} of {Path(given.replay or '').name}"
    if isinstance(calls, Conversation):
        what = f"conversations of {several(calls.turns, 'turn')}, {show_bytes(calls.prompt_bytes)} said in each"
        return ", ".join([f"model {calls.model}", what, *_answers(given)])
    size = show_bytes(len(calls.call.body.encode()))
    if given.body is not None:
        return f"{Path(given.body).name} ({size})"
    model = given.model or bodies.usual_model(calls.call.path.removeprefix("/"))
    return ", ".join([f"model {model}", f"bodies of {size}", *_answers(given)])


def _answers(given: RunOptions) -> list[str]:
    limit = [] if given.max_tokens is None else [f"at most {several(given.max_tokens, 'token')}"]
    return [*limit, "streamed" if given.stream else "answers in one piece"]


def _length(given: RunOptions, spec: Spec) -> str:
    warm_up = f" after {show_duration(spec.warmup_ms)} of warm-up" if spec.warmup_ms else ""
    each = " for each rate" if given.find_capacity else ""
    return show_duration(spec.duration_ms) + each + warm_up


def _limits(spec: Spec) -> str:
    open_loop = not isinstance(spec.arrivals, Closed | Users)
    connections = [f"at most {several(spec.max_connections, 'connection')}"] if open_loop else []
    threads = several(spec.threads, "thread")
    return ", ".join([*connections, f"{show_duration(spec.timeout_ms)} for a call", threads, f"seed {spec.seed}"])


def _expects(expect: Expect) -> str:
    said = {
        "status": expect.status,
        "the exact body of": expect.body and show_bytes(len(expect.body.encode())),
        "the exact text of": expect.text and show_bytes(len(expect.text.encode())),
        "events": expect.frames,
        "tokens": expect.total_tokens,
    }
    return ", ".join(f"{label} {value}" for label, value in said.items() if value is not None)
