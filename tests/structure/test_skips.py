"""The rule of tests/conftest.py: under `CI=true` what is skipped has failed."""

import pytest

from .repository import ROOT

pytest_plugins = ["pytester"]


def outcomes(pytester: pytest.Pytester, test: str) -> tuple[dict[str, int], str]:
    """Runs one test file under our conftest; returns what pytest counted and printed."""
    pytester.makeconftest((ROOT / "tests/conftest.py").read_text())
    pytester.makepyfile(test)
    result = pytester.runpytest_subprocess("-q")
    return result.parseoutcomes(), result.stdout.str()


SKIPPED = """
import pytest
def test_with_a_tool():
    pytest.skip("no tool here")
"""
SKIPPED_FILE = """
import pytest
pytest.importorskip("no_such_module")
"""
EXPECTED_FAILURE = """
import pytest
@pytest.mark.xfail(reason="known")
def test_known():
    raise AssertionError
"""


@pytest.mark.parametrize("test", [SKIPPED, SKIPPED_FILE])
def test_a_skip_stays_a_skip_on_a_desk(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, test: str) -> None:
    monkeypatch.delenv("CI", raising=False)
    counted, _ = outcomes(pytester, test)
    assert counted == {"skipped": 1}


@pytest.mark.parametrize(
    ("test", "reason", "outcome"), [(SKIPPED, "no tool here", "failed"), (SKIPPED_FILE, "no_such_module", "errors")]
)
def test_a_skip_fails_with_its_reason_under_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, test: str, reason: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", "true")
    counted, printed = outcomes(pytester, test)
    assert counted == {outcome: 1}
    assert reason in printed


def test_an_expected_failure_is_no_skip(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    counted, _ = outcomes(pytester, EXPECTED_FAILURE)
    assert counted == {"xfailed": 1}
