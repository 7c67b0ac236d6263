"""Steps of chains: that the balance has what it needs, and that a condition can lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config import known

if TYPE_CHECKING:
    from headgate.config.problems import Path, Report
    from headgate.config.sections import Policy, Step


def check(policy: Policy, report: Report) -> None:
    """Checks each step of each chain by itself, and against those before it."""
    for name, alias in policy.aliases.items():
        before: list[int | None] = []
        for number, step in enumerate(alias.chain):
            path: Path = ("aliases", name, "chain", number)
            _balance(step, policy, path, report)
            windows = _windows(step, policy)
            if number and step.when == ["context_too_long"]:
                _longer(windows, before, (*path, "when"), report)
            before += windows


def _balance(step: Step, policy: Policy, path: Path, report: Report) -> None:
    if step.balance in ("fastest", "cheapest") and len(set(step.weights.values())) > 1:
        text = f"`{step.balance}` looks at no weights: write a list, or balance by `weighted` or `least_busy`"
        report.error((*path, "use"), text, key=True)
    used = [name for name in step.weights if name in policy.deployments]
    unpriced = [name for name in used if not known.has_token_price(policy.deployments[name], policy)]
    if step.balance == "cheapest" and unpriced:
        text = f"the price of `{unpriced[0]}` is not known; say it in deployments.{unpriced[0]}.price"
        report.error((*path, "balance"), text)


def _windows(step: Step, policy: Policy) -> list[int | None]:
    """How many tokens each deployment of a step holds, where that is known."""
    used = [policy.deployments.get(name) for name in step.weights]
    return [known.window(deployment) if deployment else None for deployment in used]


def _longer(windows: list[int | None], before: list[int | None], path: Path, report: Report) -> None:
    """What is for long prompts alone must hold more than something before it does."""
    here, there = [each for each in windows if each is not None], [each for each in before if each is not None]
    if len(here) < len(windows) or len(there) < len(before):
        return
    if max(here) <= min(there):
        text = f"can never help: it holds {max(here)} tokens, and each step before it as many or more"
        report.error(path, text)
