"""A scenario from its file: every error at once, with file, line, column and path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from headgate.config import shape, yaml12
from headgate.config.files import read_file
from headgate.config.near import hint
from headgate.config.problems import Place, Problem, Report, dotted
from headgate.errors import PlanError, PolicyError, UsageError
from headgate.simulate import expect
from headgate.simulate.scenario import Scenario

if TYPE_CHECKING:
    from headgate.config.problems import Path, Places
    from headgate.plan import Plan


@dataclass(frozen=True, slots=True)
class Loaded:
    """A good scenario, and where its parts were written."""

    name: str
    scenario: Scenario
    places: Places

    def at(self, error: PlanError) -> PolicyError | PlanError:
        """What Rust refused, `path: sentence`, with the place of that path where the file has it."""
        path, colon, text = str(error).partition(": ")
        known = {dotted(each): each for each in self.places.values}
        if not colon or path not in known:
            return error
        return PolicyError([Problem(self.places.of_value(known[path]), known[path], text)])


def read(path: str) -> Loaded:
    """Reads a scenario. Raises `PolicyError` with all errors."""
    return read_text(read_file(path), path)


def read_text(text: str, name: str) -> Loaded:
    """Reads a scenario that stands in no file; `name` stands for one in messages."""
    document = yaml12.parse(text, name)
    value = {} if document.value is None else document.value
    if not isinstance(value, dict):
        raise PolicyError([Problem(Place(name, 1, 1), (), "a scenario is a map, such as `rate: 100`")])
    report = Report(document.places, document.problems)
    try:
        scenario = Scenario.model_validate(value)
    except ValidationError as error:
        shape.tell(error.errors(include_url=False), report, Scenario)
        raise PolicyError(report.errors) from None
    for number, line in enumerate(scenario.expect):
        try:
            expect.parse(line)
        except UsageError as error:
            report.error(("expect", number), str(error))
    if report.errors:
        raise PolicyError(report.errors)
    return Loaded(name, scenario, document.places)


def check(loaded: Loaded, plans: list[Plan]) -> None:
    """Looks at what must fit to the plans: names of providers, numbers of endpoints and credentials.

    A name that one of several plans has is good. Raises `PolicyError` with all errors.
    """
    report = Report(loaded.places)
    counts: dict[str, tuple[int, int]] = {}
    for plan in plans:
        for each in plan.providers:
            endpoints, credentials = counts.get(each.id, (0, 0))
            counts[each.id] = (max(endpoints, len(each.endpoints)), max(credentials, len(each.credentials), 1))
    for name, provider in loaded.scenario.providers.items():
        if name not in counts:
            report.error(("providers", name), f"the policy has no provider `{name}`{hint(name, counts)}", key=True)
            continue
        for number, rule in enumerate(provider.scenario):
            path: Path = ("providers", name, "scenario", number, "match")
            _within(report, (*path, "endpoint"), rule.match.endpoint, counts[name][0])
            _within(report, (*path, "credential"), rule.match.credential, counts[name][1])
            _in_time(report, (*path, "from"), rule.match.from_, loaded.scenario.for_)
    if report.errors:
        raise PolicyError(report.errors)


def _within(report: Report, path: Path, index: int | None, count: int) -> None:
    if index is not None and index >= count:
        report.error(path, f"there is no number {index}: {path[1]} has {count}, and counting starts at 0")


def _in_time(report: Report, path: Path, from_ms: int, length_ms: int) -> None:
    if from_ms >= length_ms:
        report.error(path, "it begins when the scenario is over: make `for` longer")
