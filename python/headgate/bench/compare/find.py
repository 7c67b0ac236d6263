"""From a name to a target that can be started: its manifest, its program, its version; or why there is none."""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.bench.compare import manifest as manifests
from headgate.bench.compare.document import Absent, Target
from headgate.bench.compare.options import ROOT
from headgate.bench.compare.providers import ALIAS, MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.bench.compare.manifest import Manifest
    from headgate.bench.compare.options import CompareOptions

KEY = "hg-bench-2f1c7a90d4e85b63"
CREDENTIAL = "sk-bench-7b31d0c2a94f6e58"
INSTALL_S = 1800
_VARIABLE = re.compile(r"@([A-Z][A-Z_]*)@")


@dataclass(frozen=True)
class Peer:
    """A target that is there: what its manifest says, where its program is, and what its templates are told."""

    name: str
    manifest: Manifest
    program: Path
    version: str
    variables: Mapping[str, str]
    given: Mapping[str, str]  # variables that this run was told; they win over the manifest's

    def target(self) -> Target:
        """As it stands in the report; paths are shown as the manifest names them."""
        said = self.manifest
        program = {"PROGRAM": self.program.name, "FOLDER": ".", "PYTHON": "python", "BIN": "bin", "ROOT": "."}
        command = " ".join(render(word, program, strict=False) for word in said.start)
        install, unfair = said.install.how, list(said.unfair)
        return Target(self.name, said.title, self.version, install, list(said.features), unfair, command)


def find(name: str, options: CompareOptions) -> Peer | Absent:
    """Looks for a target. Raises `UsageError` for a name without manifest, `PolicyError` for a bad manifest."""
    name, path = manifests.find(name, options.peers)
    said = manifests.read(path)
    home = options.peers_home / name
    variables = {
        "HOME": str(home),
        "PYTHON": sys.executable,
        "BIN": str(Path(sys.executable).parent),
        "ROOT": str(ROOT),
        "KEY": KEY,
        "CREDENTIAL": CREDENTIAL,
        "ALIAS": ALIAS,
        "MODEL": MODEL,
        "RUN_AS": "user root;" if os.geteuid() == 0 else "",  # for nginx, whose worker could not use the folder else
    }
    given_variables = dict(options.variables.get(name, {}))
    given = options.programs.get(name)
    if given is not None and not given.is_file():
        return Absent(name, f"{given}: no such file")
    failed = _install(said, home, variables, options) if options.install and given is None else None
    program = given or _program(said, variables)
    if program is None:
        return Absent(name, f"{failed or 'not installed'}: {said.install.how}")
    variables["PROGRAM"] = str(program)
    return Peer(name, said, program.absolute(), _said(said.version, variables), variables, given_variables)


def render(template: str, variables: Mapping[str, str], *, strict: bool = True) -> str:
    """A template with its variables; one that is not known stays as it is, or raises `KeyError` if `strict`."""

    def value(match: re.Match[str]) -> str:
        return variables[match[1]] if strict else variables.get(match[1], match[0])

    return _VARIABLE.sub(value, template)


def _program(said: Manifest, variables: Mapping[str, str]) -> Path | None:
    """The newest in the manifest's folders; else the first where the shell would look."""
    escaped = {name: glob.escape(value) for name, value in variables.items()}
    places = [render(folder, escaped) for folder in said.program.folders]
    found = [Path(path) for place in places for path in glob.glob(f"{place}/{said.program.name}")]
    if found:
        return max(found, key=lambda path: path.stat().st_mtime)
    if not said.program.on_path:
        return None
    seen = shutil.which(said.program.name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return Path(seen) if seen else None


def _install(said: Manifest, home: Path, variables: Mapping[str, str], options: CompareOptions) -> str | None:
    """Runs the install commands in the peer's folder; says what went wrong, if so."""
    if not said.install.commands:
        return None
    home.mkdir(parents=True, exist_ok=True)
    for command in said.install.commands:
        words = [render(word, variables) for word in command]
        options.say(f"{said.title}: {' '.join(words)}")
        try:
            done = _run(words, home)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"could not be installed ({error})"
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            return f"could not be installed ({words[0]} exits with {done.returncode}: {''.join(last)[:200]})"
    return None


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    none = subprocess.DEVNULL
    return subprocess.run(words, cwd=folder, check=False, stdin=none, capture_output=True, text=True, timeout=INSTALL_S)


def _said(command: list[str], variables: Mapping[str, str]) -> str:
    """The first line that a program prints about its version, wherever it prints it."""
    words = [render(word, variables) for word in command]
    try:
        done = subprocess.run(
            words, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    line = next((line.strip() for line in done.stdout.splitlines() if line.strip()), "unknown")
    return line.removeprefix("nginx version: ").removesuffix(" - https://haproxy.org/")
