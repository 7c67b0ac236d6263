"""Rules that hold for every test.

Under `CI=true` a skip is a failure, since nobody would read that it was skipped, and generated cases are the same in
each run, so that a red run can be had again; elsewhere they are new each time. No case has a time limit of its own.
"""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

IN_CI = os.environ.get("CI") == "true"

settings.register_profile("headgate", deadline=None, derandomize=IN_CI)
settings.load_profile("headgate")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns the skip of a test into a failure that carries the reason."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which fails under CI=true: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself, as `pytest.importorskip` does."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which fails under CI=true: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    """The sentence of a skip; pytest holds it as (path, line, sentence)."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
