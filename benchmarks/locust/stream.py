"""What an answer to a chat completion holds, as a stream or whole, and whether it is right. Bytes in, no sockets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Message = dict[str, Any]
"""One message of a conversation, as the API has it."""


class WrongAnswer(Exception):
    """An answer that is not what it must be.

    The sentence is one of few and holds nothing of the answer but its error's code: failures are counted by it.
    """


@dataclass
class ToolCall:
    """A call of a function that the model asks for."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    """JSON text, in pieces until the stream ends."""


@dataclass
class Answer:
    """What came."""

    text: str = ""
    tool_calls: list[ToolCall] = field(default_factory=list)
    finish_reason: str | None = None
    content_events: int = 0
    """Events with text, reasoning, a refusal or arguments of a tool; 1 for a whole answer with any of them."""
    usage_tokens: int | None = None
    """The output as `usage` counts it."""
    first_s: float | None = None
    """When the first content came, on the clock of the caller; None without a stream or without content."""
    last_s: float | None = None
    """When the last content came."""

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer; without `usage`, the number of content events."""
        return self.usage_tokens or self.content_events

    def message(self) -> Message:
        """The answer as a message of the conversation that goes on."""
        if not self.tool_calls:
            return {"role": "assistant", "content": self.text}
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in self.tool_calls
        ]
        return {"role": "assistant", "content": self.text or None, "tool_calls": calls}


def read_stream(lines: Iterable[bytes], now: Callable[[], float]) -> Answer:
    """Reads an event stream to its end. `lines` as they arrive, each with its line end; `now` in seconds."""
    answer = Answer()
    done = False
    for data in events(lines):
        if done:
            raise WrongAnswer("an event after [DONE]")
        if data == "[DONE]":
            done = True
            continue
        if _take(answer, _object(data, "an event that is not JSON")):
            answer.last_s = now()
            answer.first_s = answer.first_s or answer.last_s
    if not done:
        raise WrongAnswer("no [DONE]")
    return _ended(answer)


def read_whole(body: bytes) -> Answer:
    """Reads an answer that is one JSON object."""
    answer = Answer()
    value = _object(_text(body), "an answer that is not JSON")
    for choice in value.get("choices", ()):
        choice["delta"] = choice.pop("message", None)
    _take(answer, value)
    return _ended(answer)


def error_code(body: bytes) -> str:
    """The code or the type of an error in OpenAI's shape; what is missing, where it is none."""
    try:
        error = json.loads(body)["error"]
        return str(error.get("code") or error.get("type") or "no code")
    except (ValueError, LookupError, TypeError, AttributeError):
        return "no error object"


def events(lines: Iterable[bytes]) -> Iterator[str]:
    """The `data` of each event. Source: HTML, 9.2.6; an event that no blank line ends does not count.

    A line ends with LF or CRLF; a lone CR, which the standard has too and no provider sends, is not looked for.
    """
    data: list[str] = []
    for raw in lines:
        line = _text(raw).rstrip("\r\n")
        if not line and data:
            yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise WrongAnswer("bytes that are not UTF-8") from None


def _object(text: str, otherwise: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise WrongAnswer(otherwise) from None
    if not isinstance(value, dict):
        raise WrongAnswer(otherwise)
    if value.get("error"):
        raise WrongAnswer(f"an error inside the answer: {error_code(text.encode())}")
    return value


def _take(answer: Answer, value: dict[str, Any]) -> bool:
    """Adds one event, or a whole answer in the same form; whether it held content."""
    usage = value.get("usage") or {}
    answer.usage_tokens = usage.get("completion_tokens", answer.usage_tokens)
    content = False
    for choice in value.get("choices", ()):
        delta = choice.get("delta") or {}
        said = [delta.get(name) for name in ("content", "reasoning_content", "refusal")]
        called = [_call(answer, place, piece) for place, piece in enumerate(delta.get("tool_calls") or ())]
        answer.text += delta.get("content") or ""
        answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
        content = content or any(said) or any(called)
    answer.content_events += content
    return content


def _call(answer: Answer, place: int, piece: dict[str, Any]) -> bool:
    """Adds a piece of a tool call; whether it held a part of the arguments."""
    index = piece.get("index", place)
    if index > len(answer.tool_calls):
        raise WrongAnswer("a piece of a tool call that was never begun")
    if index == len(answer.tool_calls):
        answer.tool_calls.append(ToolCall())
    call, function = answer.tool_calls[index], piece.get("function") or {}
    call.id = piece.get("id") or call.id
    call.name = function.get("name") or call.name
    call.arguments += function.get("arguments") or ""
    return bool(function.get("arguments"))


def _ended(answer: Answer) -> Answer:
    if answer.finish_reason is None:
        raise WrongAnswer("no finish_reason")
    if answer.finish_reason == "stop" and not answer.content_events:
        raise WrongAnswer("no content")
    return answer
