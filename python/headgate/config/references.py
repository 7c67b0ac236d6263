"""`${env:NAME}` and `${file:PATH}`: put in where they stand, or, in a secret, kept for the data plane.

A value that is one reference and nothing else is read as if its text stood there without quotes, so that
`max_connections: "${env:MAX}"` is a number. `$${` stands for a plain `${`.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.config import yaml12
from headgate.config.near import nearest
from headgate.config.patterns import DATABASES, FILES, fits_any, is_secret
from headgate.config.problems import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.config.problems import Path, Report

REFERENCE = re.compile(r"\$\$\{|\$\{(?P<kind>env|file):(?P<name>[^{}\s][^{}]*)\}|\$\{(?P<odd>[^}]*)\}?")
WHOLE = re.compile(r"\$\{(?P<kind>env|file):(?P<name>[^{}\s][^{}]*)\}")
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_FILE_BYTES = 1024 * 1024
_NOT_FILES = ("system", "bundled")
_SQLITE = "sqlite:///"


@dataclass(slots=True)
class Resolver:
    """Replaces the references of a policy. `files` collects the SHA-256 of each file that was read."""

    report: Report
    environ: Mapping[str, str]
    files: dict[str, str] = field(default_factory=dict)

    def walk(self, value: Any, path: Path = ()) -> Any:  # noqa: ANN401 - any YAML value
        """The value with its references replaced; each that cannot be is reported at its place."""
        if isinstance(value, dict):
            return {key: self.walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.walk(item, (*path, number)) for number, item in enumerate(value)]
        if not isinstance(value, str):
            return value
        if is_secret(path):
            return self._secret(value, path)
        resolved = self._text(value, path) if "${" in value else value
        if isinstance(resolved, str) and fits_any(path, FILES) and resolved not in _NOT_FILES:
            return self._absolute(resolved, path)
        if isinstance(resolved, str) and fits_any(path, DATABASES) and resolved.startswith(_SQLITE):
            return _SQLITE + self._absolute(resolved.removeprefix(_SQLITE), path)
        return resolved

    def _text(self, value: str, path: Path) -> Any:  # noqa: ANN401 - a whole reference may be a number
        if whole := REFERENCE.fullmatch(value):
            found = self._look_up(whole, path)
            return found if found is None else yaml12.plain(found)
        return REFERENCE.sub(lambda match: self._look_up(match, path) or "", value)

    def _look_up(self, match: re.Match[str], path: Path) -> str | None:
        if match[0] == "$${":
            return "${"
        if match["odd"] is not None:
            self.report.error(path, f"`{shown(match[0])}` is not understood; write ${{env:NAME}} or ${{file:PATH}}")
            return None
        found = self._variable(match["name"], path) if match["kind"] == "env" else self._file(match["name"], path)
        if found is not None and not found.isprintable():
            self.report.error(path, f"what `{shown(match[0])}` stands for has line breaks or control characters")
            return None
        self.report.hide(found or "", shown(match[0]))
        return found

    def _variable(self, name: str, path: Path) -> str | None:
        if name in self.environ:
            return self.environ[name]
        near = nearest(name, self.environ)
        hint = f"; did you mean `{near}`?" if near else ""
        self.report.error(path, f"the environment has no `{shown(name)}`{hint}")
        return None

    def _file(self, name: str, path: Path) -> str | None:
        full = self._absolute(name, path)
        self.files[full] = ""
        try:
            with open(full, "rb") as stream:
                content = stream.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            self.report.error(
                path, f"the file `{shown(full, most=300)}` cannot be read: {(error.strerror or '').lower()}"
            )
            return None
        self.files[full] = hashlib.sha256(content).hexdigest()
        try:
            return content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            self.report.error(path, f"the file `{shown(full, most=300)}` is not text in UTF-8")
            return None

    def _secret(self, value: str, path: Path) -> str:
        whole = WHOLE.fullmatch(value)
        if whole is None:
            if "${" in value:
                self.report.error(path, "a secret is one ${env:NAME} or one ${file:PATH}, with nothing around it")
            return value
        if whole["kind"] == "file":
            return f"${{file:{self._absolute(whole['name'], path)}}}"
        if not ENV_NAME.fullmatch(whole["name"]):
            self.report.error(path, f"`{shown(whole['name'])}` is not the name of an environment variable")
        return value

    def _absolute(self, name: str, path: Path) -> str:
        """A file name from the root; a relative one starts at the directory of the file that names it."""
        base = os.path.dirname(self.report.places.of_value(path).file)
        return os.path.abspath(os.path.join(base, name))
