"""A few calls by hand: to providers for their bills and answers, to targets until they answer right."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class Answer:
    """An answer, and what a caller reads in it. `frames` is 0 for one that is no stream."""

    status: int
    body: str
    text: str | None = None
    frames: int = 0
    total_tokens: int | None = None


def call(port: int, body: str, headers: Mapping[str, str], timeout_s: float = 20) -> Answer:
    """One chat completion. Raises `OSError` or `http.client.HTTPException` when nothing whole came back."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("POST", PATH, body.encode(), {"content-type": "application/json", **headers})
        response = connection.getresponse()
        content = response.read().decode(errors="replace")
        if response.status != 200:
            return Answer(response.status, content)
        is_stream = response.headers.get_content_type() == "text/event-stream"
        return _stream(content) if is_stream else _whole(content)
    finally:
        connection.close()


def get(port: int, path: str, timeout_s: float = 10) -> str:
    """The body of a page. Raises `OSError` for anything but a 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(f"HTTP {response.status} for {path}")
        return response.read().decode()
    finally:
        connection.close()


def _whole(content: str) -> Answer:
    try:
        document = json.loads(content)
        text = document["choices"][0]["message"]["content"]
        return Answer(200, content, text, 0, document["usage"]["total_tokens"])
    except (ValueError, KeyError, IndexError, TypeError):
        return Answer(200, content)


def _stream(content: str) -> Answer:
    text, frames, tokens, ended = "", 0, None, False
    for line in content.splitlines():
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            ended = True
            continue
        frames += 1
        try:
            event = json.loads(data)
        except ValueError:
            return Answer(200, content)
        text += _delta(event)
        tokens = (event.get("usage") or {}).get("total_tokens", tokens)
    return Answer(200, content, text if ended else None, frames, tokens)


def _delta(event: dict[str, Any]) -> str:
    choices = event.get("choices") or [{}]
    return (choices[0].get("delta") or {}).get("content") or ""
