"""`on_cut: continue`: that there is somebody who can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.problems import Report
    from headgate.config.sections import Alias, Policy

_NEVER = (
    "no stream can ever be continued: {} has `prefill`, which says how its server is asked to go on from a text; "
    "set it, or take this out"
)


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks `on_cut` of `resilience` and of aliases, and `prefill` of deployments."""
    if names.is_broken(("deployments",)) or names.is_broken(("aliases",)):
        return
    shared = policy.resilience.on_cut == "continue"
    able = {name: _can_go_on(alias, policy) for name, alias in policy.aliases.items()}
    inheriting = [name for name, alias in policy.aliases.items() if alias.on_cut is None]
    if shared and not any(able[name] for name in inheriting):
        report.error(("resilience", "on_cut"), _NEVER.format("no deployment of an alias that it counts for"))
    for name, alias in policy.aliases.items():
        if alias.on_cut == "continue" and not able[name]:
            report.error(("aliases", name, "on_cut"), _NEVER.format("none of its deployments"))
    _idle(policy, report, shared=shared)


def _can_go_on(alias: Alias, policy: Policy) -> bool:
    used = {name for step in alias.chain for name in step.weights}
    return any(policy.deployments[name].prefill != "off" for name in used & policy.deployments.keys())


def _idle(policy: Policy, report: Report, *, shared: bool) -> None:
    """A `prefill` that nothing asks for."""
    continuing = [
        alias for alias in policy.aliases.values() if alias.on_cut == "continue" or (shared and alias.on_cut is None)
    ]
    asked = {name for alias in continuing for step in alias.chain for name in step.weights}
    for name, deployment in policy.deployments.items():
        if deployment.prefill != "off" and name not in asked:
            report.warning(("deployments", name, "prefill"), "no alias that leads here says `on_cut: continue`")
