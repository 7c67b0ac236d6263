"""What a relay wrote down, read as calls: which requests came, and what was answered to each.

Read by hand and leniently: a provider that misbehaves sends what no parser should take, and the record of it must be
readable all the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.chaos import events
from tests.chaos.tap import Leg, Note, Tap

HEAD_END = b"\r\n\r\n"
REQUEST = re.compile(rb"[A-Z]+ /")
INTERIM = re.compile(rb"(?:HTTP/1\.\d 1\d\d[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)*")
CHUNK = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")


@dataclass(frozen=True)
class Exchange:
    """One request that reached a provider, and all that it sent back before the next."""

    at: float
    """When the first byte of the request came."""
    request: bytes
    raw: bytes
    """The answer as it was sent: head, framing, body; interim answers too."""
    answered_at: float | None
    """When its first byte came."""
    over_at: float | None
    """When its last byte came, or a side ended the connection."""
    given_up_at: float | None
    """When the gateway ended the connection."""
    is_refused: bool = False
    """Whether the provider said, as HTTP/2 can, that it has not processed it: sending it again is free, once."""

    @property
    def head(self) -> bytes:
        """The head of the request."""
        return self.request.partition(HEAD_END)[0]

    @property
    def asked(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The body of the request, as JSON."""
        return json.loads(body_of(self.request))

    def line(self, name: str) -> str | None:
        """A header line of the request."""
        return line_of(self.head, name)

    @cached_property
    def status(self) -> int | None:
        """The status that was answered; interim ones do not count."""
        found = re.match(rb"HTTP/1\.\d (\d\d\d)", final(self.raw))
        return int(found[1]) if found else None

    @cached_property
    def owed(self) -> bytes:
        """What the caller is owed of the body: of a stream that the gateway made tell what was used, all but that.

        The gateway writes its question without the blank that our callers write. What does not say that it is a stream
        goes on as it is.
        """
        was_asked = b'"include_usage":true' in self.request
        head = final(self.raw).partition(HEAD_END)[0]
        is_stream = (line_of(head, "content-type") or "").startswith("text/event-stream")
        return events.without_usage(self.body) if was_asked and is_stream else self.body

    @cached_property
    def body(self) -> bytes:
        """The body that was answered, as far as it came, without its framing."""
        return body_of(final(self.raw))


def exchanges(tap: Tap, since: float = 0.0) -> list[Exchange]:
    """All requests that came after `since`, oldest first."""
    found = [exchange for leg in list(tap.legs) for exchange in of_leg(leg)]
    return sorted((one for one in found if one.at >= since), key=lambda one: one.at)


def of_leg(leg: Leg) -> list[Exchange]:
    """The requests of one connection. One begins with a request line, when an answer, or nothing, lies behind."""
    groups: list[list[Note]] = []
    for note in list(leg.notes):
        begins = note.side == "gateway" and REQUEST.match(note.data)
        if begins and (not groups or any(map(is_answer, groups[-1]))):
            groups.append([])
        if groups:
            groups[-1].append(note)
    return [of_notes(group) for group in groups]


def is_answer(note: Note) -> bool:
    """Whether the provider said something."""
    return note.side == "provider" and not note.end


def of_notes(notes: list[Note]) -> Exchange:
    """One request with its answer."""
    said = [note for note in notes if is_answer(note)]
    ends = [note for note in notes if note.end]
    given_up = next((note.at for note in ends if note.side == "gateway"), None)
    return Exchange(
        at=notes[0].at,
        request=b"".join(note.data for note in notes if note.side == "gateway"),
        raw=b"".join(note.data for note in said),
        answered_at=said[0].at if said else None,
        over_at=max((note.at for note in [*said, *ends[:1]]), default=None),
        given_up_at=given_up,
    )


def final(raw: bytes) -> bytes:
    """An answer without the interim ones before it."""
    interim = INTERIM.match(raw)
    return raw[interim.end() :] if interim else raw


def line_of(head: bytes, name: str) -> str | None:
    """A header line of a head."""
    for line in head.split(b"\r\n")[1:]:
        found, _, value = line.partition(b":")
        if found.strip().lower() == name.encode():
            return value.strip().decode("latin-1")
    return None


def body_of(message: bytes) -> bytes:
    """The body of a request or an answer, as far as it came, without chunks and without what lies behind it."""
    head, _, body = message.partition(HEAD_END)
    if (line_of(head, "transfer-encoding") or "").lower() == "chunked":
        return unchunked(body)
    length = line_of(head, "content-length")
    return body[: int(length)] if length is not None and length.isdigit() else body


def unchunked(body: bytes) -> bytes:
    """The data of chunks, as far as they came."""
    parts, at = [], 0
    while found := CHUNK.match(body, at):
        size = int(found[1], 16)
        parts.append(body[found.end() : found.end() + size])
        at = found.end() + size + 2
        if size == 0:
            break
    return b"".join(parts)
