"""`python -m tests.chaos.proof`: plays a job, then lets the checker judge what it left; see the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from tests.chaos.proof.check.findings import Kind
from tests.chaos.proof.job import Job, Ran, audit, run


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
        code, report = audit(folder)
    print("\n".join(_lines(ran, report)))
    return code


def _lines(ran: Ran, report: dict[str, Any]) -> Iterator[str]:
    """What people read: what was done, what both sides say, what does not hold."""
    found = defaultdict(int, report["figures"])

    def usd(figure: str) -> str:
        return f"${Decimal(found[f'{figure}_nano_usd']).scaleb(-9):,.9f}"

    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in ran.outcomes.most_common())
    yield f"calls       {found['callers']:,} in {ran.took_s:.0f} s, {len(ran.kills_ns)} kills: {outcomes}"
    yield f"bill        {found['billed']:,} exchanges, {found['billed_tokens']:,} tokens, {usd('billed')}"
    yield f"ledger      {found['calls']:,} calls, {found['attempts']:,} attempts, {found['basis void']:,} of them void"
    yield f"exact       {found['exact']:,} attempts, {usd('exact')}"
    estimates = f"{found['basis counted']:,} attempts, {usd('estimated')}"
    yield f"estimated   {estimates}; billed for them: {usd('estimates_billed')}"
    cut_off = f"{found['basis reserved']:,} attempts, {usd('cut_off_reserved')} reserved"
    yield f"cut off     {cut_off}; billed for them: {usd('cut_off_billed')}"
    yield f"told        {found['told']:,} callers the tokens that are in the ledger"
    budgets = f"{found['budgets']}, of which {found['budgets that are nearly spent']} are nearly spent"
    yield f"budgets     {budgets}: {usd('billed_below_budgets')} of {usd('budgeted')}"
    yield f"            at most {usd('most_over_budget')} above one, within its bound"
    yield "findings    " + ", ".join(f"{kind} {report['findings'].get(kind, 0):,}" for kind in get_args(Kind))
    for sentence in (sentence for kind in report["first"].values() for sentence in kind):
        yield f"            {sentence}"


if __name__ == "__main__":
    sys.exit(main())
