"""Questions to a gateway's ops listener: the profile of stages, switched and read."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from headgate.errors import GatewayError, StartError, UsageError

PATIENCE_S = 5.0
UNAVAILABLE = 69


def switch(address: str, word: str) -> None:
    """Switches the profile `on`, which starts it anew, or `off`."""
    _ask(address, "POST", f"/stages?{word}")


def profile(address: str) -> dict[str, Any]:
    """What was counted since it was switched on; see `docs/running.md`."""
    text = _ask(address, "GET", "/stages")
    try:
        page = json.loads(text)
    except ValueError:
        page = None
    if not isinstance(page, dict) or "stages" not in page:
        raise GatewayError(f"{address}: what answers there is not headgate's ops listener")
    return page


def _ask(address: str, method: str, path: str) -> bytes:
    """`address` is `host:port`, that as an http URL, or `unix:/path`. Raises `StartError` when nobody answers."""
    connection = _connection(address)
    try:
        connection.request(method, path, headers={"content-length": "0"} if method == "POST" else {})
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise StartError(UNAVAILABLE, f"{address}: the ops listener does not answer: {error}") from None
    finally:
        connection.close()
    if answer.status == http.HTTPStatus.NOT_FOUND:
        name = path.partition("?")[0]
        raise GatewayError(f"{address}: no {name} there: is it headgate's ops listener, and new enough?")
    if answer.status != http.HTTPStatus.OK:
        raise GatewayError(f"{address}: {text.decode(errors='replace').strip()[:200]}")
    return text


def _connection(address: str) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _OverUnix(address.removeprefix("unix:"))
    host, colon, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    if not host or not colon or not port.isdecimal() or "/" in host:
        raise UsageError(f"{address}: the ops listener's address is host:port, or unix:/path")
    return http.client.HTTPConnection(host.strip("[]"), int(port), timeout=PATIENCE_S)


class _OverUnix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
