"""The commands and their options. Each loads what it needs when it runs, so that `serve` starts quickly."""

from __future__ import annotations

from typing import Annotated

import typer

from headgate.cli import bench, budget, keys, usage

app = typer.Typer(
    help="An LLM gateway: one base URL for all providers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(keys.app, name="key")
journal_app = typer.Typer(help="What calls used, as it was written down.", no_args_is_help=True)
app.add_typer(journal_app, name="journal")
app.add_typer(budget.app, name="budget")
app.add_typer(bench.app, name="bench")
app.add_typer(usage.app, name="usage")

PolicyFile = Annotated[str, typer.Argument(metavar="POLICY", help="The policy, a YAML file.")]
POLICY = "policy.yaml"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        from headgate import version

        typer.echo(f"headgate {version()}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def up(
    *,
    sim_only: Annotated[
        bool, typer.Option("--sim-only", help="Leave the keys in the environment alone: nothing is spent.")
    ] = False,
) -> None:
    """Serve the built-in policy: a simulated provider, and those whose keys stand in the environment."""
    from headgate.cli import run

    run.up(sim_only=sim_only)


@app.command()
def serve(policy: PolicyFile = POLICY) -> None:
    """Serve a policy until SIGTERM or Ctrl-C; a change of its files is taken up at once."""
    from headgate.cli import run

    run.serve(policy)


@app.command()
def tail(
    *,
    key: Annotated[str, typer.Option(help="Of this key alone.")] = "",
    alias: Annotated[str, typer.Option(help="For this alias alone.")] = "",
    outcome: Annotated[
        str, typer.Option(help="That ended so alone: answered, refused, failed, cut, client_gone.")
    ] = "",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From then on: 10m (ago), a time; else now.")
    ] = None,
    policy: Annotated[str, typer.Option("--policy", "-p", metavar="POLICY", help="The policy.")] = POLICY,
    journal: Annotated[
        str | None, typer.Option(metavar="DIR", help="The journal's directory, instead of the policy's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show calls as they end, until Ctrl-C."""
    from headgate.cli import tail as command
    from headgate.ledger.tail import Wanted

    command.tail(policy, journal, since, Wanted(key, alias, outcome), as_json=as_json)


@app.command()
def sim(
    *,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS", help="IP:PORT; port 0 takes a free one.")
    ] = "127.0.0.1:8089",
    scenario: Annotated[
        str | None, typer.Option(metavar="FILE", help="Faults, and how fast answers come; YAML.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="One seed, one run.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=64, help="Threads.")] = None,
    bill: Annotated[str | None, typer.Option(metavar="FILE", help="Append one JSON line for each call.")] = None,
    fast: Annotated[
        bool, typer.Option("--fast", help="Check nothing, keep totals alone: for loading a gateway.")
    ] = False,
) -> None:
    """Run the simulated provider."""
    from headgate.cli import run

    given = {"address": listen, "seed": seed, "threads": threads, "bill_file": bill, "fast": fast or None}
    run.sim({name: value for name, value in given.items() if value is not None}, scenario)


@app.command()
def check(
    policy: PolicyFile = POLICY,
    *,
    resolve: Annotated[bool, typer.Option("--resolve", help="Try the references of its secrets too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check a policy; all errors at once."""
    from headgate.cli import policies

    policies.check(policy, resolve=resolve, as_json=as_json)


@app.command("compile")
def compile_(
    policy: PolicyFile = POLICY,
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Write it here.")] = None,
) -> None:
    """Print the plan of a policy, for `headgated`; it holds references to secrets, never secrets."""
    from headgate.cli import policies

    policies.write_plan(policy, output)


@app.command()
def explain(
    policy: PolicyFile = POLICY,
    *,
    model: Annotated[str, typer.Option(help="What a caller asks for.")],
    key: Annotated[str | None, typer.Option(metavar="NAME", help="The name of the caller's virtual key.")] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A header of the call.")] = None,
    if_: Annotated[
        list[str] | None,
        typer.Option(
            "--if", metavar="WHO=WHAT", help="What befalls the call: gpt=down, openai=rate_limited:20s; again for more."
        ),
    ] = None,
    stream: Annotated[bool | None, typer.Option("--stream", help="The call asks for a stream.")] = None,
    tokens: Annotated[int | None, typer.Option(metavar="N", min=0, help="About how long its prompt is.")] = None,
    within: Annotated[str | None, typer.Option(metavar="5s", help="How long its caller says that it waits.")] = None,
    needs: Annotated[
        str | None, typer.Option(metavar="LIST", help="What it needs besides plain text, such as tools,images.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Draw what is left to chance.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say where a call would go, and why; with --if, --stream and the like, which way it would take."""
    from headgate.cli import policies

    trial = policies.Trial(if_ or [], needs, within, stream=stream, tokens=tokens, seed=seed)
    policies.explain(policies.Asked(policy, model, key, header or [], trial), as_json=as_json)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A policy, or a plan of `headgate compile`.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what changes for callers between two policies."""
    from headgate.cli import policies

    policies.diff(before, after, as_json=as_json)


@app.command()
def simulate(
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="The policy, a YAML file.")],
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="Callers, providers and faults; YAML.")],
    *,
    compare: Annotated[
        str | None, typer.Option(metavar="POLICY", help="Another policy, which meets the same callers.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="One seed, one history.")] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, max=1_000_000, help="So many worlds, a seed each.")] = 1,
    for_: Annotated[str | None, typer.Option("--for", metavar="60s", help="How long callers come.")] = None,
    replicas: Annotated[int | None, typer.Option(metavar="N", min=1, max=1000, help="Gateways.")] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", min=1, max=256, help="All cores if left out.")] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(metavar="LIST", help="Such as 'goodput>=99%,recovery<=30s'; missed: exit 99."),
    ] = None,
    output: Annotated[
        list[str] | None, typer.Option("--output", "-o", metavar="FILE", help="Write NAME.svg, .png or .json.")
    ] = None,
    as_json: AsJson = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="Show nothing until the end.")] = False,
) -> None:
    """Play a scenario with a policy in virtual time, and say what callers got.

    Exits 1 when a rule that must hold in every world was broken, and 99 when an expectation was missed.
    """
    import sys

    from headgate.cli import simulate as command
    from headgate.simulate.job import Options

    options = Options(seed, seeds, command.for_ms(for_), replicas, threads)
    shown = command.Shown(output or [], as_json=as_json, progress=not (no_progress or as_json))
    policies = [policy] if compare is None else [policy, compare]
    sys.exit(command.simulate(policies, scenario, options, expect or [], shown))


JournalDir = Annotated[str, typer.Argument(metavar="DIR", help="The directory of the journal, `journal.dir`.")]


@journal_app.command("cat")
def journal_cat(
    directory: JournalDir,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="From then on: 10m ago, or a time such as 2026-11-21T08:00:00Z.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the entries of a journal, also while it is written."""
    from headgate.cli import journal

    raise typer.Exit(journal.cat(directory, since, as_json=as_json, follow=follow))


@journal_app.command("verify")
def journal_verify(directory: JournalDir, *, as_json: AsJson = False) -> None:
    """Say whether a journal is whole, what is damaged and what that costs; 1 when something is lost."""
    from headgate.cli import journal

    raise typer.Exit(journal.verify(directory, as_json=as_json))
