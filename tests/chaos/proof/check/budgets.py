"""What was billed below each budget, and by how much that may be more."""

from __future__ import annotations

from tests.chaos.proof.check.evidence import Evidence
from tests.chaos.proof.check.exchanges import Spent
from tests.chaos.proof.check.findings import Findings


def judge(evidence: Evidence, spent: Spent, findings: Findings) -> None:
    """Says which budgets were overspent beyond their bound."""
    for rule in evidence.job["budgets"]:
        billed = sum(spent.of[agent] for agent in rule["agents"])
        bound = sum(spent.above_estimates[agent] for agent in rule["agents"])
        if rule["retries_may_exceed"]:
            bound += sum(spent.by_second_tries[agent] for agent in rule["agents"])
        budget = rule["nano_usd"]
        findings.figures["budgets"] += 1
        findings.figures["budgets that are nearly spent"] += billed > 0.9 * budget
        findings.figures["budgeted_nano_usd"] += budget
        findings.figures["most_over_budget_nano_usd"] = max(
            findings.figures["most_over_budget_nano_usd"], billed - budget
        )
        findings.figures["billed_below_budgets_nano_usd"] += billed
        if billed > budget + bound:
            told = f"{billed} nano-dollars are billed, the budget is {budget} and its bound {bound} more"
            findings.add("overspent", f"{rule['name']}: {told}")
