"""The parts `model` and `stream` of a `multipart/form-data` body (RFC 7578); all others are skipped."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from benchmarks.baseline.faults import Fault
from benchmarks.baseline.scan import Named, checked_model

_BOUNDARY: Final = re.compile(r'multipart/form-data\s*;(?:[^;]*;)*?\s*boundary=(?:"([^"]+)"|([^\s;"]+))', re.IGNORECASE)
_ALLOWED: Final = re.compile(r"[A-Za-z0-9'()+_,\-./:=? ]{0,69}[A-Za-z0-9'()+_,\-./:=?]")
_NAME: Final = re.compile(rb'content-disposition:[^\r\n]*?;\s*name="([^"\r\n]*)"', re.IGNORECASE)
_MAX_PARTS: Final = 1024
_TRUE: Final = frozenset({b"true", b"True", b"1"})
_FALSE: Final = frozenset({b"false", b"False", b"0", b""})


class _Part(NamedTuple):
    name: bytes
    start: int
    end: int


def scan_form(body: bytes, content_type: str) -> Named:
    """Scans one form. Raises a fault of the caller."""
    found: dict[bytes, _Part] = {}
    for part in _parts(body, b"--" + _boundary(content_type)):
        if part.name not in (b"model", b"stream"):
            continue
        if part.name in found:
            name = part.name.decode()
            raise Fault("duplicate_key", f"the field `{name}` occurs twice in the form: send it once", param=name)
        found[part.name] = part
    stream = _truth(body, found.get(b"stream"))
    model = found.get(b"model")
    if model is None:
        return Named(body, None, 0, 0, stream, form=True)
    try:
        name = checked_model(body[model.start : model.end].decode())
    except UnicodeDecodeError:
        raise Fault("invalid_utf8", "the field `model` is not valid UTF-8", param="model") from None
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in name):
        raise Fault("model_invalid", "the field `model` holds a control character", param="model")
    return Named(body, name, model.start, model.end, stream, form=True)


def _boundary(content_type: str) -> bytes:
    if not content_type.lower().startswith("multipart/form-data"):
        raise Fault(
            "media_type_unsupported",
            "this path takes a form: send `content-type: multipart/form-data` with its boundary",
        )
    found = _BOUNDARY.match(content_type)
    boundary = found and (found[1] or found[2])
    if not boundary or not _ALLOWED.fullmatch(boundary):
        raise _bad("the content type names no boundary, or one that cannot be")
    return boundary.encode()


def _parts(body: bytes, line: bytes) -> list[_Part]:
    """The parts between lines that begin with `line`, in order."""
    if not body:
        raise _bad("the body is empty: send the form")
    parts: list[_Part] = []
    at = 0 if body.startswith(line) else body.find(b"\r\n" + line) + 2
    while True:
        if at < 2 and not body.startswith(line):
            raise _bad("the form ends before its last boundary")
        behind = at + len(line)
        if body.startswith(b"--", behind):
            return parts
        head = body.find(b"\r\n", behind)
        content = body.find(b"\r\n\r\n", behind)
        if head < 0 or content < 0 or body[behind:head].strip(b" \t") or len(parts) == _MAX_PARTS:
            raise _bad("the form does not hold together")
        end = body.find(b"\r\n" + line, content + 2)
        name = _NAME.search(body, head, content)
        if name is None or end < content + 4:
            raise _bad("a part has no name, or no line end of its own")
        parts.append(_Part(name[1], content + 4, end))
        at = end + 2


def _truth(body: bytes, part: _Part | None) -> bool:
    value = b"" if part is None else body[part.start : part.end]
    if value not in _TRUE | _FALSE:
        raise Fault("model_invalid", "the field `stream` must be true or false", param="stream")
    return value in _TRUE


def _bad(sentence: str) -> Fault:
    return Fault("invalid_multipart", sentence)
