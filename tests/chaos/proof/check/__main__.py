"""`python -m tests.chaos.proof.check FOLDER`: judges what a job left behind; see the package."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.chaos.proof.check import budgets, journals, sums
from tests.chaos.proof.check.evidence import Evidence
from tests.chaos.proof.check.exchanges import Judge
from tests.chaos.proof.check.findings import Findings


def check(folder: Path) -> Findings:
    """Judges all that is in a folder."""
    evidence, findings = Evidence.load(folder), Findings()
    judge = Judge(evidence, findings)
    judge.all()
    journals.judge(evidence, findings)
    sums.judge(evidence, findings)
    budgets.judge(evidence, judge.spent, findings)
    return findings


def main() -> int:
    """Prints what was found; the exit code."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    findings = check(Path(sys.argv[1]))
    print(json.dumps(findings.document(), indent=1))
    return 0 if findings.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
