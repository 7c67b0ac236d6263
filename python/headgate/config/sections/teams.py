"""`teams:` whom keys belong to."""

from __future__ import annotations

from pydantic import Field

from headgate.config.sections.budgets import OWN, OwnBudgets
from headgate.config.sections.limits import Places, Rates


class Team(Rates):
    """What all keys of a team may use together."""

    concurrency: Places | None = Field(default=None, description="Calls at once.")
    budget: OwnBudgets = Field(default=[], description=OWN)
