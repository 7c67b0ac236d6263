"""`headgate check`, `compile`, `explain` and `diff`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate import plan
from headgate.cli import text
from headgate.cli.limits import headers_read, limits
from headgate.cli.way import way
from headgate.compile import compile_file
from headgate.config.problems import dotted
from headgate.config.units import parse_duration
from headgate.errors import GatewayError, PlanError, PolicyError, UsageError

if TYPE_CHECKING:
    from headgate.config.problems import Problem


def check(policy: str, *, resolve: bool, as_json: bool) -> None:
    """Prints every problem; ends with 78 where one is an error."""
    try:
        compiled = compile_file(policy)
        problems = list(compiled.loaded.warnings)
        summary, hints = text.summary(policy, compiled), list(text.hints(compiled))
        if resolve:
            from headgate.engine import secrets

            problems += secrets.problems(compiled)
    except PolicyError as error:
        problems, summary, hints = list(error.problems), "", []
    bad = any(problem.is_error for problem in problems)
    if as_json:
        print(json.dumps({"ok": not bad, "problems": [_as_json(problem) for problem in problems]}, indent=2))
    else:
        for problem in problems:
            print(problem, file=sys.stderr)
        if not bad:
            print(summary)
            for hint in hints:
                print(hint)
    if bad:
        sys.exit(PolicyError.exit_code)


def write_plan(policy: str, output: str | None) -> None:
    """Prints the plan, or writes it to a file."""
    compiled = compile_file(policy)
    for warning in compiled.loaded.warnings:
        print(warning, file=sys.stderr)
    document = plan.printable(compiled.plan).decode() + "\n"
    if output is None:
        sys.stdout.write(document)
        return
    try:
        Path(output).write_text(document, encoding="utf-8")
    except OSError as error:
        raise GatewayError(f"{output} cannot be written: {error.strerror}") from None


@dataclass(frozen=True)
class Trial:
    """What is said of a call on trial; nothing said is no trial."""

    befalls: list[str]
    needs: str | None
    within: str | None
    stream: bool | None
    tokens: int | None
    seed: int | None

    def query(self) -> dict[str, Any] | None:
        """The same for the data plane; `UsageError` for what is not `WHO=WHAT` or `WHO=WHAT:PAUSE`."""
        if not self.befalls and (self.needs, self.within, self.stream, self.tokens, self.seed) == (None,) * 5:
            return None
        befalls = [_condition(text) for text in self.befalls]
        needs = [word.strip() for word in (self.needs or "").split(",") if word.strip()]
        said = {"stream": bool(self.stream), "tokens": self.tokens or 0, "seed": self.seed}
        within_ms = None if self.within is None else _duration(self.within, f"--within {self.within}")
        return {**said, "needs": needs, "within_ms": within_ms, "if": befalls}


@dataclass(frozen=True)
class Asked:
    """A question of `explain`."""

    policy: str
    model: str
    key: str | None
    headers: list[str]
    trial: Trial

    def heads(self) -> dict[str, str]:
        """The headers by lower-case name; of two the last."""
        pairs = (header.partition("=") for header in self.headers)
        return {name.lower(): value for name, _, value in pairs}


def explain(asked: Asked, *, as_json: bool) -> None:
    """Prints where a call would go; ends with 1 where it would be refused."""
    from headgate.engine import native
    from headgate.engine.stored import look

    odd = [header for header in asked.headers if not header.partition("=")[2]]
    if odd:
        raise UsageError(f"--header {odd[0]}: write NAME=VALUE")
    trial = asked.trial.query()
    compiled = compile_file(asked.policy, merge=look)
    for problem in compiled.left_out:
        print(problem, file=sys.stderr)
    try:
        query = {"model": asked.model, "key": asked.key, "headers": asked.heads(), "trial": trial}
        answer = native.explain(compiled.document, query)
    except PlanError as error:
        raise UsageError(str(error)) from None
    if as_json:
        print(json.dumps(answer, indent=2))
    else:
        text.print_route(asked.model, answer, compiled)
        for line in limits(answer, json.loads(compiled.document)):
            print(f"  {line}")
        if unread := sorted(asked.heads().keys() - headers_read(json.loads(compiled.document))):
            print(f"  headers: no part of this policy looks at {', '.join(unread)}, so they change nothing")
        if asked.key is None and compiled.plan.keys:
            print("  key: none was named, so this is what a key without `aliases` meets")
        for line in way(answer):
            print(f"  {line}")
    if "error" in answer:
        sys.exit(GatewayError.exit_code)


def _condition(text: str) -> dict[str, Any]:
    """What `gpt=down` or `gpt=rate_limited:20s` says."""
    target, _, what = text.partition("=")
    word, colon, pause = what.partition(":")
    if not target or not word:
        raise UsageError(f"--if {text}: write WHO=WHAT, such as gpt=down, or gpt=rate_limited:20s")
    pause_ms = _duration(pause, f"--if {text}") if colon else None
    return {"target": target, "meets": word, "pause_ms": pause_ms}


def _duration(text: str, where: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None


def diff(before: str, after: str, *, as_json: bool) -> None:
    """Prints what changes."""
    from headgate.plan.diff import compare

    changes = compare(_document(before), _document(after))
    if as_json:
        print(json.dumps([asdict(change) for change in changes], indent=2))
    else:
        text.print_changes(changes)


def _document(path: str) -> dict[str, Any]:
    """The plan in a file, or the plan of the policy in it, as a JSON value."""
    if path.endswith(".json"):
        return plan.read(path)
    document: dict[str, Any] = json.loads(compile_file(path).document)
    return document


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "severity": "error" if problem.is_error else "warning",
        "file": problem.place.file,
        "line": problem.place.line or None,
        "column": problem.place.column or None,
        "path": dotted(problem.path),
        "text": problem.text,
    }
