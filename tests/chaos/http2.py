"""A provider over HTTP/2, by prior knowledge, that fails frame by frame and keeps a record of what it was asked.

A fault is spelled as the simulator's are: `name;key=value;...`. `after` says when it happens: `request` (before the head
of the answer), `head`, or a number of pieces of its body, of which there are eight.

| fault | what happens |
|---|---|
| `reset;code=` | RST_STREAM |
| `goaway;code=;last=;then=` | GOAWAY that names this stream as the last (`ours`) or none (`none`); then the answer goes on (`answer`), the connection closes (`close`) or nothing comes (`silence`) |
| `close`, `abort` | the connection ends with FIN, or RST |
| `end` | END_STREAM |
| `silence` | nothing more |
| `pings` | PING frames without an end, and nothing else |
| `frame;as=` | a frame that breaks the protocol; see `BROKEN` |
| `settings;as=` | from the start: `never` (not a byte), `no-streams`, `no-window`, `http1` (an answer in HTTP/1.1) |
| `head;as=` | an odd head: `no-status`, `upper-case`, `huge`, `long` and `short` (a length that is not the body's) |
| `odd;as=` | a good answer: `interim`, `trailers`, `padded`, `bytes` (a frame for each) |
| `status;code=` | that status, with an error in OpenAI's shape |
"""  # noqa: E501 - a row of a table

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hyperframe.frame as frames

from tests.chaos.recorded import Exchange
from tests.chaos.tap import Taps

EVERY_S = 0.003
"""Between two pieces, so that what comes before a fault is on its way when it happens."""
PINGS_EVERY_S = 0.02
WORDS = ("the", " gate", " is", " open", " now")
HTTP1 = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def on_stream_0() -> frames.Frame:
    """Data that belongs to no stream."""
    made = frames.DataFrame(1, b"x")
    made.stream_id = 0
    return made


def too_wide() -> frames.Frame:
    """A window beyond 2^31 - 1 bytes."""
    return frames.WindowUpdateFrame(0, window_increment=2**31 - 1)


BROKEN: dict[str, Callable[[], frames.Frame]] = {
    "stream-0": on_stream_0,
    "wide-window": too_wide,
    "pushed": lambda: frames.PushPromiseFrame(1, promised_stream_id=2, data=b"\x82", flags=["END_HEADERS"]),
    "unopened": lambda: frames.DataFrame(99, b"x"),
}
"""Frames that break the protocol."""


@dataclass(frozen=True)
class Fault:
    """What happens, read from a row."""

    name: str
    words: dict[str, str]

    @staticmethod
    def read(text: str | None) -> Fault:
        """Reads `name;key=value;...`."""
        name, *words = (text or "none").split(";")
        return Fault(name, dict(word.split("=", 1) for word in words))

    def is_due(self, place: str | int) -> bool:
        """Whether it happens at this place of an answer."""
        return self.words.get("after", "request") == str(place)

    @property
    def code(self) -> h2.errors.ErrorCodes:
        """The error code."""
        return h2.errors.ErrorCodes[self.words.get("code", "NO_ERROR")]


@dataclass
class Served:
    """One request, and what was sent back."""

    at: float
    asked: bytearray = field(default_factory=bytearray)
    status: int | None = None
    body: bytearray = field(default_factory=bytearray)
    over_at: float | None = None
    given_up_at: float | None = None
    is_asked: bool = False
    """Whether the request is whole."""
    is_refused: bool = False
    """Whether the gateway was told that it was not processed."""

    def exchange(self) -> Exchange:
        """As the relays' record has one of HTTP/1.1."""
        raw = b"" if self.status is None else b"HTTP/1.1 %d OK\r\n\r\n" % self.status + bytes(self.body)
        asked = b"POST / HTTP/1.1\r\n\r\n" + self.asked
        return Exchange(self.at, asked, raw, None, self.over_at, self.given_up_at, self.is_refused)


