"""A reader of journals that knows nothing but docs/journal.md: it shares no code with what writes them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLASSES = "input cache_read cache_write input_audio input_image output reasoning output_audio output_image audio_ms"
KINDS = {1: "opened", 2: "sent", 3: "settled", 4: "closed"}
TEXTS = {
    1: "alias operation key team user agent session task",
    2: "provider deployment model",
    3: "basis class fault price",
    4: "outcome fault",
}
Entry = dict[str, Any]


def _row(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
    return byte


ROWS = [_row(byte) for byte in range(256)]


def crc32c(data: bytes, before: int = 0) -> int:
    """CRC-32C, gone on with from another one."""
    crc = before ^ 0xFFFFFFFF
    for byte in data:
        crc = ROWS[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def read(directory: Path) -> list[Entry]:
    """All entries, worker by worker."""
    return [entry for path in sorted(directory.glob("*.hgj")) for entry in entries(path.read_bytes())]


def entries(data: bytes) -> Iterator[Entry]:
    """The entries of a file; whatever is no record is passed over."""
    return (entry for _, _, entry in records(data))


def records(data: bytes) -> Iterator[tuple[int, bytes, Entry]]:
    """The records of a file: where each stands, its payload, and what it says."""
    version, length, _worker, _sequence, _previous, _created, _capacity, salt = struct.unpack_from("<HHIQQQQI", data, 8)
    assert (data[:8], version) == (b"headgate", 1)
    assert crc32c(data[: length - 4]) == struct.unpack_from("<I", data, length - 4)[0]
    # What is allocated and not written yet; an entry may end in a few zeros of its own.
    data = data.rstrip(b"\0") + bytes(64)
    at = length
    while at + 8 <= len(data):
        word, check = struct.unpack_from("<II", data, at)
        payload = data[at + 8 : at + 8 + (word & 0xFFFFFF)]
        if word and len(payload) == word & 0xFFFFFF <= 8192 and crc32c(payload, salt ^ word ^ at // 8) == check:
            yield at, payload, decode(word >> 24, payload)
            at += (8 + len(payload) + 7) // 8 * 8
        else:
            at += 8


class Payload:
    """What is left of a payload."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def numbers(self, form: str) -> tuple[int, ...]:
        """Numbers, as `struct` names them."""
        size = struct.calcsize(form)
        found, self.data = struct.unpack(form, self.data[:size]), self.data[size:]
        return found

    def text(self) -> str | None:
        """A text; none for an empty one."""
        length = self.data[0]
        found, self.data = self.data[1 : 1 + length].decode(), self.data[1 + length :]
        return found or None

    def counts(self) -> dict[str, int]:
        """The classes that are not 0."""
        (bits,) = self.numbers("<H")
        return {name: self.numbers("<Q")[0] for bit, name in enumerate(CLASSES.split()) if bits >> bit & 1}


def decode(kind: int, data: bytes) -> Entry:
    """An entry out of its payload."""
    payload = Payload(data[24:])
    entry: Entry = {"kind": KINDS[kind], "call": f"req_{data[:16].hex()}"}
    (entry["at_ns"],) = struct.unpack_from("<Q", data, 16)
    tags = 0
    if kind == 1:
        entry["plan"], payload.data = payload.data[:8].hex(), payload.data[8:]
        flags, tags = payload.numbers("<BH")
        entry |= {"stream": bool(flags & 1), "source": {2: "shared", 4: "resumed"}.get(flags & 6)}
    elif kind == 2:
        *four, flags, read, made, reserved = payload.numbers("<HHHHBQQQ")
        entry.update(zip(("attempt", "step", "endpoint", "credential"), four, strict=True))
        entry |= {"hedge": bool(flags & 1), "input_tokens": read, "output_tokens": made}
        entry["reserved_nano_usd"] = reserved if flags & 2 else None
    elif kind == 3:
        entry["attempt"], status, flags, entry["took_ns"], first, cost = payload.numbers("<HHBQQQ")
        entry |= {"status": status or None, "first_token_ns": first if flags & 1 else None}
        entry |= {"nano_usd": cost if flags & 2 else None, "used": payload.counts(), "rates": payload.counts()}
    else:
        entry["attempts"], status, *rest = payload.numbers("<HHQQQ")
        entry |= {"status": status or None, **dict(zip(("took_ns", "bytes_in", "bytes_out"), rest, strict=True))}
    entry |= {name: payload.text() for name in TEXTS[kind].split()}
    if kind == 1:
        rest_of_tags = Payload(payload.data[:tags])
        entry["tags"] = {}
        while rest_of_tags.data:
            name = rest_of_tags.text() or ""
            entry["tags"][name] = rest_of_tags.text() or ""
        payload.data = payload.data[tags:]
        entry["model"] = payload.text()
    return entry
