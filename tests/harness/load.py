"""Callers that call without a pause, and count what they lost."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from types import TracebackType

from tests.harness import wire
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat

PATH = "/v1/chat/completions"


@dataclass
class Load:
    """Threads with a connection each; every second call is a stream. A caller ends when nobody listens any more.

    A call is lost when its connection was made and no whole answer with status 200 came.
    """

    address: str
    callers: int = 4
    headers: wire.Headers = field(default_factory=dict)
    answered: int = 0
    refused: int = 0
    """Callers whose connection was refused: nobody listens."""
    lost: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(self.callers)]
        for thread in self._threads:
            thread.start()
        self.progress(self.callers * 5)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(wire.TIMEOUT_S)

    def progress(self, calls: int) -> None:
        """Waits until so many more calls were answered, or one was lost."""
        goal = self.answered + calls
        until(lambda: self.answered >= goal or self.lost, f"{calls} more calls are answered")

    def ended(self) -> None:
        """Waits until every caller has found that nobody listens."""
        for thread in self._threads:
            thread.join(wire.TIMEOUT_S)
            assert not thread.is_alive(), "a caller still calls"

    def _call(self) -> None:
        bodies = [json.dumps(chat(stream=stream)).encode() for stream in (False, True)]
        connection: Connection | None = None
        number = 0
        while not self._stop.is_set():
            if connection is None:
                try:
                    connection = Connection(self.address)
                except (ConnectionRefusedError, FileNotFoundError):
                    with self._lock:
                        self.refused += 1
                    return
            number += 1
            if not self._one(connection, bodies[number % 2]):
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _one(self, connection: Connection, body: bytes) -> bool:
        """One call; whether the connection can take another."""
        try:
            answer = connection.ask("POST", PATH, body, self.headers)
        except (OSError, AssertionError) as error:
            self._note(f"{type(error).__name__}: {error}")
            return False
        sound = answer.status == 200 and answer.whole and b'"error"' not in answer.body
        self._note(None if sound else f"{answer.status} {answer.body[-200:]!r}")
        return answer.header("connection") != "close"

    def _note(self, loss: str | None) -> None:
        with self._lock:
            if loss is None:
                self.answered += 1
            else:
                self.lost.append(loss)
