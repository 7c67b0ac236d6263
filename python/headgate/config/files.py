"""The files of a policy: reading them, and putting several together."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from headgate.config import yaml12
from headgate.config.problems import Path, Place, Places, Problem, shown
from headgate.errors import PolicyError

MAX_BYTES = 4 * 1024 * 1024
MAX_FILES = 1000


@dataclass(slots=True)
class Sources:
    """What a policy was read from: the SHA-256 of each file, by name, and the patterns of names that it includes."""

    files: dict[str, str] = field(default_factory=dict)
    globs: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Merged:
    """Several files as one document."""

    value: dict[str, Any]
    places: Places
    sources: Sources
    problems: list[Problem]


def read_all(path: str) -> Merged:
    """Reads a policy and whatever it includes. Raises `PolicyError` where the first file cannot be read at all."""
    merged = Merged({}, Places(Place(path, 1, 1)), Sources(), [])
    _add_file(merged, path, parents=())
    return merged


def read_text(text: str, name: str) -> Merged:
    """Reads a policy that stands in no file; paths in it are relative to the working directory."""
    merged = Merged({}, Places(Place(name, 1, 1)), Sources(), [])
    _add_document(merged, yaml12.parse(text, name), name, parents=())
    return merged


def _add_file(merged: Merged, path: str, parents: tuple[str, ...]) -> None:
    if len(merged.sources.files) == MAX_FILES:
        raise _refusal(path, f"more than {MAX_FILES} files")
    merged.sources.files[path] = ""
    content = _content(path)
    merged.sources.files[path] = hashlib.sha256(content).hexdigest()
    document = yaml12.parse(_text(content, path), path)
    _add_document(merged, document, path, (*parents, os.path.realpath(path)))


def _add_document(merged: Merged, document: yaml12.Document, path: str, parents: tuple[str, ...]) -> None:
    merged.problems.extend(document.problems)
    if document.value is None:
        text = "empty; the smallest policy is `version: 1` and one provider"
        raise PolicyError([Problem(Place(path, 1, 1), (), text)])
    if not isinstance(document.value, dict):
        text = "a policy is a map that starts with `version: 1`"
        raise PolicyError([Problem(document.places.of_value(()), (), text)])
    includes = document.value.pop("include", [])
    if len(parents) > 1:
        _drop_same_version(merged, document)
    _merge(merged, document)
    if not (isinstance(includes, list) and all(isinstance(pattern, str) for pattern in includes)):
        text = "a list of file names is needed, such as [teams/*.yaml]"
        merged.problems.append(Problem(document.places.of_value(("include",)), ("include",), text))
        return
    for number, pattern in enumerate(includes):
        where = (document.places.of_value(("include", number)), ("include", number))
        _include(merged, os.path.join(os.path.dirname(path), pattern), where, parents)


def _drop_same_version(merged: Merged, document: yaml12.Document) -> None:
    """An included file may repeat the version, so that it can be checked alone."""
    if document.value.get("version") == merged.value.get("version"):
        document.value.pop("version", None)


def _include(merged: Merged, pattern: str, where: tuple[Place, Path], parents: tuple[str, ...]) -> None:
    merged.sources.globs.append(pattern)
    found = sorted(glob.glob(pattern, recursive=True)) if glob.has_magic(pattern) else [pattern]
    for path in found:
        if not os.path.exists(path):
            merged.problems.append(Problem(*where, f"there is no file `{shown(path, most=300)}`"))
            continue
        if os.path.realpath(path) in parents:
            merged.problems.append(Problem(*where, f"`{shown(path, most=300)}` includes itself"))
            continue
        try:
            _add_file(merged, path, parents)
        except PolicyError as error:
            merged.problems.extend(error.problems)


def _merge(merged: Merged, document: yaml12.Document) -> None:
    """Puts a document into what was read before: maps merge; anything else that is named twice is an error."""

    def join(into: dict[str, Any], more: dict[str, Any], at: Path) -> None:
        for key, value in more.items():
            path = (*at, key)
            if key not in into:
                into[key] = value
                _copy_places(merged.places, document.places, path)
            elif isinstance(into[key], dict) and isinstance(value, dict) and len(path) == 1:
                join(into[key], value, path)
            elif path == ("keys",) and isinstance(into[key], list) and isinstance(value, list):
                _append(merged.places, document.places, path, start=len(into[key]))
                into[key].extend(value)
            else:
                text = f"also in {merged.places.of_key(path)}; a name is written in one file only"
                merged.problems.append(Problem(document.places.of_key(path), path, text))

    join(merged.value, document.value, ())
    merged.places.values.setdefault((), document.places.of_value(()))


def _copy_places(into: Places, source: Places, below: Path) -> None:
    depth = len(below)
    for mine, theirs in ((into.keys, source.keys), (into.values, source.values)):
        mine.update({path: place for path, place in theirs.items() if path[:depth] == below})


def _append(into: Places, source: Places, below: Path, start: int) -> None:
    """Copies the places of a list whose items are numbered from `start` after the merge."""
    depth = len(below)

    def moved(path: Path) -> Path:
        number = path[depth]
        return (*below, start + number, *path[depth + 1 :]) if isinstance(number, int) else path

    for mine, theirs in ((into.keys, source.keys), (into.values, source.values)):
        inside = {path: place for path, place in theirs.items() if path[:depth] == below and len(path) > depth}
        mine.update({moved(path): place for path, place in inside.items()})


def read_file(path: str) -> str:
    """A file's text. Raises `PolicyError` for what cannot be a policy: absent, too large, not UTF-8 text."""
    return _text(_content(path), path)


def _content(path: str) -> bytes:
    """A file's bytes, with a bound; a name such as /dev/stdin is fine too."""
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > MAX_BYTES:
                raise _refusal(
                    path, f"{status.st_size / 1024 / 1024:.1f} MiB; a policy has at most {MAX_BYTES >> 20} MiB"
                )
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refusal(path, f"cannot be read: {(error.strerror or str(error)).lower()}") from None
    if len(content) > MAX_BYTES:
        raise _refusal(path, f"a policy has at most {MAX_BYTES >> 20} MiB")
    return content


def _text(content: bytes, path: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal(path, f"not text in UTF-8: byte {error.start} is {content[error.start]:#04x}") from None
    if "\0" in text:
        raise _refusal(path, "not text: it holds a zero byte")
    return text


def _refusal(path: str, text: str) -> PolicyError:
    return PolicyError([Problem(Place(path), (), text)])


def directories(sources: Sources) -> set[File]:
    """The directories where a change of a policy shows."""
    names = [*sources.files, *sources.globs]
    found = {File(os.path.dirname(name) or ".") for name in names}
    return {directory for directory in found if directory.is_dir()}
