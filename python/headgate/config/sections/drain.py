"""`drain:` how a stop proceeds."""

from __future__ import annotations

from typing import Annotated

from headgate.config.sections.base import Section
from headgate.config.units import Duration, unit_field, within


class Drain(Section):
    """A SIGTERM: readiness fails, calls are still taken for a while, then open ones may end."""

    accept_for: Annotated[Duration, within("0s", "10m")] = unit_field("5s", "How long new calls are still taken.")
    grace: Annotated[Duration, within("0s", "1d")] = unit_field("10m", "How long open calls may go on after that.")
