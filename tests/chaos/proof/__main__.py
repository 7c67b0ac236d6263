"""`python -m tests.chaos.proof`: plays a job, then lets the checker judge what it left; see the package."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.proof.job import Job, audit, run


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 when something is lost, twice or wrong."""
    usual = Job()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.proof", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=usual.calls)
    parser.add_argument("--kills", type=int, default=usual.kills)
    parser.add_argument("--seed", type=int, default=usual.seed)
    parser.add_argument("--daemon", action="store_true", help="headgated serves, not headgate serve")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the evidence stays; it is gone otherwise")
    options = vars(parser.parse_args(arguments))
    keep: Path | None = options.pop("keep")
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        ran = run(Job(**options), folder)
        print(f"callers: {dict(ran.outcomes.most_common())}")
        print(f"{ran.took_s:.0f} s of calls, {ran.folded_s:.1f} s until the rest was folded")
        code, report = audit(folder)
    print(json.dumps(report, indent=1))
    return code


if __name__ == "__main__":
    sys.exit(main())
