"""A policy from its files to its models: every step in order, every error at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headgate.config import checks, files, later, overrides, shape
from headgate.config.problems import Report
from headgate.config.references import Resolver
from headgate.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.config.problems import Places, Problem
    from headgate.config.sections import Policy


@dataclass(frozen=True, slots=True)
class Loaded:
    """A good policy, what is doubtful about it, and where it came from."""

    policy: Policy
    warnings: list[Problem]
    places: Places
    sources: files.Sources


def load(path: str, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Reads a policy from a file and what it includes. Raises `PolicyError` with all errors."""
    return _finish(files.read_all(path), environ)


def load_text(text: str, name: str, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Reads a policy from a text; `name` stands for the file in messages."""
    return _finish(files.read_text(text, name), environ)


def _finish(merged: files.Merged, environ: Mapping[str, str]) -> Loaded:
    overrides.apply(merged, environ)
    report = Report(merged.places, merged.problems)
    resolver = Resolver(report, environ)
    value = later.refuse(resolver.walk(merged.value), report)
    names = checks.Names.of(value)
    policy, broken = shape.read(value, report)
    if policy is not None:
        checks.run(policy, replace(names, broken=broken), report)
    if report.errors:
        raise PolicyError(report.errors)
    if policy is None:
        raise AssertionError("a policy is refused without a reason")
    merged.sources.files.update(resolver.files)
    return Loaded(policy, report.warnings, merged.places, merged.sources)
