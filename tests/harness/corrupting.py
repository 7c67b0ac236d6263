"""A proxy that does one thing wrong, each fifth call: `python -m tests.harness.corrupting PORT UPSTREAM FAULT`.

FAULT is `byte` (a letter of the answer is another one), `frame` (an event of a stream is lost), `usage` (the tokens
that the answer states are not those of the bill), `twice` (the provider is called a second time), `request` (the body
that the provider gets lacks a byte of the prompt), or `none`. The first calls are right, so that it counts as fit.
"""

from __future__ import annotations

import http.client
import itertools
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RIGHT_BEFORE = 4
EVERY = 5
PASSED_ON = ("content-type", "authorization")


class Handler(BaseHTTPRequestHandler):
    """One call: all of it in, to the provider, all of the answer back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream = ""
    fault = "none"
    numbers = itertools.count()
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Passes a call on, and the answer back, with the fault if it is its turn."""
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.lock:
            number = next(self.numbers)
        fault = self.fault if number >= RIGHT_BEFORE and number % EVERY == 0 else "none"
        if fault == "request":
            body = body.replace(b"measure", b"measur", 1)
        if fault == "twice":
            self._ask(body)
        status, kind, answer = self._ask(body)
        answer = spoiled(answer, fault)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _ask(self, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(self.upstream, timeout=20)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        connection.request("POST", self.path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, response.headers["content-type"], answer

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def spoiled(answer: bytes, fault: str) -> bytes:
    """An answer with the fault in it."""
    if fault == "byte":
        return re.sub(rb'("content":"[^"])[a-z ]', rb"\1#", answer, count=1)
    if fault == "frame":
        events = answer.split(b"\n\n")
        return b"\n\n".join([*events[:3], *events[4:]])
    if fault == "usage":
        return re.sub(rb'"total_tokens":\d+', b'"total_tokens":7', answer)
    return answer


def main() -> None:
    """Serves until it is ended."""
    port, Handler.upstream, Handler.fault = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
