"""Lowering: a policy to a plan. Pure: the same policy and catalogue give the same bytes.

Defaults stand in the models of `headgate.config.sections`; here they become numbers, and names become positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headgate.config import measures
from headgate.plan.canonical import with_hash
from headgate.plan.document import FORMAT, Grant, Plan
from headgate.plan.lower import limits, models, prices, process, providers, resilience, routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.config.sections import Policy
    from headgate.plan.document import Grant, SecretRef


@dataclass(frozen=True, slots=True)
class Beside:
    """What counts beside a policy, such as what stands in its ledger.

    `keyed`: a key is needed to call even though the policy has none, since there were some. A budget takes the place of
    the policy's of the same id and value.
    """

    keyed: bool = False
    budgets: tuple[measures.Spending, ...] = ()
    grants: tuple[Grant, ...] = ()


def lower(policy: Policy, beside: Beside = Beside()) -> Plan:
    """The plan of a policy that was checked; see `headgate.config.load`."""
    provider_at = {name: number for number, name in enumerate(policy.providers)}
    aliases = routes.aliases(policy)
    table = prices.Table()
    deployments = tuple(routes.deployment(name, policy, (provider_at, table)) for name in policy.deployments)
    answering = tuple(providers.provider(name, policy, table) for name in policy.providers)
    plan = Plan(
        format=FORMAT,
        hash="",
        listen=process.listen(policy.listen),
        callers="keys" if beside.keyed else process.callers(policy),
        http=process.http(policy.http),
        workers=process.workers(policy.workers),
        drain=process.drain(policy.drain),
        egress=process.egress(policy.egress),
        log=process.log(policy.log),
        prices=table.prices(),
        providers=answering,
        deployments=deployments,
        aliases=aliases,
        models=models.known(policy),
        keys=tuple(routes.key(section, aliases) for section in policy.keys),
        pepper=_pepper(policy),
        passthrough=None if policy.passthrough is None else provider_at[policy.passthrough],
        resilience=resilience.lower(policy.resilience),
        journal=process.journal(policy.journal),
        identity=limits.identity(policy.identity),
        limits=tuple(limits.limit(each) for each in measures.limits(policy)),
        budgets=tuple(limits.budget(each, aliases) for each in _budgets(policy, beside)),
        grants=beside.grants,
    )
    return with_hash(plan)


def _budgets(policy: Policy, beside: Beside) -> Iterable[measures.Spending]:
    own = {(each.id, each.value): each for each in measures.budgets(policy)}
    return (own | {(each.id, each.value): each for each in beside.budgets}).values()


def _pepper(policy: Policy) -> SecretRef | None:
    """What digests are made under, where there are any."""
    secrets = [secret for key in policy.keys for secret in (key.secret, *(former.secret for former in key.former))]
    if policy.pepper is None or not any(secret.kind.startswith("digest") for secret in secrets):
        return None
    return providers.secret(policy.pepper)
