"""The journal: what it may take must hold what it cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.units import show_size

if TYPE_CHECKING:
    from headgate.config.problems import Report
    from headgate.config.sections import Policy


def check(policy: Policy, report: Report) -> None:
    """The file that is written and the next one stay, whatever the limit says."""
    section = policy.journal
    if section is not None and section.keep_size < 2 * section.segment:
        least = show_size(2 * section.segment)
        report.error(
            ("journal", "keep_size"),
            f"{show_size(section.keep_size)} is less than the two files that each worker has, {least}: "
            "raise it, or make `journal.segment` smaller",
        )
