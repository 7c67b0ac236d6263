"""Names of aliases: that none hides what callers can ask for otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.problems import Path, Report
    from headgate.config.sections import Policy


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits an alias; the `*` stands for any text, also for none."""
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == name
    return len(name) >= len(before) + len(after) and name.startswith(before) and name.endswith(after)


def precedence(pattern: str) -> tuple[bool, int]:
    """The order in which aliases are looked at: exact names first, then patterns, the longer fixed part first."""
    return (True, -len(pattern)) if "*" in pattern else (False, 0)


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks the names of `aliases`: against each other, and against `PROVIDER/MODEL`."""
    patterns = [name for name in names.aliases if "*" in name]
    for name in policy.aliases:
        path: Path = ("aliases", name)
        provider, slash, rest = name.partition("/")
        if slash and provider in names.providers and rest:
            text = (
                f"hides models of the provider `{provider}` that callers name outright as `{provider}/MODEL`; rename it"
            )
            report.error(path, text, key=True)
        if name == "*":
            report.warning(path, "takes every name, so no model of a provider can be named outright", key=True)
        _equal_precedence(name, patterns, path, report)


def _equal_precedence(name: str, patterns: list[str], path: Path, report: Report) -> None:
    """Two patterns of the same length that both fit some name: which one counts would hang on the order of the file."""
    for other in patterns:
        if "*" in name and name < other and len(name) == len(other) and _overlap(name, other):
            report.warning(
                path, f"some names fit `{other}` too and both are as long: the first in the file counts", key=True
            )


def _overlap(one: str, other: str) -> bool:
    one_before, _, one_after = one.partition("*")
    other_before, _, other_after = other.partition("*")
    starts = one_before.startswith(other_before) or other_before.startswith(one_before)
    ends = one_after.endswith(other_after) or other_after.endswith(one_after)
    return starts and ends
