"""Why to believe a comparison: what its document shows to have been done."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headgate.bench.compare.document import Comparison
from headgate.bench.figures import several

from ..wording import listed, moment, seconds
from .roles import Field


def reasons_to_believe(field: Field) -> list[tuple[str, str]]:
    """Label and text, from what the document shows to have been done."""
    of = field.of
    facts = [
        ("Cores", _cores(field)),
        ("Order", _order(of)),
        ("Windows", _windows(of)),
        ("Checked", _checks(of)),
        ("Intervals", _intervals(of)),
        ("Machine", ", ".join(_labelled(key, value) for key, value in of.machine.items())),
        ("Versions", ", ".join(_versions(of))),
        ("Run", f"{moment(of.started)}, took {seconds(of.took_s)}, seed {of.seed}"),
    ]
    return [(label, text) for label, text in facts if text]


def _labelled(key: str, value: str) -> str:
    return f"{value} cores" if key == "cores" else value


def _versions(of: Comparison) -> list[str]:
    """Each target with its version, which may say the name itself; then what else was noted."""
    named = {target.name: (target.title, target.version) for target in of.targets}
    said = [_version([title, name], version) for name, (title, version) in named.items()]
    return said + [_version([name], version) for name, version in of.versions.items() if name not in named]


def _version(names: list[str], version: str) -> str:
    return version if any(name.lower() in version.lower() for name in names) else f"{names[0]} {version}"


def _cores(field: Field) -> str:
    if not field.of.targets:
        return ""
    text = "each target alone on one core; load and provider on another"
    loose = [field.title(target.name) for target in field.of.targets if not target.pinned]
    return f"{text}. Not pinned: {listed(loose)}" if loose else text


def _order(of: Comparison) -> str:
    if not of.windows:
        return ""
    first: dict[tuple[str, int], str] = {}
    for window in sorted(of.windows, key=lambda window: window.at_s):
        first.setdefault((window.cell, window.round), window.target)
    if len({window.target for window in of.windows}) == 1:
        return several(of.rounds, "round")
    turned = len(set(first.values())) > 1
    return f"{several(of.rounds, 'round')}, all targets in each, {'in rotated order' if turned else 'in one order'}"


def _windows(of: Comparison) -> str:
    if not of.windows:
        return "none"
    void = sum(window.void is not None for window in of.windows)
    disturbed = sum(window.void is None and window.disturbed is not None for window in of.windows)
    left_out = max(void + disturbed, sum(row.left_out for row in of.rows))
    text = f"{len(of.windows) - left_out} of {seconds(of.seconds)} each"
    if not left_out:
        return f"{text}, none left out"
    why = [f"{disturbed} disturbed" if disturbed else "", f"{void} void" if void else ""]
    return f"{text}; {left_out} left out ({', '.join(filter(None, why)) or 'slow machine'})"


def _checks(of: Comparison) -> str:
    calls = sum(window.calls for window in of.windows)
    if not calls:
        return ""
    frames = sum(window.frames for window in of.windows)
    what = ["bytes in and out", f"{frames:,} events" if frames else "", "usage totals"]
    return f"{calls:,} calls: {listed([one for one in what if one])}; one wrong voids its window"


def _intervals(of: Comparison) -> str:
    finite: Sequence[float] = [ratio.median for ratio in of.ratios if math.isfinite(ratio.median)]
    return "95 % of bootstraps over the rounds; a ratio is taken within a round" if finite else ""
