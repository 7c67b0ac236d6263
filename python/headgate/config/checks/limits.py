"""`limits`, `budgets`, `teams`: that each can bind, that none is said twice, that calls are sent on to somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.config import known, measures
from headgate.config.near import hint
from headgate.config.sections.budgets import Use
from headgate.config.sections.limits import MEASURES, PERIODS, RATES
from headgate.config.units import show_duration, show_usd

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.measures import Measured, Spending
    from headgate.config.problems import Path, Report
    from headgate.config.sections import Budget, Limit, Policy
    from headgate.config.sections.limits import AnyDimension

_SAID: Final = {"user": "user", "agent": "agent", "session": "session", "task": "task", "tag": "tags"}
"""The dimensions that callers say, and the field of `identity` that says where."""
_MOST: Final = {
    ("hour", "day"): 25,
    ("hour", "week"): 169,
    ("hour", "month"): 745,
    ("day", "week"): 7,
    ("day", "month"): 31,
    ("week", "month"): 6,
}
"""How many windows of one kind begin in one of another, at most."""


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks limits and budgets, wherever they are written."""
    if not names.is_broken(("limits",)):
        for number, limit in enumerate(policy.limits):
            _entry(limit, policy, names, report, ("limits", number))
            _measures(limit, ("limits", number), report)
    if not names.is_broken(("budgets",)):
        for number, budget in enumerate(policy.budgets):
            _entry(budget, policy, names, report, ("budgets", number))
    _teams(policy, names, report)
    _twice([*measures.limits(policy), *measures.budgets(policy)], report)
    _periods(list(measures.limits(policy)), report)
    spendings = list(measures.budgets(policy))
    _windows(spendings, report)
    _uses(spendings, policy, names, report)
    _prices(policy, spendings, report)
    if not names.is_broken(("journal",)):
        _survival(policy, spendings, report)


def _entry(entry: Limit | Budget, policy: Policy, names: Names, report: Report, path: Path) -> None:
    """What a limit or a budget is per. Of keys that the ledger may have nothing is known."""
    per, value = entry.per, entry.value
    are_keys_known = policy.ledger is None and not names.is_broken(("keys",))
    if per is None:
        if value is not None:
            report.error((*path, "value"), "a value of what? say it in `per`")
        return
    field = _SAID.get(per)
    by_keys = per in ("user", "tag") and (
        not are_keys_known or any(key.user if per == "user" else key.tags for key in policy.keys)
    )
    if field and not getattr(policy.identity, field) and not by_keys and not names.is_broken(("identity",)):
        text = f"can never bind: nothing says which {per} a call has; set `identity.{field}`"
        report.error((*path, "per"), text)
    if value is not None:
        _known(per, value, policy, names, report, (*path, "value"))
    elif per == "key" and not policy.keys and are_keys_known:
        report.error((*path, "per"), "can never bind: the policy has no keys")
    elif per == "team" and not any(key.team for key in policy.keys) and are_keys_known:
        report.error((*path, "per"), "can never bind: no key has a `team`")
    elif per in ("alias", "deployment") and not getattr(names, "aliases" if per == "alias" else "deployments"):
        report.error(
            (*path, "per"), f"can never bind: the policy has no {'aliases' if per == 'alias' else 'deployments'}"
        )


def _known(per: AnyDimension, value: str, policy: Policy, names: Names, report: Report, path: Path) -> None:
    """A value that the policy itself would name must be there."""
    if per in ("team", "alias", "deployment", "provider"):
        names.require(value, per, path, report)
    elif per == "key" and policy.ledger is None and not names.is_broken(("keys",)):
        keys = [key.name for key in policy.keys]
        if value not in keys:
            report.error(path, f"no key `{value}`{hint(value, keys)}")


def _measures(limit: Limit, path: Path, report: Report) -> None:
    """What a limit is on."""
    stated = [name for name in MEASURES if getattr(limit, name) is not None]
    if not stated:
        report.error(path, "limits nothing: say how much, such as `requests_per_minute: 60`")
    if limit.per in ("deployment", "provider"):
        for name in ("max_input_tokens", "max_output_tokens"):
            if getattr(limit, name) is not None:
                text = (
                    f"is asked of a call before it is known where it goes: say it per key or alias, not per {limit.per}"
                )
                report.error((*path, name), text, key=True)
    if limit.burst is None:
        return
    rates = [name for name in stated if name in RATES]
    if not rates:
        report.error((*path, "burst"), "belongs to a rate, such as `requests_per_minute`", key=True)
    for name in rates:
        period_ms = PERIODS[name.rpartition("_")[2]]
        if limit.burst > period_ms:
            text = f"{show_duration(limit.burst)} is longer than the period of `{name}`"
            report.error((*path, "burst"), text)
        elif getattr(limit, name) * limit.burst < period_ms:
            text = f"in {show_duration(limit.burst)} `{name}` lets not even one through: it always lets one"
            report.warning((*path, "burst"), text)


