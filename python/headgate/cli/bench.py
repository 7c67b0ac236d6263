"""The commands of `headgate bench` and their options. What they mean is decided in `headgate.bench`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Measure a gateway: put a load on it, compare it with others, see where a call's time goes.",
    no_args_is_help=True,
)

_WHEN, _WHAT, _GOOD, _MACHINE, _RESULT = "When calls start", "What is sent", "What is good", "How", "The result"
_Text = str | None
_Count = int | None
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.", rich_help_panel=_RESULT)]
Output = Annotated[
    _Text,
    typer.Option("--output", "-o", metavar="BASE", help="Write BASE.json, .md and .html.", rich_help_panel=_RESULT),
]


@app.command(context_settings={"allow_extra_args": True})
def run(
    ctx: typer.Context,
    *,
    url: Annotated[_Text, typer.Option(metavar="URL", help="The base URL with its /v1; else OPENAI_BASE_URL.")] = None,
    key: Annotated[
        _Text, typer.Option(metavar="KEY", help="Sent as a bearer token; OPENAI_API_KEY shows it to fewer eyes.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            min=0.001,
            max=1e6,
            help="Calls per second, whatever the answers do; 50 if left out.",
            rich_help_panel=_WHEN,
        ),
    ] = None,
    poisson: Annotated[bool, typer.Option("--poisson", help="At random.", rich_help_panel=_WHEN)] = False,
    closed: Annotated[
        bool,
        typer.Option("--closed", help="So many callers as -c says, each waits for its answer.", rich_help_panel=_WHEN),
    ] = False,
    ramp: Annotated[
        _Text, typer.Option(metavar="A..B", help="A rate that goes from A to B per second.", rich_help_panel=_WHEN)
    ] = None,
    users: Annotated[
        _Count,
        typer.Option(
            metavar="N",
            min=1,
            max=1_000_000,
            help="So many users with growing conversations, who think.",
            rich_help_panel=_WHEN,
        ),
    ] = None,
    think: Annotated[_Text, typer.Option(metavar="2s", help="How long, on average.", rich_help_panel=_WHEN)] = None,
    for_: Annotated[
        _Text, typer.Option("--for", metavar="10s", help="How long calls are started.", rich_help_panel=_WHEN)
    ] = None,
    warmup: Annotated[
        _Text, typer.Option(metavar="1s", help="The same load before that, not counted.", rich_help_panel=_WHEN)
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="N", min=1e-6, max=1e6, help="How fast the times of --replay pass.", rich_help_panel=_WHEN
        ),
    ] = None,
    find_capacity: Annotated[
        bool, typer.Option("--find-capacity", help="Search the highest rate that keeps --slo.", rich_help_panel=_WHEN)
    ] = False,
    path: Annotated[
        _Text,
        typer.Option(metavar="PATH", help="chat/completions, responses, embeddings, ...", rich_help_panel=_WHAT),
    ] = None,
    model: Annotated[_Text, typer.Option(metavar="NAME", help="`chat` if left out.", rich_help_panel=_WHAT)] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Ask for streams.", rich_help_panel=_WHAT)] = False,
    prompt_bytes: Annotated[
        _Text, typer.Option(metavar="20KiB", help="400B if left out.", rich_help_panel=_WHAT)
    ] = None,
    max_tokens: Annotated[
        _Count, typer.Option(metavar="N", min=1, help="A bound for answers.", rich_help_panel=_WHAT)
    ] = None,
    turns: Annotated[
        _Count, typer.Option(metavar="N", min=1, help="Calls in a conversation of --users; 8.", rich_help_panel=_WHAT)
    ] = None,
    body: Annotated[
        _Text, typer.Option(metavar="FILE", help="JSON that is sent as it is.", rich_help_panel=_WHAT)
    ] = None,
    replay: Annotated[
        _Text,
        typer.Option(
            metavar="FILE",
            help='JSON lines {"at_ms"?, "path"?, "body", "headers"?}; at their times unless a rate is given.',
            rich_help_panel=_WHAT,
        ),
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of every call.", rich_help_panel=_WHAT)
    ] = None,
    slo: Annotated[
        _Text,
        typer.Option(
            metavar="LIST",
            help="Such as 'p99<50ms,errors<0.1%,ttft_p95<300ms,rate>1900'; missed: exit 99.",
            rich_help_panel=_GOOD,
        ),
    ] = None,
    expect_status: Annotated[
        _Count, typer.Option(metavar="N", min=100, max=599, help="Any 2xx if left out.", rich_help_panel=_GOOD)
    ] = None,
    expect_text: Annotated[
        _Text, typer.Option(metavar="TEXT", help="What each answer says.", rich_help_panel=_GOOD)
    ] = None,
    expect_body: Annotated[
        _Text, typer.Option(metavar="FILE", help="All bytes of each answer.", rich_help_panel=_GOOD)
    ] = None,
    expect_frames: Annotated[
        _Count, typer.Option(metavar="N", min=0, help="Events of each stream, without [DONE].", rich_help_panel=_GOOD)
    ] = None,
    expect_tokens: Annotated[
        _Count, typer.Option(metavar="N", min=0, help="usage.total_tokens of each.", rich_help_panel=_GOOD)
    ] = None,
    connections: Annotated[
        _Count,
        typer.Option(
            "--connections",
            "-c",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Alone, or with --closed (50): callers, each waits for its answer. Else the most open at once (1024).",
            rich_help_panel=_MACHINE,
        ),
    ] = None,
    timeout: Annotated[_Text, typer.Option(metavar="60s", help="Of one call.", rich_help_panel=_MACHINE)] = None,
    threads: Annotated[
        _Count, typer.Option(metavar="N", min=1, max=64, help="Of the load engine; 1.", rich_help_panel=_MACHINE)
    ] = None,
    seed: Annotated[
        _Count, typer.Option(metavar="N", min=0, help="One seed, one schedule.", rich_help_panel=_MACHINE)
    ] = None,
    ca_file: Annotated[
        _Text, typer.Option(metavar="FILE", help="Trusted beside the system's, PEM.", rich_help_panel=_MACHINE)
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Take any certificate.", rich_help_panel=_MACHINE)
    ] = False,
    output: Output = None,
    as_json: AsJson = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Show nothing until the end.", rich_help_panel=_RESULT)
    ] = False,
) -> None:
    """Put a load on any gateway that speaks OpenAI's dialect, and say what came back.

    Without a schedule or -c: 50 calls per second, evenly spaced, for 10 s. Exits 99 when a threshold of --slo was
    missed.
    """
    from headgate.bench.run import target
    from headgate.bench.run.options import RunOptions, all_names
    from headgate.cli import bench_run

    target.stray(ctx.args)
    said = {name: value for name, value in ctx.params.items() if name in all_names() and value is not None}
    shown = bench_run.Shown(output=output, as_json=as_json, progress=not (no_progress or as_json))
    sys.exit(bench_run.run(RunOptions(**said), shown))


@app.command()
def compare(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="Names of manifests; those that are always there.")
    ] = None,
    *,
    cells: Annotated[str, typer.Option(metavar="NAMES", help="`headline`, `full`, or cells with commas.")] = "headline",
    windows: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="How often each target is measured in a cell.")
    ] = 15,
    seconds: Annotated[float, typer.Option(metavar="N", min=0.1, max=3600, help="How long each time.")] = 1.0,
    warm_windows: Annotated[
        int, typer.Option("--warm-up", metavar="N", min=0, max=100, help="Seconds of warm-up at most, for each.")
    ] = 10,
    peers: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder of the manifests.")] = None,
    with_: Annotated[
        list[str] | None, typer.Option("--with", metavar="NAME=PATH", help="A target's program that stands elsewhere.")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="Install targets that are missing.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of schedules and of bootstraps.")] = 1,
    windows_only: Annotated[
        bool, typer.Option("--windows-only", help="Leave out memory, starts and system calls.")
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Exit 99 when a figure misses what is wanted of it.")] = False,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Measure several gateways beside the floor of a bare relay and plain proxies, in one run, as pairs."""
    from headgate.cli import bench_compare

    asked = bench_compare.Asked(
        targets=targets or [],
        cells=cells,
        windows=windows,
        seconds=seconds,
        warm_windows=warm_windows,
        peers=peers,
        programs=with_ or [],
        install=install,
        windows_only=windows_only,
        seed=seed,
        output=output,
    )
    sys.exit(bench_compare.compare(asked, gate=gate, as_json=as_json))


@app.command()
def stages(
    *,
    seconds: Annotated[float, typer.Option(metavar="N", min=0.1, max=3600, help="How long.")] = 5.0,
    connections: Annotated[
        int, typer.Option("--connections", "-c", metavar="N", min=1, max=10_000, help="Callers.")
    ] = 8,
    prompt_bytes: Annotated[str, typer.Option(metavar="SIZE", help="Length of the prompt.")] = "400B",
    stream: Annotated[bool, typer.Option("--stream", help="Ask for streams.")] = False,
    ops: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Read a gateway that runs, from its ops listener; else one is started."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say where the time of a call goes inside headgate."""
    from headgate.cli import bench_stages

    bench_stages.stages(seconds, connections, prompt_bytes, stream=stream, ops=ops, as_json=as_json)


@app.command()
def report(
    file: Annotated[str, typer.Argument(metavar="FILE", help="BASE.json of a run or of a comparison.")],
    *,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write the page here.")] = None,
    markdown: Annotated[str | None, typer.Option(metavar="FILE", help="Write the Markdown here.")] = None,
) -> None:
    """Render a result again from its JSON; prints Markdown when no file is named."""
    from headgate.cli import bench_report

    bench_report.report(file, html=html, markdown=markdown)
