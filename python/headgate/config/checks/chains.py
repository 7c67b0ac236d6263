"""Deployments and chains: that every reference holds and every step can help."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.config.checks.names import Names
    from headgate.config.problems import Path, Report
    from headgate.config.sections import Alias, Policy, Step

STAR = "{1}"
_BRACES = re.compile(r"\{[^}]*\}?|\}")


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks `deployments` and the chains of `aliases`."""
    for name, deployment in policy.deployments.items():
        path: Path = ("deployments", name)
        names.require(deployment.provider, "provider", (*path, "provider"), report)
        odd = [found for found in _BRACES.findall(deployment.model) if found != STAR]
        if odd:
            report.error((*path, "model"), f"`{odd[0]}` stands for nothing; `{STAR}` is what an alias's `*` stood for")
        _capabilities(deployment.capabilities or [], (*path, "capabilities"), report)
    for name, alias in policy.aliases.items():
        _chain(name, alias, names, report)
        if "*" not in name:
            _stars(name, alias, policy, report)
    _unused(policy, names, report)


def _capabilities(stated: Sequence[str], path: Path, report: Report) -> None:
    for number, each in enumerate(stated):
        if each in stated[:number]:
            report.error((*path, number), f"`{each}` is named twice")


def _chain(name: str, alias: Alias, names: Names, report: Report) -> None:
    tried: set[str] = set()
    for number, step in enumerate(alias.chain):
        path: Path = ("aliases", name, "chain", number)
        _step(step, path, names, report)
        if number == 0 and "when" in step.model_fields_set:
            report.error((*path, "when"), "the first step is always tried; `when` belongs to a later step")
        if number > 0 and tried.issuperset(step.weights):
            report.error((*path, "use"), "can never help: earlier steps have tried each of these deployments", key=True)
        tried.update(step.weights)


def _step(step: Step, path: Path, names: Names, report: Report) -> None:
    for place, name in _used(step):
        names.require(name, "deployment", (*path, "use", place), report, key=isinstance(place, str))
    if isinstance(step.use, list):
        for number, name in enumerate(step.use):
            if name in step.use[:number]:
                report.error(
                    (*path, "use", number), f"`{name}` is named twice; give it a weight instead: {{{name}: 2}}"
                )
    twice = [each for number, each in enumerate(step.when) if each in step.when[:number]]
    if twice:
        report.error((*path, "when"), f"`{twice[0]}` is named twice")


def _used(step: Step) -> list[tuple[str | int, str]]:
    """Each deployment with its own part of the path: its name in a map, its number in a list."""
    if isinstance(step.use, dict):
        return [(name, name) for name in step.use]
    return list(enumerate(step.use))


def _stars(name: str, alias: Alias, policy: Policy, report: Report) -> None:
    for number, step in enumerate(alias.chain):
        for place, used in _used(step):
            deployment = policy.deployments.get(used)
            if deployment and STAR in deployment.model:
                text = (
                    f"the model of `{used}` holds `{STAR}`, but the alias `{name}` has no `*` that it could stand for"
                )
                report.error(("aliases", name, "chain", number, "use", place), text, key=isinstance(place, str))


def _unused(policy: Policy, names: Names, report: Report) -> None:
    if names.is_broken(("aliases",)):
        return
    used = {name for alias in policy.aliases.values() for step in alias.chain for name in step.weights}
    for name in policy.deployments.keys() - used:
        report.warning(("deployments", name), "no alias uses it, so no call reaches it", key=True)
