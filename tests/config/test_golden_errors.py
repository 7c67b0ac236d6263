"""Whole policies with many mistakes: every error, in the order of the file, word for word.

`wrong/NAME.yaml` is the policy, `wrong/NAME.txt` what is said of it. `HEADGATE_WRITE_GOLDEN=1` writes the latter.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate import config
from headgate.errors import PolicyError

FOLDER = Path(__file__).parent / "wrong"
POLICIES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: str(path.stem))
def test_every_error_is_told_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(PolicyError) as caught:
        config.load(path.name, {})
    told = f"{caught.value}\n"
    expected = path.with_suffix(".txt")
    if os.environ.get("HEADGATE_WRITE_GOLDEN"):
        expected.write_text(told, encoding="utf-8")
    assert told == expected.read_text(encoding="utf-8")


def test_there_are_golden_policies() -> None:
    assert len(POLICIES) >= 4
