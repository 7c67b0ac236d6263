"""Retries: how often and after what pause, and how much load they may add."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from headgate.config.sections.base import Section
from headgate.config.units import Duration, Share, share_field, unit_field, within

Attempts = Annotated[int, Field(ge=1, le=8)]
AttemptsPerCall = Annotated[int, Field(ge=1, le=20)]
Pause = Annotated[Duration, within("1ms", "5m")]
Wait = Annotated[Duration, within("0s", "5m")]
Floor = Annotated[int, Field(ge=0, le=100_000)]

MAX_ATTEMPTS = "Tries at one deployment, the first included."
MAX_ATTEMPTS_PER_CALL = "Tries of one call over all deployments, the first included."
BASE = "The pause after a failure is drawn from 0 to this; twice as much with each retry."
THROTTLED_BASE = "The same after a provider asked for fewer calls."
CAP = "The longest pause that is drawn."
WAIT = "The longest pause that a provider asks for and that is waited out; after a longer one the call goes elsewhere."
BUDGET_RATIO = "Retries at a provider within ten seconds, as a share of its first tries."
BUDGET_FLOOR = "Retries at a provider that are allowed each second, however few its first tries."


class Retry(Section):
    """How often a call may be tried again, and how much extra load that may cause."""

    max_attempts: Attempts = Field(default=3, description=MAX_ATTEMPTS)
    max_attempts_per_call: AttemptsPerCall = Field(default=5, description=MAX_ATTEMPTS_PER_CALL)
    base: Pause = unit_field("100ms", BASE)
    throttled_base: Pause = unit_field("1s", THROTTLED_BASE)
    cap: Pause = unit_field("8s", CAP)
    wait: Wait = unit_field("10s", WAIT)
    budget_ratio: Share = share_field(0.1, BUDGET_RATIO)
    budget_floor: Floor = Field(default=3, description=BUDGET_FLOOR)


class AliasRetry(Section):
    """Retries of one alias; what is absent is as in `resilience.retry`. The budget is the provider's."""

    max_attempts: Attempts | None = Field(default=None, description=MAX_ATTEMPTS)
    max_attempts_per_call: AttemptsPerCall | None = Field(default=None, description=MAX_ATTEMPTS_PER_CALL)
    base: Pause | None = Field(default=None, description=BASE)
    throttled_base: Pause | None = Field(default=None, description=THROTTLED_BASE)
    cap: Pause | None = Field(default=None, description=CAP)
    wait: Wait | None = Field(default=None, description=WAIT)


class ProviderRetry(Section):
    """The budget of one provider; what is absent is as in `resilience.retry`."""

    budget_ratio: Share | None = Field(default=None, description=BUDGET_RATIO)
    budget_floor: Floor | None = Field(default=None, description=BUDGET_FLOOR)
