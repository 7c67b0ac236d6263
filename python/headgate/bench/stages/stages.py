"""Where the time of a call goes inside headgate, by its own profile of stages.

A gateway that runs is only looked at: `stages(..., ops="127.0.0.1:9090")`. Without one, a gateway and a provider are
started, and a load is put on them, first with one caller and then with as many as were asked for: alone, a call finds
cold caches and wakes sleeping threads; among others it waits for its turn, and shares what each turn costs.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from headgate.bench import bodies
from headgate.bench.figures import show_count
from headgate.bench.result import LoadResult
from headgate.bench.spec import Call, Closed, Expect, Same, Spec
from headgate.bench.stages import measured
from headgate.bench.stages import ops as ops_listener
from headgate.engine import native
from headgate.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.bench.stages.measured import Measured

FORMAT = 1
WARM_UP_MS = 500
TIMEOUT_MS = 60_000
STREAM_GAP_MS = 2.0
"""Events come one by one, so that each is taken in a turn of its own."""


@dataclass(frozen=True)
class Stage:
    """One stage. Times are microseconds, and None where it was not passed; `share` is of all that works, or waits."""

    name: str
    what: str
    waits: bool
    count: int
    mean_us: float | None
    p50_us: float | None
    p99_us: float | None
    share: float


@dataclass(frozen=True)
class Profile:
    """What was counted: `per_call_us` is the mean of a call, over all stages that work."""

    load: str
    calls: int
    elapsed_s: float
    per_call_us: float | None
    waited_per_call_us: float | None
    stages: list[Stage]

    @classmethod
    def of(cls, page: dict[str, Any], load: str) -> Profile:
        """From what `GET /stages` says."""
        calls = page["calls"]
        return cls(
            load=load,
            calls=calls,
            elapsed_s=page["elapsed_ms"] / 1000,
            per_call_us=page["working_ns"] / calls / 1000 if calls else None,
            waited_per_call_us=page["waiting_ns"] / calls / 1000 if calls else None,
            stages=[_stage(row) for row in page["stages"]],
        )


@dataclass(frozen=True)
class StageTable:
    """One profile for each load."""

    profiles: list[Profile]

    def to_json(self) -> str:
        """As a document."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2)

    def to_text(self) -> str:
        """As tables for a terminal."""
        return "\n\n".join(_text(profile) for profile in self.profiles)


def stages(seconds: float, connections: int, prompt_bytes: int, *, stream: bool, ops: str | None) -> StageTable:
    """Measures for `seconds` each. With `ops`, the address of a gateway that runs, the other arguments mean nothing.

    Raises `StartError` when a gateway cannot be started or reached, `GatewayError` when calls fail.
    """
    if ops is not None:
        return StageTable([look(ops, seconds)])
    body = bodies.body("chat/completions", measured.MODEL, prompt_bytes, stream=stream, max_tokens=None)
    with measured.gateway(gap_ms=STREAM_GAP_MS if stream else 0.0) as gateway:
        counts = sorted({1, connections})
        return StageTable([_loaded(gateway, _spec(gateway, body, count, seconds)) for count in counts])


def look(address: str, seconds: float) -> Profile:
    """Switches the profile of a gateway on for some seconds, and off again whatever happens."""
    ops_listener.switch(address, "on")
    try:
        time.sleep(seconds)
        return Profile.of(ops_listener.profile(address), "as it came")
    finally:
        ops_listener.switch(address, "off")


def _spec(gateway: Measured, body: str, connections: int, seconds: float) -> Spec:
    return Spec(
        url=f"http://{gateway.data}/v1",
        headers=gateway.headers,
        calls=Same(call=Call(path="/chat/completions", body=body)),
        arrivals=Closed(connections=connections),
        duration_ms=WARM_UP_MS + round(seconds * 1000),
        max_connections=connections,
        timeout_ms=TIMEOUT_MS,
        expect=Expect(status=200),
    )


def _loaded(gateway: Measured, spec: Spec) -> Profile:
    """The profile of a load, less its beginning."""
    load = native.start_load(spec.model_dump(mode="json"))
    try:
        load.wait(WARM_UP_MS)
        ops_listener.switch(gateway.ops, "on")
        load.wait(spec.duration_ms + TIMEOUT_MS)
        page = ops_listener.profile(gateway.ops)
    finally:
        load.stop()
    result = LoadResult.from_json(load.result())
    if result.failed or not result.good:
        said = next(iter(result.examples.values()), "no call was answered")
        asked = result.failed + result.good
        raise GatewayError(f"{result.failed} of {asked} calls failed, so the profile is void: {said}")
    callers = spec.max_connections
    return Profile.of(page, "1 caller" if callers == 1 else f"{show_count(callers)} callers")


def _stage(row: dict[str, Any]) -> Stage:
    def us(name: str) -> float | None:
        return None if row[name] is None else row[name] / 1000

    return Stage(
        name=row["stage"],
        what=row["what"],
        waits=row["waits"],
        count=row["count"],
        mean_us=row["total_ns"] / row["count"] / 1000 if row["count"] else None,
        p50_us=us("p50_ns"),
        p99_us=us("p99_ns"),
        share=row["share"],
    )


_COLUMNS = ("a call", "mean µs", "p50 µs", "p99 µs", "share")


def _text(profile: Profile) -> str:
    if not profile.calls:
        return f"{profile.load}: no call ended within {profile.elapsed_s:.1f} s"
    names, whats = (
        max(map(len, texts)) for texts in zip(*[(one.name, one.what) for one in profile.stages], strict=True)
    )

    def line(name: str, what: str, figures: Iterable[str]) -> str:
        return f"{name:<{names}}  {what:<{whats}}" + "".join(f"{figure:>11}" for figure in figures)

    def rows(*, waits: bool) -> list[str]:
        chosen = [stage for stage in profile.stages if stage.waits == waits]
        return [line(stage.name, stage.what, _figures(stage, profile.calls)) for stage in chosen]

    calls = f"{show_count(profile.calls)} calls in {profile.elapsed_s:.1f} s"
    return "\n".join(
        [
            f"{profile.load}: {calls}, each {_us(profile.per_call_us)} µs of the gateway's own time",
            line("", "", _COLUMNS),
            *rows(waits=False),
            f"and {_us(profile.waited_per_call_us)} µs of waiting for others",
            *rows(waits=True),
        ]
    )


def _figures(stage: Stage, calls: int) -> list[str]:
    times = [_us(time) for time in (stage.mean_us, stage.p50_us, stage.p99_us)]
    return [f"{stage.count / calls:.2f}", *times, f"{100 * stage.share:.1f} %"]


def _us(time: float | None) -> str:
    return "-" if time is None else f"{time:,.2f}"
