"""Lowering: a policy to a plan. Pure: the same policy and catalogue give the same bytes.

Defaults stand in the models of `headgate.config.sections`; here they become numbers, and names become positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.plan.canonical import with_hash
from headgate.plan.document import FORMAT, Plan
from headgate.plan.lower import models, process, providers, resilience, routes

if TYPE_CHECKING:
    from headgate.config.sections import Policy


def lower(policy: Policy) -> Plan:
    """The plan of a policy that was checked; see `headgate.config.load`."""
    provider_at = {name: number for number, name in enumerate(policy.providers)}
    aliases = routes.aliases(policy)
    plan = Plan(
        format=FORMAT,
        hash="",
        listen=process.listen(policy.listen),
        callers=process.callers(policy),
        http=process.http(policy.http),
        workers=process.workers(policy.workers),
        drain=process.drain(policy.drain),
        egress=process.egress(policy.egress),
        log=process.log(policy.log),
        providers=tuple(providers.provider(name, policy) for name in policy.providers),
        deployments=tuple(routes.deployment(name, policy, provider_at) for name in policy.deployments),
        aliases=aliases,
        models=models.known(policy),
        keys=tuple(routes.key(section, aliases) for section in policy.keys),
        passthrough=None if policy.passthrough is None else provider_at[policy.passthrough],
        resilience=resilience.lower(policy.resilience),
        journal=process.journal(policy.journal),
    )
    return with_hash(plan)
