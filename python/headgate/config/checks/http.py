"""Limits of the data listener: that each can bind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.checks.pairs import both
from headgate.config.units import show_size

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.problems import Report
    from headgate.config.sections import Policy


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks `http`."""
    http = policy.http
    if names.is_broken(("http",)):
        return
    said = both(http, "max_streams", "max_calls")
    if said and said[0] > said[1]:
        report.error(("http", "max_streams"), f"can never be reached: `max_calls` allows {said[1]} in all")
    if http.max_buffered != "auto" and http.max_buffered < http.max_body:
        text = f"a body of {show_size(http.max_body)}, which `max_body` allows, could never be held"
        report.error(("http", "max_buffered"), text)
