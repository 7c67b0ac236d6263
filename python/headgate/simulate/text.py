"""A result as text for people: lines as (style, text)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.bench.figures import several, show_count, show_share, show_us
from headgate.config.units import show_duration, show_usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headgate.simulate.asked import Asked
    from headgate.simulate.expect import Judged
    from headgate.simulate.result import Books, Figures, Phase, Quantiles, Result, World

Line = tuple[str, str]
_MOST_CHANGES = 12
_MOST_VIOLATIONS = 5


def lines(asked: Asked, result: Result, judged: Sequence[tuple[World, Judged]]) -> Iterator[Line]:
    """A style is empty, `bold`, `dim`, `yellow`, `red` or `green`."""
    yield from _asked(asked)
    if len(result.worlds) < result.asked:
        yield "yellow", f"stopped: {len(result.worlds):,} of {several(result.asked, 'world')} are done"
    if asked.seeds > 1:
        yield from _many(asked, result)
    else:
        for world in result.worlds:
            yield from _one(asked, world)
    yield from _broken(asked, result)
    yield from _expected(asked, judged)


def _asked(asked: Asked) -> Iterator[Line]:
    for name, policy in zip("AB", asked.policies, strict=False):
        label = "policy" if len(asked.policies) == 1 else f"policy {name}"
        yield "", f"{label:<10}{policy}"
    seeds = f"seed {asked.seed}" if asked.seeds == 1 else f"seeds {asked.seed} to {asked.seed + asked.seeds - 1}"
    replicas = several(asked.replicas, "replica")
    yield "", f"{'scenario':<10}{asked.scenario}: {show_duration(asked.for_ms)}, {asked.rate}, {replicas}, {seeds}"
    yield "", ""


def _one(asked: Asked, world: World) -> Iterator[Line]:
    if len(asked.policies) > 1:
        yield "bold", f"policy {'AB'[world.plan]}: {asked.policies[world.plan]}"
    yield from _figures(world.figures)
    yield from _providers(world.providers)
    yield from _phases(world.phases)
    yield from _changes(world)


def _figures(figures: Figures) -> Iterator[Line]:
    ends = [("failed", figures.failed), ("cut short", figures.cut), ("left", figures.left)]
    others = "".join(f", {show_count(number)} {word}" for word, number in ends if number)
    good = f"{show_count(figures.good)} good ({show_goodput(figures)})"
    yield (
        ("" if figures.goodput >= 0.999 else "yellow"),
        f"{'callers':<10}{show_count(figures.offered)}, {good}{others}",
    )
    attempts = f"{show_count(figures.attempts)} attempts for {several(figures.calls, 'call')}"
    amplified = f"{figures.amplification:.3f} each, {figures.amplification_peak:.2f} in the worst ten seconds"
    yield "", f"{'attempts':<10}{attempts}: {amplified}"
    if figures.hedges:
        won = f"{show_count(figures.hedges_won)} of them were first"
        yield "", f"{'hedges':<10}{show_count(figures.hedges)} while another attempt was open, {won}"
    yield from _quantiles("first", figures.first_token_us, "from arrival to the first content")
    yield from _quantiles("added", figures.added_us, "of that, before the attempt that served began")
    if figures.spend_nanousd:
        wasted = f", {show_money(figures.wasted_nanousd)} of it for answers that nobody got whole"
        yield "", f"{'spend':<10}{show_money(figures.spend_nanousd)}{wasted if figures.wasted_nanousd else ''}"
    yield "", ""


def show_goodput(figures: Figures) -> str:
    """The share of good callers; never `100 %` for what is not quite."""
    percent = 100 * figures.goodput
    return f"{min(percent, 99.99):.2f} %" if 99 < percent < 100 else f"{percent:.3g} %"


def show_money(nano: int) -> str:
    """Money, to the cent where it is dollars."""
    return f"${nano / 1e9:,.2f}" if nano >= 1_000_000_000 else show_usd(round(nano, -4))


def _quantiles(label: str, quantiles: Quantiles | None, what: str) -> Iterator[Line]:
    if quantiles is not None:
        named = {"p50": quantiles.p50, "p90": quantiles.p90, "p99": quantiles.p99, "max": quantiles.max}
        yield "", f"{label:<10}" + ", ".join(f"{name} {show_us(us)}" for name, us in named.items()) + f" ({what})"


def _providers(providers: Sequence[Books]) -> Iterator[Line]:
    met = [books for books in providers if books.attempts]
    if not met:
        return
    wide = max(len("provider"), *(len(books.name) for books in met))
    yield "bold", f"{'provider':<{wide}}{'attempts':>10}{'retries':>9}{'good':>10}  what went wrong"
    for books in met:
        causes = sorted(books.causes.items(), key=lambda one: -one[1])
        wrong = ", ".join(f"{show_count(count)} {cause.replace('_', ' ')}" for cause, count in causes) or "nothing"
        counts = f"{books.attempts:>10,}{books.retries:>9,}{books.good:>10,}"
        yield "", f"{books.name:<{wide}}{counts}  {wrong}"
    yield "", ""


def _phases(phases: Sequence[Phase]) -> Iterator[Line]:
    if not phases:
        return
    names = [f"{phase.provider}: {phase.what}" for phase in phases]
    wide = max(len("while"), *(len(name) for name in names))
    heads = f"{'from':>8}{'until':>8}{'served':>9}{'bad s':>7}{'attempts':>10}{'recovery':>10}{'overshoot':>11}"
    yield "bold", f"{'while':<{wide}}{heads}"
    for name, phase in zip(names, phases, strict=True):
        served = show_share(phase.good, phase.offered)
        until = "end" if phase.until_s is None else show_duration(round(1000 * phase.until_s))
        times = f"{show_duration(round(1000 * phase.from_s)):>8}{until:>8}"
        figures = f"{served:>9}{phase.bad_seconds:>7}{phase.amplification:>10.2f}{_recovery(phase):>10}"
        overshoot = "-" if phase.overshoot is None else f"{phase.overshoot:.2f}"
        yield "", f"{name:<{wide}}{times}{figures}{overshoot:>11}"
    yield "", ""


def _recovery(phase: Phase) -> str:
    if phase.until_s is None:
        return "-"
    return "never" if phase.recovery_s is None else f"{phase.recovery_s}s"


def _changes(world: World) -> Iterator[Line]:
    if not world.changes_count:
        yield "", "no health key went out of service"
        yield "", ""
        return
    yield "bold", f"{several(world.changes_count, 'change')} of health keys"
    for change in world.changes[:_MOST_CHANGES]:
        what = "in service again" if change.what == "closed" else f"out of service: {change.what}"
        replica = f"  replica {change.replica}" if max(each.replica for each in world.changes) else ""
        yield "", f"{change.at_s:>10.3f} s  {change.key}  {what}{replica}"
    if world.changes_count > _MOST_CHANGES:
        yield "dim", f"{'':>13}and {world.changes_count - _MOST_CHANGES:,} more"
    yield "", ""


def _many(asked: Asked, result: Result) -> Iterator[Line]:
    for plan, policy in enumerate(asked.policies):
        worlds = result.of(plan)
        if len(asked.policies) > 1:
            yield "bold", f"policy {'AB'[plan]}: {policy}"
        if not worlds:
            continue
        figures = [world.figures for world in worlds]
        totals = {
            "callers": sum(one.offered for one in figures),
            "attempts": sum(one.attempts for one in figures),
            "faults met": sum(one.faults for one in figures),
            "openings": sum(one.openings for one in figures),
        }
        yield (
            "",
            f"{several(len(worlds), 'world')}: " + ", ".join(f"{show_count(n)} {word}" for word, n in totals.items()),
        )
        yield "bold", f"{'':<20}{'least':>10}{'median':>10}{'most':>10}"
        yield from _spread("goodput", [100 * one.goodput for one in figures], lambda value: f"{value:.2f} %")
        yield from _spread("attempts for each", [one.amplification for one in figures], lambda value: f"{value:.3f}")
        yield from _spread(
            "in the worst 10 s", [one.amplification_peak for one in figures], lambda value: f"{value:.2f}"
        )
        firsts = [one.first_token_us.p99 for one in figures if one.first_token_us]
        yield from _spread("first content, p99", firsts, show_us)
        yield "", ""


def _spread(label: str, values: Sequence[float], show: Callable[[float], str]) -> Iterator[Line]:
    if values:
        ordered = sorted(values)
        three = (ordered[0], ordered[len(ordered) // 2], ordered[-1])
        yield "", f"{label:<20}" + "".join(f"{show(value):>10}" for value in three)


def _broken(asked: Asked, result: Result) -> Iterator[Line]:
    broken = result.broken
    if not broken:
        yield "green", f"no rule was broken in {several(len(result.worlds), 'world')}"
        return
    first = broken[0]
    yield (
        "red",
        f"BROKEN in {several(len(broken), 'world')} of {len(result.worlds):,}; the first has seed {first.seed}:",
    )
    for violation in first.violations[:_MOST_VIOLATIONS]:
        yield "red", f"  {violation.rule} at {violation.at_s:.3f} s: {violation.text}"
    if first.violations_count > _MOST_VIOLATIONS:
        yield "red", f"  and {first.violations_count - _MOST_VIOLATIONS:,} more"
    yield "", f"  again: {asked.command(first.plan, first.seed)}"


def _expected(asked: Asked, judged: Sequence[tuple[World, Judged]]) -> Iterator[Line]:
    """Each expectation; of many worlds, with what was found in the one that came nearest to missing it."""
    worst: dict[tuple[int, str], tuple[World, Judged]] = {}
    for world, one in judged:
        key = (world.plan, one.expectation)
        if key not in worst or one.spare < worst[key][1].spare:
            worst[key] = (world, one)
    for (plan, expectation), (world, one) in worst.items():
        where = f" (at worst, seed {world.seed})" if asked.seeds > 1 else ""
        which = f" by policy {'AB'[plan]}" if len(asked.policies) > 1 else ""
        yield (
            ("green" if one.met else "red"),
            f"{'met' if one.met else 'MISSED':<10}{expectation}: {one.found}{which}{where}",
        )
