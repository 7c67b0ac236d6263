"""A raw HTTP/2 connection by prior knowledge, for what clients in libraries do not show: resets, early answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType

import h2.config
import h2.connection
import h2.events

from tests.harness.wire import Connection, Headers


@dataclass
class Stream:
    """What came on one stream."""

    status: int = 0
    lines: dict[str, str] = field(default_factory=dict)
    """Of the head."""
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None


@dataclass
class Http2:
    """One connection."""

    address: str
    wire: Connection = field(init=False)
    state: h2.connection.H2Connection = field(init=False)
    streams: dict[int, Stream] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wire = Connection(self.address)
        self.state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.state.initiate_connection()
        self.flush()

    def __enter__(self) -> Http2:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wire.close()

    def flush(self) -> None:
        """Sends what is to be sent."""
        self.wire.send(self.state.data_to_send())

    def open(self, path: str, headers: Headers, body: bytes | None = None, *, end: bool = True) -> int:
        """Opens a stream with a POST; without `end` it can go on."""
        number = self.state.get_next_available_stream_id()
        lines = {":method": "POST", ":scheme": "http", ":authority": "localhost", ":path": path, **headers}
        self.state.send_headers(number, list(lines.items()), end_stream=end and body is None)
        if body is not None:
            self.state.send_data(number, body, end_stream=end)
        self.streams[number] = Stream()
        self.flush()
        return number

    def reset(self, number: int) -> None:
        """Gives a stream up."""
        self.state.reset_stream(number, 8)
        self.flush()

    def read(self) -> None:
        """Takes in what comes next."""
        assert self.wire.more(), "the connection ended"
        data, self.wire.buffer = self.wire.buffer, b""
        for event in self.state.receive_data(data):
            self._take(event)
        self.flush()

    def until_ended(self, number: int) -> Stream:
        """Reads until a stream has ended, well or ill."""
        stream = self.streams[number]
        while not stream.ended and stream.reset is None:
            self.read()
        return stream

    def read_until(self, number: int, mark: bytes) -> Stream:
        """Reads until a stream has brought `mark`."""
        stream = self.streams[number]
        while mark not in stream.body:
            assert not stream.ended, bytes(stream.body)
            assert stream.reset is None, bytes(stream.body)
            self.read()
        return stream

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ResponseReceived):
            stream = self.streams[event.stream_id or 0]
            stream.lines = {name.decode(): value.decode() for name, value in event.headers or []}
            stream.status = int(stream.lines[":status"])
        elif isinstance(event, h2.events.DataReceived):
            self.streams[event.stream_id or 0].body += event.data or b""
            self.state.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamEnded):
            self.streams[event.stream_id or 0].ended = True
        elif isinstance(event, h2.events.StreamReset):
            self.streams[event.stream_id or 0].reset = int(event.error_code or 0)
