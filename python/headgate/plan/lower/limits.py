"""Who is behind a call, and how much of what it may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.sections.budgets import Use
from headgate.config.sections.limits import RATES
from headgate.plan import document

if TYPE_CHECKING:
    from headgate.config import sections
    from headgate.config.measures import Measured, Spending
    from headgate.config.sections.identity import Source


def identity(section: sections.Identity) -> document.Identity:
    """Where calls say who is behind them."""
    return document.Identity(
        user=_sources(section.user),
        agent=_sources(section.agent),
        session=_sources(section.session),
        task=_sources(section.task),
        tags=_sources(section.tags),
        most_values=section.most_values,
        forget_ms=section.forget_after,
    )


def _sources(sources: list[Source]) -> tuple[document.Source, ...]:
    return tuple("body_user" if each.header is None else document.Header(each.header) for each in sources)


def limit(each: Measured) -> document.Limit:
    """One number of a limit."""
    return document.Limit(id=each.id, per=each.per, value=each.value, measure=_measure(each), enforce=each.enforce)


def _measure(each: Measured) -> document.Measure:
    if each.measure in RATES:
        rate = document.Rate(
            amount=each.amount, per_ms=each.period_ms, burst_ms=min(each.burst_ms or each.period_ms, each.period_ms)
        )
        return document.Requests(rate) if each.unit == "requests" else document.Tokens(rate)
    match each.measure:
        case "concurrency":
            return document.Concurrency(each.amount)
        case "tokens":
            return document.TotalTokens(each.amount)
        case "usd":
            return document.TotalNanoUsd(each.amount)
        case "max_input_tokens":
            return document.InputTokens(each.amount)
        case "max_output_tokens":
            return document.OutputTokens(each.amount)
    raise ValueError(f"no limit is on {each.measure}")


def budget(each: Spending, order: tuple[document.Alias, ...]) -> document.Budget:
    """One budget; the alias that its calls go to becomes a position in `order`."""
    section = each.budget
    window, spent = section.window, section.when_spent
    position = {alias.name: number for number, alias in enumerate(order)}
    return document.Budget(
        id=each.id,
        per=each.per,
        value=each.value,
        nano_usd=section.usd,
        window=window if isinstance(window, str) else document.RollingMs(window.rolling),
        time_zone=section.time_zone,
        warn_permille=tuple(sorted(set(section.warn_at))),
        when_spent=document.Use(position[spent.use]) if isinstance(spent, Use) else spent,
        enforce=section.mode == "enforce",
    )
