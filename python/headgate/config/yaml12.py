"""YAML text to plain values, with the place of each.

PyYAML's C parser gives the events; values follow YAML 1.2's core schema, so that `no`, `on` and `12:30` are texts
and `010` is ten. Two things are added: numbers may have `_`, and the merge key `<<` works, since operators use it.
A key is always the text that was written. Duplicate keys are refused, naming both places.

What a hostile file could blow up is bounded: size (by the caller), depth, and the number of values after `*alias`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from headgate.config.problems import Path, Place, Places, Problem, shown
from headgate.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 32
MAX_VALUES = 100_000

_INT = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain(text: str) -> Any:  # noqa: ANN401 - a YAML scalar is one of five types
    """The value of an unquoted scalar by YAML 1.2's core schema; numbers may have `_` between digits."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= 40 and not text.endswith("_") and "__" not in text:
        if _INT.fullmatch(text):
            digits = text.replace("_", "")
            return int(digits, 0) if digits[:2] in ("0o", "0x") else int(digits)
        if _FLOAT.fullmatch(text):
            return float(text.replace("_", ""))
    return text


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document: its value, where each part of it was written, and which keys were written twice."""

    value: Any
    places: Places
    problems: list[Problem]

    def checked(self) -> Any:  # noqa: ANN401 - any YAML value
        """The value. Raises `PolicyError` where a key was written twice."""
        if self.problems:
            raise PolicyError(self.problems)
        return self.value


def parse(text: str, file: str) -> Document:
    """Reads one YAML document. Raises `PolicyError` with the first place that cannot be read."""
    try:
        events = yaml.parse(text, Loader=_LOADER)
        root = _Composer(events, file).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        raise PolicyError([Problem(place, (), f"not YAML: {error.problem or error.context}")]) from None
    except yaml.YAMLError as error:
        raise PolicyError([Problem(Place(file, 1, 1), (), f"not YAML: {shown(error)}")]) from None
    expansion = _Expansion(Places(Place(file, 1, 1)))
    value = expansion.expand(root, ()) if root else None
    return Document(value, expansion.places, expansion.problems)


@dataclass(frozen=True, slots=True)
class _Scalar:
    place: Place
    value: Any
    text: str
    is_plain: bool


@dataclass(frozen=True, slots=True)
class _List:
    place: Place
    items: list[_Node]


@dataclass(frozen=True, slots=True)
class _Map:
    place: Place
    items: list[tuple[_Scalar, _Node]]


_Node = _Scalar | _List | _Map


class _Composer:
    """Events to nodes. An anchor is known once its node is complete, so a node cannot hold itself."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self._events = events
        self._file = file
        self._anchors: dict[str, _Node] = {}

    def document(self) -> _Node | None:
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        root = self._node(next(self._events), depth=0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._refuse(after, "a second document starts here; a policy is one document")
        return root

    def _node(self, event: Any, depth: int) -> _Node:  # noqa: ANN401 - PyYAML's events have no types
        if depth > MAX_DEPTH:
            raise self._refuse(event, f"nested deeper than {MAX_DEPTH}")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._refuse(event, f"`*{shown(event.anchor)}` refers to no `&{shown(event.anchor)}` before it")
            return self._anchors[event.anchor]
        self._refuse_tag(event)
        node: _Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _List(self._place(event), list(self._items(depth)))
        else:
            node = _Map(self._place(event), list(self._pairs(depth)))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _items(self, depth: int) -> Iterator[_Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _pairs(self, depth: int) -> Iterator[tuple[_Scalar, _Node]]:
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, _Scalar):
                raise self._refuse(event, "a key must be a text")
            yield key, self._node(next(self._events), depth + 1)

    def _scalar(self, event: Any) -> _Scalar:  # noqa: ANN401 - PyYAML's events have no types
        is_plain = event.implicit[0]
        value = plain(event.value) if is_plain else event.value
        return _Scalar(self._place(event), value, event.value, is_plain)

    def _refuse_tag(self, event: Any) -> None:  # noqa: ANN401 - PyYAML's events have no types
        """Tags are what makes YAML load objects of a program; a text, a list and a map may say that they are one."""
        if event.tag is not None and event.tag not in _TAGS and event.tag != "!":
            raise self._refuse(event, f"the tag `{shown(event.tag)}` means nothing here; leave it out")

    def _place(self, event: Any) -> Place:  # noqa: ANN401 - PyYAML's events have no types
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _refuse(self, event: Any, text: str) -> PolicyError:  # noqa: ANN401 - PyYAML's events have no types
        return PolicyError([Problem(self._place(event), (), text)])


@dataclass(slots=True)
class _Expansion:
    """Nodes to values; an aliased node is written out at each place that names it."""

    places: Places
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def expand(self, node: _Node, path: Path) -> Any:  # noqa: ANN401 - any YAML value
        self._count(node, path)
        self.places.values[path] = node.place
        match node:
            case _Scalar():
                return node.value
            case _List():
                return [self.expand(item, (*path, number)) for number, item in enumerate(node.items)]
            case _Map():
                return self._map(node, path)

    def _count(self, node: _Node, path: Path) -> None:
        self.count += 1
        if self.count > MAX_VALUES:
            text = f"more than {MAX_VALUES:,} values, once `*` references are written out"
            raise PolicyError([Problem(node.place, path, text)])

    def _map(self, node: _Map, path: Path) -> dict[str, Any]:
        own = self._own_keys(node, path)
        merged = dict(self._merged(node, path))
        return {key.text: self._entry(key, value, path) for key, value in (merged | own).values()}

    def _entry(self, key: _Scalar, value: _Node, path: Path) -> Any:  # noqa: ANN401 - any YAML value
        self.places.keys[*path, key.text] = key.place
        return self.expand(value, (*path, key.text))

    def _own_keys(self, node: _Map, path: Path) -> dict[str, tuple[_Scalar, _Node]]:
        own: dict[str, tuple[_Scalar, _Node]] = {}
        for key, value in node.items:
            if _is_merge(key):
                continue
            if key.text in own:
                first = own[key.text][0].place
                self.problems.append(Problem(key.place, (*path, key.text), f"written twice; first at {first}"))
            own[key.text] = (key, value)
        return own

    def _merged(self, node: _Map, path: Path) -> Iterator[tuple[str, tuple[_Scalar, _Node]]]:
        """The entries that `<<` brings; where several bring the same key, the first counts, so it comes last."""
        self._count(node, path)
        for key, value in reversed(node.items):
            if not _is_merge(key):
                continue
            for source in reversed(value.items if isinstance(value, _List) else [value]):
                if not isinstance(source, _Map):
                    raise PolicyError([Problem(key.place, (*path, "<<"), "`<<` takes a map, or a list of maps")])
                yield from self._merged(source, path)
                yield from ((k.text, (k, v)) for k, v in source.items if not _is_merge(k))


def _is_merge(key: _Scalar) -> bool:
    return key.is_plain and key.text == "<<"
