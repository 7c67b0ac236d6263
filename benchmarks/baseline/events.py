"""The events of one stream: held back until they are whole, and watched for the end that their dialect gives it.

A stream that stops without its end is cut, whatever the connection says. Once content was seen, most chunks are settled
by a search for a few needles; events are parsed only until then, and where a needle was found.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

_BLANK: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
_DONE: Final = re.compile(rb"^data: ?\[DONE\]", re.MULTILINE)
_RESPONSE_NEEDLES: Final = re.compile(rb"response\.(?:completed|incomplete|failed)|error|\[DONE\]")
_LINE: Final = re.compile(rb"\r\n|\n|\r")
_TEXTS: Final = frozenset({
    "content", "refusal", "reasoning_content", "reasoning", "text", "arguments", "input", "transcript", "data",
})  # fmt: skip
_BOM: Final = b"\xef\xbb\xbf"
_RESPONSE_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})


class Events:
    """Cuts a stream into whole events. `kind` is that of the row: chat, responses, framed, or the last event's name."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._held = b""
        self._count = 0
        self._started = False
        self.content = False
        """Whether content was seen."""
        self.over = False
        """Whether the dialect's end was seen, well or ill."""

    @property
    def number(self) -> int | None:
        """The number of the next event, where events are named and numbered."""
        return None if self._kind == "chat" else self._count

    def push(self, chunk: bytes) -> tuple[bytes, bool]:
        """Takes a chunk; gives the whole events that may go on, and whether any of them carried data."""
        if self._held:
            chunk = self._held + chunk
        if not chunk.endswith(b"\n\n"):
            end = _last_boundary(chunk)
            self._held = chunk[end:]
            chunk = chunk[:end]
        elif self._held:
            self._held = b""
        if not chunk:
            return b"", False
        before = self._count
        at = 0
        while at < len(chunk) and not self._settle(chunk, at):
            at = self._look(chunk, at)
        return chunk, self._count > before

    def end(self) -> bytes | None:
        """The body has ended: what is still to be sent, or none when the stream is not whole."""
        last = _LINE.split(self._held.rstrip())[-1]
        if self._kind not in ("responses", "framed") and last.startswith(b"data:") and last[5:].strip() == b"[DONE]":
            self.over = True
        return self._held if self.over else None

    def _settle(self, chunk: bytes, at: int) -> bool:
        """Settles the rest of a chunk without looking at its events, where that can be done."""
        if not self.content or chunk.find(b"\r", at) >= 0:
            return False
        if self._kind == "chat":
            if chunk.find(b'"error"', at) >= 0 or chunk.find(b"event:", at) >= 0:
                return False
            self.over = self.over or (chunk.find(b"[DONE]", at) >= 0 and _DONE.search(chunk, at) is not None)
        elif self._kind != "responses" or _RESPONSE_NEEDLES.search(chunk, at):
            return False
        self._count += chunk.count(b"\n\n", at)
        return True

    def _look(self, chunk: bytes, at: int) -> int:
        """Looks at the event that begins at `at`; returns where the next begins."""
        found = _BLANK.search(chunk, at)
        end = len(chunk) if found is None else found.start()
        event = chunk[at:end]
        if not self._started:
            self._started = True
            event = event.removeprefix(_BOM)
        name, data = b"", []
        for line in _LINE.split(event):
            field, _, value = line.partition(b":")
            if field == b"data":
                data.append(value.removeprefix(b" "))
            elif field == b"event":
                name = value.removeprefix(b" ")
        if data:
            self._event(name.decode(errors="replace"), b"\n".join(data))
        return end if found is None else found.end()

    def _event(self, name: str, data: bytes) -> None:
        self._count += 1
        if data.startswith(b"[DONE]"):
            self.over = self.over or self._kind not in ("responses", "framed")
        elif self._kind == "chat":
            self._chat(name, data)
        elif self._kind == "responses":
            self._response(name, data)
        elif self._kind == "framed":
            self.content = True
            self.over = self.over or name == "error" or _is_error(_read(data))
        else:
            self._typed(name, data)

    def _chat(self, name: str, data: bytes) -> None:
        if name == "error" or (b'"error"' in data and _is_error(_read(data))):
            self.over = True
        elif not self.content:
            self.content = name.endswith(".delta") or _has_content(_read(data))

    def _response(self, name: str, data: bytes) -> None:
        value = {} if name.startswith("response.") else _read(data)
        kind = str(value.get("type", "")) if value else name
        failed = not kind.startswith("response.") and (name == "error" or _is_error(value))
        if kind in _RESPONSE_ENDS or failed:
            self.over = True
        elif not self.content:
            self.content = _is_response_content(kind, value or _read(data))

    def _typed(self, name: str, data: bytes) -> None:
        value = {} if name else _read(data)
        kind = name or str(value.get("type", ""))
        if kind in ("error", self._kind) or (not kind and _is_error(value)):
            self.over = True
        self.content = self.content or bool(kind) or _has_content(value)


def _last_boundary(chunk: bytes) -> int:
    """Where the last whole event ends; 0 if none does."""
    if b"\r" not in chunk:
        return chunk.rfind(b"\n\n") + 2 if b"\n\n" in chunk else 0
    end = 0
    for found in _BLANK.finditer(chunk, 0, len(chunk) - chunk.endswith(b"\r")):  # it may be half a line end
        end = found.end()
    return end


def _read(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_error(value: dict[str, Any]) -> bool:
    return bool(value.get("error")) or value.get("object") == "error"


def _is_response_content(kind: str, value: dict[str, Any]) -> bool:
    if kind.endswith(".delta"):
        return bool(value.get("delta"))
    if kind == "response.output_item.added":
        return bool((value.get("item") or {}).get("name"))
    return kind.endswith((".done", ".partial_image"))


def _has_content(value: object) -> bool:
    """Whether a delta holds text, or the name of a tool, that is not empty."""
    if isinstance(value, list):
        return any(map(_has_content, value))
    if not isinstance(value, dict):
        return False
    for name, inside in value.items():
        if name in _TEXTS and isinstance(inside, str | list) and inside:
            return True
        if name in ("tool_calls", "function_call") and '"name": ""' not in json.dumps(inside) and inside:
            return True
        if _has_content(inside):
            return True
    return False
