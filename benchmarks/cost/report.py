"""The result as one JSON document and one page of Markdown, with all that is needed to repeat it."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .footprint import Footprint
from .summary import Ratio, Row, ratios, rows
from .targets import ROOT, Absent, Target
from .window import Window

FORMAT = 1

# What the first release must reach: cell -> the most that X may be, as the median.
MOST_X = {"64 B, c=50": 1.0, "100 KB, c=8": 0.9}
# Program -> the most bytes when idle (where there is a bound), the most milliseconds to the first answer.
MOST_FOOTPRINT = {"headgated": (8 << 20, 60.0), "headgate serve": (None, 600.0)}


@dataclass(frozen=True)
class Report:
    """Everything about one run."""

    command: str
    targets: Sequence[Target]
    absent: Sequence[Absent]
    windows: Sequence[Window]
    footprints: Sequence[Footprint]
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def to_json(self) -> str:
        """All windows, and what was made of them."""
        document = {
            "format": FORMAT,
            "command": self.command,
            "started": self.started,
            "machine": machine(),
            "versions": {target.name: target.version for target in self.targets} | {"wrk": _first_line("wrk", "-v")},
            "absent": {absent.name: absent.reason for absent in self.absent},
            "rows": [asdict(row) for row in rows(self.windows)],
            "ratios": [asdict(ratio) for ratio in ratios(self.windows)],
            "footprints": [asdict(footprint) for footprint in self.footprints],
            "missed": self.missed(),
            "windows": [asdict(window) for window in self.windows],
        }
        return json.dumps(document, indent=1)

    def missed(self) -> list[str]:
        """Each target figure that this run did not reach, as a sentence; a figure that is not there is missed too."""
        found = {ratio.cell: ratio for ratio in ratios(self.windows)}
        missed = [_x_missed(cell, found.get(cell), most) for cell, most in MOST_X.items()]
        for footprint in self.footprints:
            most_bytes, most_ms = MOST_FOOTPRINT[footprint.program]
            if most_bytes is not None and footprint.idle_rss_bytes > most_bytes:
                missed.append(
                    f"{footprint.program}: {footprint.idle_rss_bytes >> 10} KiB idle, above {most_bytes >> 10}"
                )
            if footprint.first_answer_ms_median > most_ms:
                missed.append(
                    f"{footprint.program}: answers after {footprint.first_answer_ms_median:.0f} ms, above {most_ms:.0f}"
                )
        return [sentence for sentence in missed if sentence]

    def to_markdown(self) -> str:
        """The page that a person reads."""
        box = machine()
        lines = [
            f"# Cost of a call, {self.started}",
            "",
            f"`{self.command}` on {box['cpu']}, {box['cores']} cores, {box['system']}.",
            "",
        ]
        lines += [f"- {target.name}: {target.version}" for target in self.targets]
        lines += [f"- {absent.name}: absent, {absent.reason}" for absent in self.absent]
        lines += ["", *_ratio_table(ratios(self.windows)), "", *_row_table(self.windows)]
        if self.footprints:
            lines += ["", *_footprint_table(self.footprints)]
        lines += ["", *(f"Missed: {sentence}" for sentence in self.missed())]
        return "\n".join(lines).rstrip() + "\n"


def _x_missed(cell: str, ratio: Ratio | None, most: float) -> str:
    if ratio is None:
        return f"X at {cell}: no clean round"
    return f"X at {cell}: {ratio.x_median:.2f}, above {most:.2f}" if ratio.x_median > most else ""


def _ratio_table(found: Sequence[Ratio]) -> list[str]:
    lines = ["| headgated | X: over the better of nginx and HAProxy, median (best) | D: above the relay | rounds |"]
    lines += ["|---|--:|--:|--:|"]
    for ratio in found:
        added = "" if ratio.d_median is None else f"{ratio.d_median:.2f} ({ratio.d_best:.2f})"
        lines.append(f"| {ratio.cell} | {ratio.x_median:.2f} ({ratio.x_best:.2f}) | {added} | {ratio.rounds} |")
    return lines


def _row_table(windows: Sequence[Window]) -> list[str]:
    heads = ["cell", "target", "CPU µs/call, median (best)", "calls/s", "provider µs/call", "p50 µs"]
    heads += ["windows (left out)", "cores busy"]
    return [f"| {' | '.join(heads)} |", "|---|---|--:|--:|--:|--:|--:|--:|", *map(_row_line, rows(windows))]


def _row_line(row: Row) -> str:
    cells = [
        row.cell,
        row.target,
        f"{row.cpu_us_median:.1f} ({row.cpu_us_best:.1f})",
        f"{row.requests_per_second:,.0f}",
    ]
    cells += [f"{row.provider_us_median:.1f}", f"{row.p50_us:.0f}", f"{row.windows} ({row.left_out})"]
    cells += [f"{row.gateway_core_busy:.0%} / {row.other_core_busy:.0%}"]
    return f"| {' | '.join(cells)} |"


def _footprint_table(footprints: Sequence[Footprint]) -> list[str]:
    lines = ["| program | idle RSS MiB | start to first answer, ms, median (best) |", "|---|--:|--:|"]
    lines += [
        f"| {one.program} | {one.idle_rss_bytes / 2**20:.1f} "
        f"| {one.first_answer_ms_median:.0f} ({one.first_answer_ms_best:.0f}) |"
        for one in footprints
    ]
    return lines


def machine() -> dict[str, object]:
    """The machine as far as it decides figures."""
    cpu = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    return {
        "cpu": cpu.partition(": ")[2],
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load_before": os.getloadavg()[0],
        "rustc": _first_line("rustc", "--version"),
        "commit": _first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }


def _first_line(*command: str) -> str:
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return "absent"
    return done.stdout.partition("\n")[0].strip()
