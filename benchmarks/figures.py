"""Writes the figures of the last full report into the pages that show them; `--check` fails when one is stale.

A page has them between two comments. Nobody types a figure: what stands there was made from
`benchmarks/reports/full.json`, and says on which machine and day it was measured.
"""

from __future__ import annotations

import sys
from pathlib import Path

from headgate.bench.compare.document import Comparison
from headgate.bench.report import markdown as md
from headgate.bench.report.compare.headline import headline, shown_first
from headgate.bench.report.compare.roles import Field
from headgate.bench.report.table import Table
from headgate.bench.report.wording import NONE, listed, mib, plain, times

ROOT = Path(__file__).parents[1]
REPORT = "benchmarks/reports/full"
PAGES = ("README.md", "docs/benchmarks.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
NO_REPORT = "No full report is committed yet: `make bench-full` measures one, in two hours."


def refresh(root: Path, *, check: bool) -> list[str]:
    """Brings the pages up to date, or with `check` only looks; names those that were not. Raises `ValueError`."""
    stale = []
    for name in PAGES:
        page = root / name
        was = page.read_text(encoding="utf-8")
        now = put(was, block(root, page))
        if now == was:
            continue
        stale.append(name)
        if not check:
            page.write_text(now, encoding="utf-8")
    return stale


def put(text: str, figures: str) -> str:
    """The page with these figures between its comments; a page without them is as it was. Raises `ValueError`."""
    if BEGIN not in text and END not in text:
        return text
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(f"a page needs one `{BEGIN}` and then one `{END}`")
    return f"{before}{BEGIN}\n{figures}{END}{after}"


def block(root: Path, page: Path) -> str:
    """What stands between the comments of a page. Raises `ValueError` for a report that is none."""
    report = root / f"{REPORT}.json"
    if not report.exists():
        return f"{NO_REPORT}\n"
    field = Field(Comparison.from_json(report.read_text(encoding="utf-8")))
    lines = ["", md.text(" ".join(headline(field))), "", *md.table(figures(field)), "", _source(field, root, page), ""]
    return "\n".join(lines) + "\n"


def figures(field: Field) -> Table:
    """A line for each target: CPU as multiples of the floor in the loads that tell most, memory, start."""
    cells = shown_first(field)
    distances = {cell.name: {one.target: one.times for one in field.distances(cell.name)} for cell in cells}
    idle = {one.target: mib(one.rss_bytes) for one in field.of.memory if one.state == "idle"}
    start = {one.target: plain(one.median_ms) for one in field.of.starts}
    rows = [
        [
            field.title(name),
            *(times(distances[cell.name].get(name)) for cell in cells),
            idle.get(name, NONE),
            start.get(name, NONE),
        ]
        for name in field.names
    ]
    heads = ["target", *(f"{cell.title}#" for cell in cells), "idle MiB#", "start ms#"]
    strong = frozenset(number for number, name in enumerate(field.names) if field.role(name) == "ours")
    return Table("Figures", heads, rows, strong=strong).without_empty_columns(NONE)


def _source(field: Field, root: Path, page: Path) -> str:
    """What the columns are, and where they come from."""
    of = field.of
    machine = [f"{value} cores" if key == "cores" else value for key, value in of.machine.items() if key != "python"]
    where = f"{md.text(', '.join(machine))}, {of.started[:10]}"
    above = "../" * len(page.parent.relative_to(root).parts)
    link = f": [the whole report]({above}{REPORT}.md)" if (root / f"{REPORT}.md").exists() else ""
    absent = f" Absent: {md.text(listed([one.name for one in of.absent]))}." if of.absent else ""
    return f"CPU time of a call as multiples of the floor's. {where}{link}.{absent}"


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` says which are not as they should be."""
    check = arguments == ["--check"]
    if arguments and not check:
        print("usage: python -m benchmarks.figures [--check]", file=sys.stderr)
        return 2
    try:
        stale = refresh(ROOT, check=check)
    except ValueError as error:
        print(f"benchmarks.figures: {error}", file=sys.stderr)
        return 1
    for name in stale if check else []:
        print(f"{name} is stale: run `python -m benchmarks.figures`, or make fix", file=sys.stderr)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
