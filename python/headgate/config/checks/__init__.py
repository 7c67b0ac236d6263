"""What must fit together in a policy, one module per topic. Each check reports; none stops at the first error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.checks import (
    aliases,
    chains,
    cuts,
    http,
    journal,
    keys,
    limits,
    listen,
    providers,
    resilience,
    steps,
    timeouts,
)
from headgate.config.checks.names import Names

if TYPE_CHECKING:
    from headgate.config.problems import Report
    from headgate.config.sections import Policy

__all__ = ["Names", "run"]


def run(policy: Policy, names: Names, report: Report) -> None:
    """Runs every check. `names` holds what the policy names, broken parts included, so that none is missed twice."""
    listen.check(policy, names, report)
    http.check(policy, names, report)
    journal.check(policy, report)
    providers.check(policy, names, report)
    chains.check(policy, names, report)
    steps.check(policy, report)
    aliases.check(policy, names, report)
    keys.check(policy, names, report)
    timeouts.check(policy, report)
    resilience.check(policy, report)
    cuts.check(policy, names, report)
    limits.check(policy, names, report)
