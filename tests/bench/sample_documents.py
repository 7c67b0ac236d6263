"""Made-up documents of the shape and size of real ones. The same call gives the same document."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace

from headgate.bench.compare.document import (
    Absent,
    Cell,
    Comparison,
    Difference,
    Memory,
    Mode,
    Ratio,
    Row,
    Slope,
    Start,
    SystemCalls,
    Target,
    Verdict,
    Window,
)
from headgate.bench.result import Health, Hist, LoadResult, Step, Usage
from headgate.bench.run.document import Judged, Probe, Run

SECONDS = 3.0
ROUNDS = 5
EVENTS = 64

# CPU µs per call: without a prompt, and what each KB adds; then the wait at c=1.
COSTS = {
    "floor": (12.4, 0.22, 106.0),
    "nginx": (17.6, 0.62, 117.0),
    "haproxy": (18.3, 0.5, 121.0),
    "headgated": (15.9, 0.27, 113.0),
    "python": (410.0, 1.9, 612.0),
    "litellm": (7400.0, 3.1, 7900.0),
}


def _cell(name: str, title: str, prompt_bytes: int, connections: int, mode: Mode = "closed") -> Cell:
    cell = Cell(name=name, title=title, mode=mode, prompt_bytes=prompt_bytes, connections=connections)
    if mode == "stream":
        return replace(cell, events=EVENTS, gap_ms=5.0)
    return replace(cell, share_of_capacity=0.6) if mode == "open" else cell


HEADLINE_CELLS = [
    _cell("small", "64 B, c=50", 64, 50),
    _cell("one", "64 B, c=1", 64, 1),
    _cell("large", "100 KB, c=8", 102_400, 8),
    _cell("stream", "64 streams, 64 events 5 ms apart", 64, 64, "stream"),
]
MORE_CELLS = [
    _cell("open", "64 B, open loop at 60%", 64, 1024, "open"),
    _cell("1k", "1 KB, c=8", 1024, 8),
    _cell("16k", "16 KB, c=8", 16_384, 8),
    _cell("400k", "400 KB, c=8", 409_600, 8),
]


def full(targets: Sequence[str] = tuple(COSTS), cells: Sequence[Cell] = (), seed: int = 7) -> Comparison:
    """A run with all parts, a void and two disturbed windows, a missed and an unmeasured target, two absent ones."""
    cells = list(cells or [*HEADLINE_CELLS, *MORE_CELLS])
    windows = _windows(cells, targets, random.Random(seed))
    rows = [_row(cell, target, windows) for cell in cells for target in targets]
    return Comparison(
        command="headgate bench compare floor nginx haproxy headgated python litellm busbar --cells full --seed 7",
        started="2026-11-20T09:14:02+00:00",
        took_s=1184.0,
        seed=seed,
        machine={
            "cpu": "AMD EPYC, virtual machine",
            "cores": "2",
            "kernel": "Linux 6.18.44",
            "python": "CPython 3.11.7",
        },
        versions={"headgate": "0.1.0", "rustc": "1.95.0", "commit": "c774332"},
        seconds=SECONDS,
        rounds=ROUNDS,
        cells=cells,
        targets=[target for target in TARGETS if target.name in targets],
        absent=[
            Absent("busbar", "no package has it: give a binary with `--with busbar=/path/to/busbar`"),
            Absent("portkey", "npm is not installed: apt-get install npm, then `--install`"),
        ],
        windows=windows,
        rows=rows,
        ratios=_ratios(cells, targets, windows),
        differences=_differences(cells, targets, windows),
        slopes=[Slope(name, 1024, 409_600, COSTS[name][1]) for name in targets],
        system_calls=[_system_calls(name, c) for name in targets if name != "litellm" for c in (1, 50)],
        memory=[
            Memory(name, state, round(base * grown * 2**20), round(base * grown * 0.9 * 2**20))
            for name, base in MIB.items()
            if name in targets
            for state, grown in (
                ("idle", 1.0),
                ("after c=50", 1.6),
                ("100 open streams", 1.9),
                ("1000 open streams", 3.4),
                ("50 x 1 MB", 4.4),
            )
        ],
        starts=[Start(name, 5, median, median * 0.9) for name, median in STARTS.items() if name in targets],
        verdicts=VERDICTS,
        notes=["In 3 windows the core of the load was busy above 95%: their calls per second are a lower bound."],
    )


TARGETS = [
    Target(
        "floor", "Floor relay", "of this tree", "cargo build -p relay", [], [], "relay 127.0.0.1:9001 127.0.0.1:9100"
    ),
    Target(
        "nginx",
        "nginx",
        "nginx/1.22.1",
        "apt-get install nginx-light",
        ["HTTP/1.1 checked"],
        ["Reads no model name and checks no key, so that it does less than a gateway."],
        "nginx -c nginx.conf",
    ),
    Target(
        "haproxy",
        "HAProxy",
        "HAProxy 2.6.12",
        "apt-get install haproxy",
        ["HTTP/1.1 checked"],
        ["Reads no model name and checks no key, so that it does less than a gateway."],
        "haproxy -f haproxy.cfg",
    ),
    Target(
        "headgated",
        "headgate",
        "headgated 0.1.0",
        "make headgated",
        ["HTTP/1.1 checked", "key checked", "alias replaced", "usage metered", "timeouts", "metrics"],
        [],
        "headgated plan.json",
    ),
    Target(
        "python",
        "Python baseline",
        "aiohttp 3.14.5, uvloop 0.22.1",
        "part of this tree",
        ["HTTP/1.1 checked", "key checked", "alias replaced", "timeouts"],
        [],
        "python -m benchmarks.baseline policy.yaml",
    ),
    Target(
        "litellm",
        "LiteLLM",
        "1.106.2",
        "pip install litellm==1.106.2",
        ["HTTP/1.1 checked", "key checked", "alias replaced", "usage metered", "timeouts", "metrics"],
        ["One worker and no database: what its documentation calls a minimal proxy."],
        "litellm --config litellm.yaml --port 9004",
        pinned=False,
    ),
]
MIB = {"floor": 1.2, "nginx": 12.5, "haproxy": 14.4, "headgated": 5.4, "python": 48.0, "litellm": 328.0}
STARTS = {"floor": 1.4, "nginx": 9.0, "haproxy": 14.0, "headgated": 15.0, "python": 410.0, "litellm": 5700.0}
VERDICTS = [
    Verdict("X at 64 B, c=50", "<= 1.05", "0.90 [0.88, 0.92]", met=True),
    Verdict("X at 100 KB, c=8", "<= 0.9", "0.68 [0.66, 0.70]", met=True),
    Verdict("D at 64 B, c=50", "<= 0.45", "0.28 [0.26, 0.31]", met=True),
    Verdict("L: p50 over the floor at c=1", "<= 15 µs", "16.4 µs [15.8, 17.1]", met=False),
    Verdict("slope", "<= 0.30 µs/KB", "0.27 µs/KB", met=True),
    Verdict("added time to first token, p99", "<= 150 µs", "no clean window in two of five rounds", met=None),
]


def no_ratios() -> Comparison:
    """Only one gateway was measured: nothing to compare it with."""
    return replace(full(["headgated"], HEADLINE_CELLS), ratios=[], differences=[], verdicts=[], absent=[], notes=[])


def nothing() -> Comparison:
    """Every target was absent."""
    return replace(
        full([]),
        absent=[Absent(name, "not installed") for name in COSTS],
        verdicts=[replace(verdict, met=None, measured="not measured") for verdict in VERDICTS],
        system_calls=[],
        notes=[],
    )


def all_void() -> Comparison:
    """Windows, but none that counts: figures of 0 and no number stand in them."""
    whole = full(cells=HEADLINE_CELLS)
    windows = [
        replace(window, void="3 of 3 answers had a wrong body", cpu_us_per_call=math.nan, calls=0)
        for window in whole.windows
    ]
    return replace(
        whole, windows=windows, rows=[], ratios=[], differences=[], slopes=[], system_calls=[], memory=[], starts=[]
    )


def hostile() -> Comparison:
    """Every text that comes from outside tries to be markup."""
    attack = (
        "<script src=https://evil.example/x.js></script>|`*_$x$\"'><img src=x onerror=alert(1)>\n"
        '# no {{ 7 * 7 }} \u6c34\U0001f4a7 #010101 id="x"'
    )
    whole = full(cells=HEADLINE_CELLS)
    rename: Callable[[str], str] = lambda name: attack if name == "litellm" else name  # noqa: E731
    return replace(
        whole,
        command=attack,
        targets=[
            replace(t, name=rename(t.name), title=attack, version=attack, features=[attack]) for t in whole.targets
        ],
        absent=[Absent(attack, attack)],
        windows=[replace(window, target=rename(window.target), void=attack) for window in whole.windows[:9]],
        rows=[replace(row, target=rename(row.target)) for row in whole.rows],
        cells=[replace(cell, title=attack) for cell in whole.cells],
        ratios=[replace(ratio, target=rename(ratio.target)) for ratio in whole.ratios],
        verdicts=[Verdict(attack, attack, attack, met=True)],
        machine={attack: attack},
        notes=[attack],
    )


def _windows(cells: Sequence[Cell], targets: Sequence[str], chance: random.Random) -> list[Window]:
    windows: list[Window] = []
    for cell in cells:
        for number in range(ROUNDS):
            weather = chance.gauss(1.0, 0.04)
            turn = number % max(1, len(targets))
            for target in [*targets[turn:], *targets[:turn]]:
                at_s = len(windows) * (SECONDS + 0.7)
                windows.append(_window(target, cell, (number, at_s), weather * chance.gauss(1.0, 0.012)))
    slower = {
        at: replace(windows[at], cpu_us_per_call=windows[at].cpu_us_per_call * 1.11)
        for at in (7, 20, 41)
        if at < len(windows)
    }
    for at, window in slower.items():
        if at == 7:
            windows[at] = replace(window, void="2 of 57,112 answers had a wrong body")
        else:
            windows[at] = replace(window, disturbed="other processes took 14 % of a core")
    return windows


def _window(target: str, cell: Cell, turn: tuple[int, float], weather: float) -> Window:
    base, per_kb, wait = COSTS[target]
    stream = cell.mode == "stream"
    cpu = (base + per_kb * cell.prompt_bytes / 1024 + (EVENTS * base * 0.62 if stream else 0)) * weather
    p50 = (wait if cell.connections == 1 else 40 + cpu * min(cell.connections, 50) * 0.92) * weather
    rate = 200.0 if stream else 1e6 / cpu if cell.connections > 1 else 1e6 / p50
    return Window(
        target=target,
        cell=cell.name,
        round=turn[0],
        at_s=turn[1],
        seconds=SECONDS,
        calls=round(rate * SECONDS),
        calls_per_second=rate,
        cpu_us_per_call=cpu,
        provider_us_per_call=8.0 * weather,
        load_us_per_call=6.1 * weather,
        p50_us=p50,
        p90_us=p50 * 1.25,
        p99_us=p50 * 1.9,
        p999_us=p50 * 3.1,
        ttft_p50_us=p50 * 1.02 if stream else None,
        ttft_p99_us=p50 * 1.8 if stream else None,
        frames=round(rate * SECONDS) * EVENTS if stream else 0,
        cpu_us_per_event=cpu / EVENTS if stream else None,
        event_delay_p50_us=wait * 0.8 * weather if stream else None,
        event_delay_p99_us=wait * 1.7 * weather if stream else None,
        late_calls=0,
        others_share=0.01,
        gateway_core_busy=0.97,
        other_core_busy=0.93,
    )


def _kept(windows: Sequence[Window], cell: str, target: str) -> list[Window]:
    return [w for w in windows if (w.cell, w.target) == (cell, target) and w.void is None and w.disturbed is None]


def _row(cell: Cell, target: str, windows: Sequence[Window]) -> Row:
    kept = _kept(windows, cell.name, target)

    def middle(name: str) -> float:
        return float(statistics.median(getattr(window, name) for window in kept))

    def of_streams(name: str) -> float | None:
        return middle(name) if cell.mode == "stream" else None

    return Row(
        cell=cell.name,
        target=target,
        windows=len(kept),
        left_out=ROUNDS - len(kept),
        cpu_us_per_call=middle("cpu_us_per_call"),
        cpu_us_per_call_best=min(window.cpu_us_per_call for window in kept),
        calls_per_second=middle("calls_per_second"),
        calls_per_core_second=1e6 / middle("cpu_us_per_call"),
        p50_us=middle("p50_us"),
        p99_us=middle("p99_us"),
        p999_us=middle("p999_us"),
        ttft_p50_us=of_streams("ttft_p50_us"),
        ttft_p99_us=of_streams("ttft_p99_us"),
        cpu_us_per_event=of_streams("cpu_us_per_event"),
        event_delay_p50_us=of_streams("event_delay_p50_us"),
        event_delay_p99_us=of_streams("event_delay_p99_us"),
        gateway_core_busy=0.97,
        other_core_busy=0.93,
    )


def _pairs(windows: Sequence[Window], cell: str, names: tuple[str, str], figure: str) -> list[tuple[float, float]]:
    ours, theirs = ({w.round: w for w in _kept(windows, cell, name)} for name in names)
    return [(getattr(ours[r], figure), getattr(theirs[r], figure)) for r in ours if r in theirs]


def _ratios(cells: Sequence[Cell], targets: Sequence[str], windows: Sequence[Window]) -> list[Ratio]:
    found = []
    for cell in cells:
        cpu = ("cpu_us_per_event", "events") if cell.mode == "stream" else ("cpu_us_per_call", "cpu")
        plain = [(target, "plain", "nginx", cpu) for target in targets if target not in ("floor", "nginx", "haproxy")]
        over = [(target, name, name, cpu) for name in ("floor", "nginx", "haproxy") for target in targets]
        others = [("headgated", name, name, ("calls_per_second", "throughput")) for name in ("python", "litellm")]
        for target, against, base, (field, figure) in [*plain, *over, *others]:
            if {target, base} <= set(targets) and target != base:
                pairs = _pairs(windows, cell.name, (target, base), field)
                of = sorted(a / b for a, b in pairs)
                best = min(a for a, _ in pairs) / min(b for _, b in pairs)
                middle = statistics.median(of)
                found.append(Ratio(cell.name, target, against, figure, len(of), middle, of[0], of[-1], best))
    return found


def _differences(cells: Sequence[Cell], targets: Sequence[str], windows: Sequence[Window]) -> list[Difference]:
    found = []
    for cell in cells:
        for figure in ("p50", "p99", *(("ttft_p50", "ttft_p99") if cell.mode == "stream" else ())):
            for target in targets:
                pairs = _pairs(windows, cell.name, (target, "floor"), f"{figure}_us") if "floor" in targets else []
                of = sorted(a - b for a, b in pairs)
                if of and target != "floor":
                    middle = statistics.median(of)
                    found.append(Difference(cell.name, target, "floor", figure, len(of), middle, of[0], of[-1]))
    return found


def _system_calls(target: str, connections: int) -> SystemCalls:
    per_call = {"floor": 4.0, "nginx": 5.0, "haproxy": 4.1, "headgated": 4.1, "python": 11.0}[target]
    waits = 2.0 if connections == 1 else 0.1
    by_name = {"recvfrom": per_call / 2, "sendto": per_call / 2, "epoll_wait": waits}
    return SystemCalls(target, connections, 20_000, per_call + waits, by_name)


def hist(median_us: float, spread: float = 0.35, count: int = 60_000) -> Hist:
    """A log-normal distribution as the engine writes it."""
    normal = statistics.NormalDist()

    def at(share: float) -> float:
        held = min(max(share, 1 / count), 1 - 1 / count)
        return median_us * math.exp(
            spread * normal.inv_cdf(held) + (0.9 if held > 0.995 else 0.0) * (held - 0.995) * 200
        )

    shares = [i / 20 for i in range(20)] + [1 - 0.05 * 10 ** (-i / 8) for i in range(1, 32)] + [1.0]
    return Hist(
        count=count,
        mean_us=median_us * math.exp(spread**2 / 2),
        min_us=at(0.0),
        max_us=at(1.0),
        p50_us=at(0.5),
        p90_us=at(0.9),
        p99_us=at(0.99),
        p999_us=at(0.999),
        p9999_us=at(0.9999),
        curve=[(share, at(share)) for share in shares],
        hdr="",
    )


def load_result(seed: int = 3) -> LoadResult:
    """A load of streams at 2000 a second for 30 s, with some failures of three classes."""
    chance = random.Random(seed)
    series = [
        Step(
            at_ms=1000.0 * (at + 1),
            sent=round(chance.gauss(2000, 8)),
            good=round(chance.gauss(1995, 8)) - (260 if at == 17 else 0),
            failed=260 if at == 17 else chance.choice([0, 0, 0, 1, 2]),
            p50_us=chance.gauss(1240, 20),
            p99_us=chance.gauss(3900, 300) * (4 if at in (17, 18) else 1),
            ttft_p50_us=chance.gauss(840, 15),
        )
        for at in range(30)
    ]
    return LoadResult(
        elapsed_s=30.002,
        asked=60_000,
        sent=60_000,
        answered=59_741,
        good=59_722,
        open=0,
        failures={"refused": 0, "closed": 12, "timeout": 0, "status": 247, "cut": 19},
        statuses={"200": 59_741, "429": 247},
        examples={
            "status": 'HTTP 429: {"error":{"message":"the limit of requests is reached","code":"rate_limited"}}',
            "closed": "the connection was closed before the answer's head",
            "cut": "the stream ended without [DONE] after 41 events",
        },
        bytes_in=812_345_678,
        bytes_out=61_234_567,
        frames=3_822_208,
        streams=59_741,
        usage=Usage(answers=59_722, prompt_tokens=955_552, completion_tokens=3_822_208, total_tokens=4_777_760),
        latency=hist(1240),
        service=hist(1180, 0.28),
        ttft=hist(840, 0.25),
        tpot=hist(5020, 0.02),
        gap=hist(5010, 0.06, 3_700_000),
        stamped=hist(92, 0.3, 3_800_000),
        late=hist(6, 0.8),
        health=Health(
            late_calls=0,
            backlog_max=3,
            stall_max_us=410.0,
            cpu_us_per_call=38.0,
            connections_opened=64,
            reason=None,
            own=False,
        ),
        series=series,
    )


def run() -> Run:
    """A run with thresholds, of which one is missed."""
    return Run(
        command="headgate bench run --url http://127.0.0.1:8080/v1 --rate 2000 --for 30s --slo 'p99<5ms,errors<0.1%'",
        started="2026-11-20T09:14:02+00:00",
        machine={
            "cpu": "AMD EPYC, virtual machine",
            "cores": "2",
            "kernel": "Linux 6.18.44",
            "python": "CPython 3.11.7",
        },
        versions={"headgate": "0.1.0"},
        load={
            "target": "http://127.0.0.1:8080/v1",
            "calls": "POST /chat/completions, streams, prompts of 64 B",
            "schedule": "constant, 2,000 calls per second for 30 s",
            "limits": "at most 1,024 connections, 60 s for a call",
        },
        asked_per_second=2000.0,
        result=load_result(),
        thresholds=[Judged("p99<5ms", "4.31 ms", met=True), Judged("errors<0.1%", "0.46%", met=False)],
    )


def capacity() -> Run:
    """A search for the capacity, on a machine that could not keep the schedule of its last window."""
    ladder = [
        (1000.0, True),
        (2000.0, True),
        (4000.0, True),
        (8000.0, False),
        (5657.0, True),
        (6727.0, False),
        (6169.0, True),
    ]
    result = load_result()
    health = replace(
        result.health,
        late_calls=412,
        backlog_max=96,
        reason="the load's own thread was stalled for 21 ms: its core was taken by something else",
        own=True,
    )
    return replace(
        run(),
        result=replace(result, health=health),
        probes=[
            Probe(rate, rate if kept else rate * 0.91, kept, 1200.0, 1800 + rate / (2 if kept else 0.4), 0.0, [])
            for rate, kept in ladder
        ],
        capacity_per_second=6169.0,
        notes=["The load and the gateway shared two cores."],
    )


def empty_run() -> Run:
    """A run that ended before any call was answered."""
    result = load_result()
    gone = replace(
        result,
        elapsed_s=0.0,
        asked=0,
        sent=0,
        answered=0,
        good=0,
        failures={},
        statuses={},
        examples={},
        frames=0,
        streams=0,
        usage=Usage(0, 0, 0, 0),
        latency=None,
        service=None,
        ttft=None,
        tpot=None,
        gap=None,
        stamped=None,
        late=None,
        series=[],
    )
    return replace(run(), result=gone, thresholds=[], asked_per_second=None, interrupted=True, versions={}, machine={})
