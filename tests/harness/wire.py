"""Raw connections: every byte that is sent and received is the test's own."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

TIMEOUT_S = 20.0
NARROW_BYTES = 64 * 1024
Headers = dict[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer that has been read to its end."""

    status: int
    lines: list[tuple[str, str]]
    """Names in lower case, in their order."""
    body: bytes
    whole: bool
    """Whether the framing says that nothing is missing."""

    def header(self, name: str) -> str | None:
        """The value of the only line of that name."""
        values = [value for line, value in self.lines if line == name]
        assert len(values) <= 1, f"{name} stands there more than once: {values}"
        return values[0] if values else None

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The `code` of an error in OpenAI's shape."""
        return str(self.json()["error"]["code"])

    @property
    def events(self) -> list[str]:
        """The `data` of a stream's events."""
        return [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]


@dataclass
class Connection:
    """One connection to `host:port` or `unix:/path`."""

    address: str
    tls: ssl.SSLContext | None = None
    buffer: bytes = b""
    socket: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        if self.address.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(TIMEOUT_S)
            self.socket.connect(self.address.removeprefix("unix:"))
            return
        host, _, port = self.address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls is not None:
            self.socket = self.tls.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes it."""
        self.socket.close()

    def narrow(self) -> None:
        """Keeps the kernel from holding more for this side than a little, however much it may have for others."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self.socket.sendall(data)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Headers | None = None) -> Answer:
        """Sends a request with its length, and reads the answer."""
        self.send(request(method, path, body, headers))
        return self.answer(to_head=method == "HEAD")

    def answer(self, *, to_head: bool = False) -> Answer:
        """Reads an answer to its end; interim ones are skipped."""
        status, lines = self.head()
        while status < 200:
            status, lines = self.head()
        if to_head or status in (204, 304):
            return Answer(status, lines, b"", whole=True)
        body, whole = self._body(dict(lines))
        return Answer(status, lines, body, whole)

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        """Reads a head: the status, and the header lines."""
        while b"\r\n\r\n" not in self.buffer:
            assert self.more(), f"the connection ended within a head: {self.buffer!r}"
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in rest)
        return int(first.split(" ")[1]), [(name.lower(), value.strip()) for name, _, value in pairs]

    def body(self) -> bytes:
        """Reads a body in chunks whose head was read, to its end."""
        body, whole = self._chunks()
        assert whole, body
        return body

    def more(self) -> bool:
        """Reads what is there; false at the end of the connection, also when it was reset."""
        try:
            got = self.socket.recv(1 << 18)
        except ConnectionResetError:
            return False
        self.buffer += got
        return bool(got)

    def read_until(self, mark: bytes) -> bytes:
        """Reads on until the bytes hold `mark`; what was read stays in the buffer."""
        while mark not in self.buffer:
            assert self.more(), f"the connection ended before {mark!r}: {self.buffer!r}"
        return self.buffer

    def ends(self) -> bool:
        """Whether the other side closes, and sends nothing more before it does."""
        return not self.buffer and not self.more()

    def _body(self, headers: Headers) -> tuple[bytes, bool]:
        if headers.get("transfer-encoding") == "chunked":
            return self._chunks()
        length = headers.get("content-length")
        while length is None or len(self.buffer) < int(length):
            if not self.more():
                body, self.buffer = self.buffer, b""
                return body, length is None
        body, self.buffer = self.buffer[: int(length)], self.buffer[int(length) :]
        return body, True

    def _chunks(self) -> tuple[bytes, bool]:
        """A body in chunks. What was taken is cut off the buffer when more is read: a cut for each chunk would copy."""
        body, at = bytearray(), 0
        while True:
            line = self.buffer.find(b"\r\n", at)
            end = line + 4 + int(self.buffer[at:line], 16) if line >= 0 else 0
            if line < 0 or len(self.buffer) < end:
                self.buffer, at = self.buffer[at:], 0
                if not self.more():
                    body += self.buffer.partition(b"\r\n")[2]
                    self.buffer = b""
                    return bytes(body), False
                continue
            body += self.buffer[line + 2 : end - 2]
            at = end
            if end == line + 4:
                self.buffer = self.buffer[end:]
                return bytes(body), True


def request(method: str, path: str, body: bytes | None = None, headers: Headers | None = None) -> bytes:
    """A request with its length, as bytes."""
    lines = {"host": "localhost", **(headers or {})}
    if body is not None:
        lines = {"content-type": "application/json", **lines, "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + (body or b"")


def ask(
    address: str,
    method: str,
    path: str,
    body: Any = None,  # noqa: ANN401 - bytes, or whatever JSON holds
    headers: Headers | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """One request on a connection of its own. `body` is sent as it is when it is bytes, else as JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    with Connection(address, tls) as connection:
        return connection.ask(method, path, data, headers)


def chat(model: str = "chat", text: str = "hello", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The body of a chat completion."""
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}
