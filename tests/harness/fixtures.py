"""Fixtures: a provider for the whole run, gateways for a file or for one test."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, Protocol

import pytest

from tests.harness import gateway as processes
from tests.harness import ports
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import ENVIRONMENT
from tests.harness.provider import Provider

Program = Literal["headgate", "baseline"]
"""What serves a policy: `headgate serve`, or the gateway in pure Python that it is compared with."""


class Launch(Protocol):
    """Starts a gateway that is stopped at the end."""

    def __call__(self, policy: Policy, environment: Mapping[str, str] = ..., *, daemon: bool = ...) -> Gateway:
        """`daemon`: `headgated` with the compiled plan, not the program that serves a policy."""


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """A strict provider that answers at once."""
    running = Provider.start()
    yield running
    running.stop()


@pytest.fixture
def bill(provider: Provider) -> Provider:
    """The provider with an empty bill."""
    provider.reset()
    return provider


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A port that refuses connections for the whole run: bound, and not listening."""
    with ExitStack() as stack:
        yield ports.closed(stack)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts gateways for one test."""
    with launcher(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def launch_for_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts gateways for a file of tests."""
    with launcher(tmp_path_factory.mktemp("gateway")) as start:
        yield start


@contextmanager
def launcher(folder: Path, program: Program = "headgate") -> Iterator[Launch]:
    """Starts gateways whose files stand in `folder`, and stops them at the end."""
    serve = [*processes.headgate(), "serve"] if program == "headgate" else processes.baseline()
    started: list[Gateway] = []
    numbers = itertools.count()

    def launch(policy: Policy, environment: Mapping[str, str] = ENVIRONMENT, *, daemon: bool = False) -> Gateway:
        home = folder / str(next(numbers))
        home.mkdir()
        path = processes.write(policy, home / "policy.yaml")
        command = [*serve, str(path)]
        if daemon:
            command = [processes.headgated(), str(compile_plan(path, environment))]
        gateway = processes.start(command, home / "log", environment)
        started.append(gateway)
        return gateway

    try:
        yield launch
    finally:
        for gateway in started:
            gateway.stop()


def compile_plan(policy: Path, environment: Mapping[str, str] = ENVIRONMENT) -> Path:
    """Compiles a policy into a plan that stands beside it."""
    plan = policy.with_name("plan.json")
    draft = policy.with_name("plan.draft")
    log = policy.with_name("compile.log")
    process = processes.spawn([*processes.headgate(), "compile", str(policy)], log, environment, output=draft)
    assert process.wait(processes.START_WITHIN_S) == 0, log.read_text(encoding="utf-8")
    draft.rename(plan)
    return plan


def run(*arguments: str, environment: Mapping[str, str] = ENVIRONMENT) -> subprocess.CompletedProcess[str]:
    """Runs `headgate` with these arguments to its end."""
    return subprocess.run(
        [*processes.headgate(), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=processes.clean(environment),
    )