def _teams(policy: Policy, names: Names, report: Report) -> None:
    if names.is_broken(("keys",)):
        return
    used = {key.team for key in policy.keys}
    for number, key in enumerate(policy.keys):
        if key.team is not None:
            names.require(key.team, "team", ("keys", number, "team"), report)
    for name in policy.teams.keys() - used if policy.ledger is None else ():
        report.warning(("teams", name), "no key belongs to it", key=True)


def _twice(all_: list[Measured | Spending], report: Report) -> None:
    """One number for one thing; two of a kind have a name each."""
    first: dict[tuple[str, str | None], Path] = {}
    whose: dict[str, AnyDimension | None] = {}
    for each in all_:
        if (each.id, each.value) in first:
            place = report.places.of_value(first[each.id, each.value])
            of = f" of `{each.value}`" if each.value else ""
            text = f"`{each.id}`{of} is said at {place} already; a `name` tells two apart"
            report.error(each.path, text)
        elif whose.setdefault(each.id, each.per) != each.per:
            report.error(each.path, f"`{each.id}` is the name of another limit, per {whose[each.id] or 'nothing'}")
        first.setdefault((each.id, each.value), each.path)


def _periods(all_: list[Measured], report: Report) -> None:
    """A rate over a longer time that lets as much through as one over a shorter time never counts."""
    rates = [each for each in all_ if each.measure in RATES and each.burst_ms is None and each.enforce]
    for each in rates:
        for shorter in rates:
            same = (shorter.id.rpartition(".")[0], shorter.value, shorter.unit)
            if same != (each.id.rpartition(".")[0], each.value, each.unit) or shorter.period_ms >= each.period_ms:
                continue
            most = shorter.amount * (each.period_ms // shorter.period_ms)
            if each.amount >= most:
                text = f"can never bind: `{shorter.measure}` lets no more than {most} through in that time"
                report.error(each.path, text)
                break


def _windows(all_: list[Spending], report: Report) -> None:
    """The same of budgets."""
    for each in all_:
        for shorter in all_:
            same = shorter.id.rpartition(".")[0] == each.id.rpartition(".")[0] and shorter.value == each.value
            windows = (measures.window(shorter.budget), measures.window(each.budget))
            if not same or windows not in _MOST or shorter.budget.mode != "enforce":
                continue
            most = shorter.budget.usd * _MOST[windows]
            if each.budget.usd >= most:
                one, other = windows
                text = f"can never bind: what may be spent in a {one} makes no more than {show_usd(most)} in a {other}"
                report.error((*each.path, "usd"), text)
                break


def _survival(policy: Policy, all_: list[Spending], report: Report) -> None:
    """What is spent is known after a restart by the journal alone."""
    enforced = [each for each in all_ if each.budget.mode == "enforce"]
    if policy.journal is None and enforced:
        text = "begins anew with each start, as there is no journal that says what was spent; add `journal: {}`"
        report.warning(enforced[0].path, text)


def _uses(all_: list[Spending], policy: Policy, names: Names, report: Report) -> None:
    """Where calls go that there is no money for."""
    leads = {
        each.value: each.budget.when_spent.use
        for each in all_
        if each.per == "alias" and each.value is not None and isinstance(each.budget.when_spent, Use)
    }
    for each in all_:
        if not isinstance(each.budget.when_spent, Use):
            continue
        path: Path = (*each.path, "when_spent", "use")
        alias = each.budget.when_spent.use
        if each.per in ("deployment", "provider"):
            text = (
                "calls that a deployment or a provider has no money for go along their chain: add a step with "
                "`when: budget_spent`"
            )
            report.error(path, text)
        elif "*" in alias:
            report.error(path, f"`{alias}` has a `*`, and nothing that it could stand for here")
        else:
            names.require(alias, "alias", path, report)
            _leads_back(alias, each.value if each.per == "alias" else None, leads, path, report)
            _costs(alias, policy, path, report)


def _leads_back(alias: str, start: str | None, leads: dict[str, str], path: Path, report: Report) -> None:
    seen = [] if start is None else [start]
    while alias not in seen:
        seen.append(alias)
        if start is None or alias not in leads:
            return
        alias = leads[alias]
    if alias == start:
        report.error(path, f"leads back to `{start}`, whose money is spent: {' -> '.join([*seen, alias])}")


def _costs(alias: str, policy: Policy, path: Path, report: Report) -> None:
    """Calls that go on costing money are counted and no longer stopped."""
    section = policy.aliases.get(alias)
    used = {name for step in section.chain for name in step.weights} if section else set()
    costly = sorted(
        name for name in used & policy.deployments.keys() if not known.is_free(policy.deployments[name], policy)
    )
    if costly:
        text = f"calls go on costing money there (`{costly[0]}`): this budget counts them and stops them no more"
        report.warning(path, text)


def _prices(policy: Policy, spendings: list[Spending], report: Report) -> None:
    """What costs an unknown amount is counted by no budget."""
    if not spendings and not any(limit.usd is not None for limit in policy.limits):
        return
    used = {name for alias in policy.aliases.values() for step in alias.chain for name in step.weights}
    for name in sorted(used & policy.deployments.keys()):
        if not known.is_priced(policy.deployments[name], policy):
            text = "its price is not known, so no budget counts what it costs: say it in `price`"
            report.warning(("deployments", name), text, key=True)