@dataclass
class Http2Provider:
    """One provider on a port of its own; its connections share the fault's count."""

    fault: Fault
    times: int | None
    port: int = 0
    served: list[Served] = field(default_factory=list)
    connections: int = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @staticmethod
    def start(taps: Taps, fault: str | None, times: int | None = None) -> Http2Provider:
        """Serves on the relays' loop, and goes with it."""
        made = Http2Provider(Fault.read(fault), times)
        made.port = taps.serve(lambda: Talk(made))
        return made

    def exchanges(self, since: float = 0.0) -> list[Exchange]:
        """What came since then."""
        return [one.exchange() for one in list(self.served) if one.at >= since]

    def next_fault(self) -> Fault:
        """What happens to the request that came last."""
        spent = self.times is not None and len(self.served) > self.times
        return Fault("none", {}) if spent else self.fault


class Talk(asyncio.Protocol):
    """One connection."""

    def __init__(self, provider: Http2Provider) -> None:
        """Not connected yet."""
        self.provider = provider
        self.state = h2.connection.H2Connection(
            h2.config.H2Configuration(
                client_side=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
            )
        )
        self.streams: dict[int, Served] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def start(self) -> str:
        """What is odd from the first byte on, if anything is."""
        provider = self.provider
        spent = provider.times is not None and provider.connections > provider.times
        return provider.fault.words["as"] if provider.fault.name == "settings" and not spent else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins, in the way that the fault has it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.provider.connections += 1
        codes = h2.settings.SettingCodes
        odd: dict[str, dict[h2.settings.SettingCodes, int]] = {
            "no-streams": {codes.MAX_CONCURRENT_STREAMS: 0},
            "no-window": {codes.INITIAL_WINDOW_SIZE: 0},
        }
        self.state.local_settings = h2.settings.Settings(client=False, initial_values=odd.get(self.start))
        if self.start not in ("never", "http1"):
            self.state.initiate_connection()
            self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        """Notes that nobody waits any more."""
        for served in self.streams.values():
            served.given_up_at = served.given_up_at or time.monotonic()
        for task in self.tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        """Takes frames in."""
        if self.start == "http1":
            self.transport.write(HTTP1)
            self.transport.close()
        if self.start in ("never", "http1"):
            return
        with suppress(h2.exceptions.ProtocolError):
            for event in self.state.receive_data(data):
                self.take(event)
            self.flush()

    def take(self, event: h2.events.Event) -> None:
        """Writes an event down; a request that is whole is answered."""
        number = getattr(event, "stream_id", None) or 0
        if isinstance(event, h2.events.RequestReceived):
            self.streams[number] = Served(time.monotonic())
            self.provider.served.append(self.streams[number])
        elif isinstance(event, h2.events.DataReceived):
            self.streams[number].asked += event.data or b""
            if self.start != "no-window":
                self.state.acknowledge_received_data(event.flow_controlled_length or 0, number)
        elif isinstance(event, h2.events.StreamReset):
            self.streams[number].given_up_at = time.monotonic()
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[number].is_asked = True
            fault = self.provider.next_fault()
            task = asyncio.get_running_loop().create_task(self.answer(number, fault))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def flush(self) -> None:
        """Sends what is to be sent."""
        if not self.transport.is_closing():
            self.transport.write(self.state.data_to_send())

    def raw(self, frame: frames.Frame) -> None:
        """Sends a frame past the state, which would not make it."""
        self.flush()
        self.transport.write(frame.serialize())

    async def answer(self, number: int, fault: Fault) -> None:
        """Answers a request, up to where its fault ends that."""
        served = self.streams[number]
        with suppress(h2.exceptions.ProtocolError):
            if await self.happens(fault, "request", number):
                return
            pieces = list(answer_to(served, len(self.provider.served), fault))
            self.head(number, served, sum(map(len, pieces)), fault)
            if await self.happens(fault, "head", number):
                return
            for place, piece in enumerate(pieces, 1):
                served.body += piece
                self.data(number, piece, fault)
                await asyncio.sleep(EVERY_S)
                if await self.happens(fault, place, number):
                    return
            self.end(number, fault)
        served.over_at = time.monotonic()

    def head(self, number: int, served: Served, length: int, fault: Fault) -> None:
        """Sends the head of an answer."""
        asked = json.loads(served.asked)
        form = fault.words.get("as", "") if fault.name in ("head", "odd") else ""
        served.status = int(fault.words["code"]) if fault.name == "status" else 200
        kind = "text/event-stream" if asked.get("stream") and served.status == 200 else "application/json"
        lines = [(":status", str(served.status)), ("content-type", kind)]
        if form == "interim":
            self.state.send_headers(number, [(":status", "103")])
        elif form == "no-status":
            lines = lines[1:]
        elif form == "upper-case":
            lines.append(("X-Shouted", "1"))
        elif form == "huge":
            lines += [(f"x-line-{at}", "x" * 1000) for at in range(100)]
        elif form in ("long", "short"):
            lines.append(("content-length", str(length + (10 if form == "long" else -10))))
        self.state.send_headers(number, lines)
        self.flush()

    def data(self, number: int, piece: bytes, fault: Fault) -> None:
        """Sends a piece of a body."""
        form = fault.words.get("as") if fault.name == "odd" else ""
        for part in [piece[at : at + 1] for at in range(len(piece))] if form == "bytes" else [piece]:
            self.state.send_data(number, part, pad_length=99 if form == "padded" else None)
        self.flush()

    def end(self, number: int, fault: Fault) -> None:
        """Ends an answer well."""
        if fault.name == "odd" and fault.words["as"] == "trailers":
            self.state.send_headers(number, [("x-usage", "1")], end_stream=True)
        else:
            self.state.end_stream(number)
        self.flush()

    async def happens(self, fault: Fault, place: str | int, number: int) -> bool:
        """Does what the fault does at this place; true when nothing follows."""
        if not fault.is_due(place):
            return False
        self.flush()
        match fault.name:
            case "reset":
                refused = fault.code is h2.errors.ErrorCodes.REFUSED_STREAM
                self.streams[number].is_refused = refused and place == "request"
                self.state.reset_stream(number, fault.code)
            case "goaway":
                return await self.go_away(fault, number)
            case "close":
                self.transport.close()
            case "abort":
                self.transport.abort()
            case "end":
                self.state.end_stream(number)
            case "silence":
                pass
            case "pings":
                await self.ping()
            case "frame":
                self.raw(BROKEN[fault.words["as"]]())
            case _:
                return False
        self.flush()
        return True

    async def go_away(self, fault: Fault, number: int) -> bool:
        """Sends GOAWAY; true when no answer follows. Past the state, which would forbid to answer after it."""
        last = number if fault.words["last"] == "ours" else 0
        self.streams[number].is_refused = last == 0 and fault.code is h2.errors.ErrorCodes.NO_ERROR
        self.raw(frames.GoAwayFrame(0, last_stream_id=last, error_code=fault.code))
        then = fault.words.get("then", "answer")
        if then == "close":
            await asyncio.sleep(EVERY_S)
            self.transport.close()
        return then != "answer"

    async def ping(self) -> None:
        """Sends PING frames until the connection ends."""
        while not self.transport.is_closing():
            self.raw(frames.PingFrame(0, b"headgate"))
            await asyncio.sleep(PINGS_EVERY_S)


def answer_to(served: Served, turn: int, fault: Fault) -> Iterator[bytes]:
    """The body of an answer in eight pieces; no two answers are alike."""
    if fault.name == "status":
        yield b'{"error":{"message":"no","type":"server_error","param":null,"code":null}}'
        return
    name = f"chatcmpl-{turn:04}"
    if not json.loads(served.asked).get("stream"):
        message = {"role": "assistant", "content": "".join(WORDS)}
        whole = {"id": name, "object": "chat.completion", "created": 1, "model": "chat"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({**whole, "choices": [choice]}).encode()
        yield from (body[at * len(body) // 8 : (at + 1) * len(body) // 8] for at in range(8))
        return
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in WORDS), {}]
    for place, delta in enumerate(deltas):
        choice = {"index": 0, "delta": delta, "finish_reason": None if place < len(deltas) - 1 else "stop"}
        event = {"id": name, "object": "chat.completion.chunk", "created": 1, "model": "chat", "choices": [choice]}
        yield b"data: " + json.dumps(event).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"
