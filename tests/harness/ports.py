"""Ports of this machine where nobody answers."""

from __future__ import annotations

import socket
from contextlib import ExitStack


def closed(stack: ExitStack) -> int:
    """A port that refuses connections: bound, and not listening."""
    holder = stack.enter_context(socket.socket())
    holder.bind(("127.0.0.1", 0))
    port: int = holder.getsockname()[1]
    return port


def full(stack: ExitStack) -> int:
    """A port that takes up no connection: its queue is full, so packets to it vanish."""
    listener = stack.enter_context(socket.socket())
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    for _ in range(2):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)  # noqa: FBT003 - the socket's own interface
        waiting.connect_ex(listener.getsockname())
    port: int = listener.getsockname()[1]
    return port
