"""Tries and breakers: that each number can count, and that slow models are not taken for broken ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.checks.pairs import both
from headgate.config.sections.base import merged
from headgate.config.units import show_duration

if TYPE_CHECKING:
    from headgate.config.problems import Path, Report
    from headgate.config.sections import AliasRetry, Breaker, Deployment, Policy, ProviderBreaker, Retry

_PATIENCE = 2
"""A first token may be waited for this many times longer than what counts as slow, before that looks forgotten."""


def check(policy: Policy, report: Report) -> None:
    """Checks `resilience.retry`, `resilience.breaker`, and what aliases and providers say instead."""
    shared = policy.resilience
    _retry(shared.retry, ("resilience", "retry"), report)
    _breaker(shared.breaker, ("resilience", "breaker"), report)
    _probe(shared.breaker, ("resilience", "breaker"), report)
    for name, provider in policy.providers.items():
        _breaker(provider.breaker, ("providers", name, "breaker"), report)
        if provider.breaker.model_fields_set & {"probe", "open_cap"}:
            _probe(merged(shared.breaker, provider.breaker), ("providers", name, "breaker"), report)
    if "first_token" in shared.timeouts.model_fields_set:
        _patience(shared.timeouts.first_token, set(policy.providers), ("resilience",), policy, report)
    for name, alias in policy.aliases.items():
        _retry(alias.retry, ("aliases", name, "retry"), report)
        _hedge(name, policy, report)
        if alias.timeouts.first_token is not None:
            _patience(alias.timeouts.first_token, _first_of(name, policy), ("aliases", name), policy, report)


def _retry(retry: Retry | AliasRetry, path: Path, report: Report) -> None:
    for base in ("base", "throttled_base"):
        pauses = both(retry, base, "cap")
        if pauses and pauses[0] > pauses[1]:
            drawn, cap = map(show_duration, pauses)
            report.error((*path, base), f"{drawn} can never be drawn: `cap` is {cap}")
    tries = both(retry, "max_attempts", "max_attempts_per_call")
    if tries and tries[0] > tries[1]:
        report.error((*path, "max_attempts"), f"{tries[0]} can never be reached: a call makes at most {tries[1]}")


def _breaker(breaker: Breaker | ProviderBreaker, path: Path, report: Report) -> None:
    times = both(breaker, "open", "open_cap")
    if times and times[0] > times[1]:
        first, cap = map(show_duration, times)
        report.error((*path, "open"), f"{first} is above `open_cap`, {cap}")


def _probe(breaker: Breaker, path: Path, report: Report) -> None:
    """What rests for less than the time between two probes is hardly ever asked."""
    if breaker.probe != "off" and breaker.probe > breaker.open_cap:
        every, cap = show_duration(breaker.probe), show_duration(breaker.open_cap)
        report.warning((*path, "probe"), f"{every} is longer than a breaker is open at once (`open_cap`, {cap})")


def _hedge(alias: str, policy: Policy, report: Report) -> None:
    """A second try needs somewhere else to go within its step."""
    section = policy.aliases[alias]
    if section.hedge in (None, "off"):
        return
    used = [[policy.deployments.get(name) for name in step.weights] for step in section.chain]
    if any(len(step) > 1 or _ways(step[0], policy) != 1 for step in used):
        return
    text = (
        "no second try can ever be sent: no step of `chain` has a second deployment, or a provider with a second "
        "endpoint or credential"
    )
    report.error(("aliases", alias, "hedge"), text)


def _ways(deployment: Deployment | None, policy: Policy) -> int:
    """How many ways lead to a deployment; 0 where that is not known, since something else is wrong."""
    provider = deployment and policy.providers.get(deployment.provider)
    return max(1, len(provider.credential)) * len(provider.endpoints or [""]) if provider else 0


def _first_of(alias: str, policy: Policy) -> set[str]:
    """The providers of an alias's first step: the patience is for its models, a fallback may be fast."""
    used = policy.aliases[alias].chain[0].weights
    return {policy.deployments[name].provider for name in used if name in policy.deployments}


def _patience(first_token: int, names: set[str], path: Path, policy: Policy, report: Report) -> None:
    """Who waits long for a first token on purpose does not want a breaker to open for it."""
    for name in sorted(names & policy.providers.keys()):
        slow = merged(policy.resilience.breaker, policy.providers[name].breaker).slow.first_token
        if first_token > _PATIENCE * slow:
            text = (
                f"{show_duration(first_token)} are waited for, but breakers of `{name}` count a first token after "
                f"{show_duration(slow)} as slow; say so in providers.{name}.breaker.slow.first_token"
            )
            report.warning((*path, "timeouts", "first_token"), text)
