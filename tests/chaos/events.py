"""Events of a stream, read by hand from bytes that may be anything. Source: the HTML standard, server-sent events."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

EVENT = re.compile(rb".*?(?:\r\n\r\n|\n\n|\r\r)", re.DOTALL)
LINE_END = re.compile(rb"\r\n|\n|\r")
DONE = "[DONE]"

Terminal = Literal["done", "error"]


def data(body: bytes) -> list[str]:
    """The data of all whole events; bytes that are not UTF-8 are replaced."""
    found, lines = [], []
    for line in LINE_END.split(body.removeprefix(b"\xef\xbb\xbf"))[:-1]:
        if line.startswith(b"data:"):
            lines.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
        elif not line and lines:
            found.append("\n".join(lines))
            lines = []
    return found


def value(event: str) -> dict[str, Any]:
    """An event's JSON object; empty when it is none."""
    try:
        read = json.loads(event)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def terminal(event: str) -> Terminal | None:
    """Whether an event of chat completions, or of the Responses API, ends the stream, and how."""
    if event == DONE:
        return "done"
    read = value(event)
    kind = read.get("type")
    if kind in ("response.completed", "response.incomplete"):
        return "done"
    return "error" if read.get("error") or kind in ("error", "response.failed") else None


def terminals(body: bytes) -> list[tuple[int, Terminal]]:
    """The events that end a stream: where each stands among the events, and how it ends it."""
    found = ((place, terminal(event)) for place, event in enumerate(data(body)))
    return [(place, how) for place, how in found if how is not None]


def has_content(body: bytes) -> bool:
    """Whether a whole event carries text, or a part of a tool's call."""
    read = [value(event) for event in data(body)]
    choices = [choice for event in read for choice in event.get("choices") or []]
    deltas = [choice.get("delta") or {} for choice in choices]
    named = any(str(event.get("type")).endswith(".delta") and event.get("delta") for event in read)
    return named or any(delta.get("content") or delta.get("tool_calls") for delta in deltas)


def tells_error(body: bytes) -> bool:
    """Whether a stream, or a body of JSON, says that it failed."""
    return bool(value(body.decode("utf-8", "replace")).get("error")) or any(
        how == "error" for _, how in terminals(body)
    )


def error_code(body: bytes) -> str | None:
    """The code of the last event's error."""
    last = data(body)[-1:]
    error = value(last[0]).get("error") if last else None
    return str(error["code"]) if isinstance(error, dict) else None


def without_usage(body: bytes) -> bytes:
    """A stream without the events that say what was used and nothing else."""
    kept = [event for event in EVENT.findall(body) if not tells_usage_alone(event)]
    return b"".join(kept) + EVENT.sub(b"", body)


def tells_usage_alone(event: bytes) -> bool:
    """Whether a chunk has usage, and no choices."""
    read = value("".join(data(event)))
    return read.get("choices") == [] and read.get("usage") is not None


def without_last(body: bytes) -> bytes:
    """A stream without its last event, the blank line before which stays."""
    cut = max(body.rstrip(b"\r\n").rfind(mark) + len(mark) for mark in (b"\n\n", b"\r\r", b"\r\n\r\n"))
    return body[:cut] if cut > 3 else b""
