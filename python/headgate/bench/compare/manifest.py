"""A peer's manifest: one YAML file that says how a target is had, configured, started and checked.

In commands, files, headers and the environment, `@NAME@` stands for a variable: PORT and OPS (free ports), UPSTREAM
(`127.0.0.1:PORT` of the provider), FOLDER (this run's own, where the files are), HOME (where the peer is installed),
PROGRAM, PYTHON, BIN (the folder of PYTHON), ROOT (of the tree), KEY, CREDENTIAL, ALIAS and MODEL; and those under
`variables`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headgate.config import yaml12
from headgate.config.files import read_file
from headgate.config.near import hint
from headgate.config.problems import Problem
from headgate.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

Role = Literal["floor", "proxy", "ours", "serve", "baseline", "peer"]
Command = Annotated[list[str], Field(min_length=1)]
Variables = dict[Annotated[str, Field(pattern="[A-Z][A-Z_]*")], str]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Install(_Part):
    """How the peer is had. Names of packages, never addresses of registries."""

    how: str = Field(description="One line for a person: a command, or what to give with `--with`.")
    commands: list[Command] = Field(default=[], description="What `--install` runs, with HOME as working directory.")


class Program(_Part):
    """Where its program is looked for; `--with NAME=PATH` comes first."""

    name: str
    folders: list[str] = Field(default=[], description="Looked into first, `*` allowed; the newest program is taken.")
    on_path: bool = Field(default=True, description="Then looked for where the shell looks, and in /usr/sbin.")


class Metrics(_Part):
    """The target's own count of calls, compared with the load's."""

    url: str
    counter: str


class Variant(_Part):
    """What is different under some cells; what is not given stays."""

    provider: Literal["as_sent", "replaced"] | None = None
    variables: Variables = {}
    files: dict[str, str] = {}
    start: Command | None = None
    environment: dict[str, str] = {}
    headers: dict[str, str] = {}


class Manifest(_Part):
    """One target."""

    title: str
    role: Role = Field(default="peer", description="What it stands for in ratios and verdicts.")
    install: Install
    program: Program
    version: Command = Field(description="Its first line of output is the version.")
    variables: Variables = {}
    files: dict[str, str] = Field(default={}, description="Name in FOLDER -> template.")
    prepare: list[Command] = Field(default=[], description="Run before each start; output goes to the log.")
    start: Command
    environment: dict[str, str] = {}
    ready_within_s: float = Field(default=10, gt=0, le=600, description="Until the first right answer.")
    headers: dict[str, str] = Field(default={}, description="Of every call, beside those that every target gets.")
    model: str = Field(default="@ALIAS@", description="What a caller names as model.")
    provider: Literal["as_sent", "replaced"] = Field(description="Which model name the provider must see.")
    verbatim: bool = Field(description="Whether answers are the provider's bytes; else text, events and tokens count.")
    spliced: bool = Field(
        default=False,
        description="Whether the provider gets the caller's bytes, but for the model's name: then they are counted.",
    )
    keys: bool = Field(description="Whether it can check a virtual key.")
    alias: bool = Field(description="Whether it can replace a model's name.")
    features: list[str] = Field(default=[], description="What it does for each call, with features on.")
    unfair: list[str] = Field(default=[], description="What a reader must know before he compares.")
    metrics: Metrics | None = None
    streams: Variant = Variant()
    features_off: Variant = Variant()

    def under(self, *, streams: bool, features: bool) -> Manifest:
        """The manifest as it is for cells of this kind."""
        changed = self
        for applies, variant in ((not features, self.features_off), (streams, self.streams)):
            if applies:
                changed = changed._with(variant)
        return changed

    def _with(self, variant: Variant) -> Manifest:
        return self.model_copy(
            update={
                "provider": variant.provider or self.provider,
                "variables": self.variables | variant.variables,
                "files": self.files | variant.files,
                "start": variant.start or self.start,
                "environment": self.environment | variant.environment,
                "headers": self.headers | variant.headers,
            }
        )


def read(path: Path) -> Manifest:
    """Reads a manifest. Raises `PolicyError` with file, line and path of all that is wrong."""
    document = yaml12.parse(read_file(str(path)), str(path))
    value = document.checked()
    try:
        return Manifest.model_validate(value)
    except ValidationError as error:
        raise PolicyError([_problem(document, detail) for detail in error.errors(include_url=False)]) from None


def find(name: str, folder: Path) -> tuple[str, Path]:
    """The name and file of a target; `ours` is whatever manifest says that it is. Raises `UsageError`."""
    path = folder / f"{name}.yaml"
    if path.is_file():
        return name, path
    known = sorted(folder.glob("*.yaml"))
    if name == "ours":
        for each in known:
            if read(each).role == "ours":
                return each.stem, each
    if not known:
        raise UsageError(f"no manifest in {folder}: run it in headgate's source tree, or give `--peers`")
    raise UsageError(f"there is no target `{name}`; there are {', '.join(path.stem for path in known)}")


def _problem(document: yaml12.Document, detail: ErrorDetails) -> Problem:
    path: tuple[Any, ...] = tuple(part for part in detail["loc"] if part != "[key]")
    if detail["type"] == "missing":
        return Problem(document.places.of_value(path[:-1]), path[:-1], f"`{path[-1]}` is missing")
    if detail["type"] == "extra_forbidden":
        text = f"unknown field{hint(str(path[-1]), Manifest.model_fields) if len(path) == 1 else ''}"
        return Problem(document.places.of_key(path), path, text)
    return Problem(document.places.of_value(path), path, detail["msg"][:1].lower() + detail["msg"][1:])
