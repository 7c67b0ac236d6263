"""Rules that hold for every test: under `CI=true` a skip is a failure, since nobody would read that it was skipped."""

import os
from collections.abc import Generator

import pytest

SKIPS_FAIL = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns the skip of a test into a failure that carries the reason."""
    report = yield
    if SKIPS_FAIL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which fails under CI=true: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself, as `pytest.importorskip` does."""
    report = yield
    if SKIPS_FAIL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which fails under CI=true: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    """The sentence of a skip; pytest holds it as (path, line, sentence)."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
