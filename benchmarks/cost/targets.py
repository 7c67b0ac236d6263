"""What is measured: the relay, nginx, HAProxy and headgated, each as a command and the port where it answers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .process import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

KEY = "hg-cost-2f1c7a90d4e85b63"
SECRETS = {"COST_KEY": KEY, "COST_CREDENTIAL": "sk-cost-7b31d0c2a94f6e58"}
ALIAS = "model-of-the-caller"
MODEL = "model-of-the-provider"


@dataclass(frozen=True)
class Providers:
    """Ports of the two simulated providers: one expects the alias as it was sent, one the provider's own name."""

    as_sent: int = field(default_factory=free_port)
    spliced: int = field(default_factory=free_port)

    def commands(self) -> dict[int, list[str]]:
        """Port -> how to start the provider that listens there."""
        launch = [sys.executable, "-m", "benchmarks.cost.simulator"]
        return {
            self.as_sent: [*launch, str(self.as_sent), f'"model":"{ALIAS}"'],
            self.spliced: [*launch, str(self.spliced), f'"model":"{MODEL}"'],
        }


@dataclass(frozen=True)
class Target:
    """One proxy, ready to be started."""

    name: str
    command: Sequence[str]
    port: int
    provider: int
    version: str


@dataclass(frozen=True)
class Absent:
    """One proxy that cannot be measured here."""

    name: str
    reason: str


def all_targets(folder: Path, providers: Providers, headgated: Path | None) -> list[Target | Absent]:
    """Every target in the order of the report, configured in `folder`."""
    return [
        _relay(providers),
        _nginx(folder, providers),
        _haproxy(folder, providers),
        _headgated(folder, providers, headgated),
    ]


def _relay(providers: Providers) -> Target | Absent:
    build = ["cargo", "build", "--quiet", "--release", "--locked", "-p", "relay"]
    if subprocess.run(build, cwd=ROOT, check=False).returncode:
        return Absent("relay", "it did not build")
    port = free_port()
    command = [str(ROOT / "target/release/relay"), f"127.0.0.1:{port}", f"127.0.0.1:{providers.as_sent}"]
    return Target("relay", command, port, providers.as_sent, "of this tree")


def _nginx(folder: Path, providers: Providers) -> Target | Absent:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return Absent("nginx", "not installed: apt-get install nginx-light")
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # else its worker could not use the folder
    config = render("nginx.conf", folder, PORT=port, UPSTREAM=providers.as_sent, FOLDER=folder, USER=user)
    return Target(
        "nginx", [program, "-p", str(folder), "-c", str(config)], port, providers.as_sent, _said(program, "-v")
    )


def _haproxy(folder: Path, providers: Providers) -> Target | Absent:
    program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        return Absent("haproxy", "not installed: apt-get install haproxy")
    port = free_port()
    config = render("haproxy.cfg", folder, PORT=port, UPSTREAM=providers.as_sent)
    return Target("haproxy", [program, "-q", "-f", str(config)], port, providers.as_sent, _said(program, "-v"))


def _headgated(folder: Path, providers: Providers, program: Path | None) -> Target | Absent:
    program = program or find_headgated()
    if program is None:
        return Absent("headgated", "not built: make headgated")
    port, policy = write_policy(folder, providers)
    plan = folder / "plan.json"
    compiled = subprocess.run(
        [headgate(), "compile", str(policy)], env={**os.environ, **SECRETS}, check=True, capture_output=True
    )
    plan.write_bytes(compiled.stdout)
    version = f"{_said(str(program), '--version')} ({os.path.relpath(program, ROOT)})"
    return Target("headgated", [str(program), str(plan)], port, providers.spliced, version)


def find_headgated() -> Path | None:
    """The newest of the static binary and the one that `make test` builds."""
    found = [
        path
        for path in (*ROOT.glob("target/*/headgated"), *ROOT.glob("target/*/*/headgated"))
        if path.parent.name in ("dist", "release")
    ]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def headgate() -> str:
    """The command line of the environment that runs this."""
    return str(Path(sys.executable).parent / "headgate")


def write_policy(folder: Path, providers: Providers) -> tuple[int, Path]:
    """The policy of the benchmark, and the port where it listens."""
    port = free_port()
    return port, render("policy.yaml", folder, PORT=port, OPS=free_port(), UPSTREAM=providers.spliced)


def render(name: str, folder: Path, **values: object) -> Path:
    """A copy of a template beside this file in `folder`, with `@NAME@` replaced."""
    text = (HERE / name).read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    path = folder / name
    path.write_text(text)
    return path


def _said(*command: str) -> str:
    """The first line that a program prints about its version, wherever it prints it."""
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().partition("\n")[0].removeprefix("nginx version: ")
