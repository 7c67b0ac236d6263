"""Every answer of the simulated provider is one by the SDK's own types, strictly and without a field they lack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai import types
from openai.types import audio, chat, responses
from pydantic import BaseModel, TypeAdapter

from tests.harness import wire
from tests.harness.provider import Provider

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "size": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "size", "tags"],
    "additionalProperties": False,
}
SENT_ALL_THE_SAME = {"store", "reasoning_content", "task", "status", "name"}
"""Members that providers do send and these types lack: of a response, of messages (compatible providers), of a verbose
transcription, of a custom tool's call, of the events that end a call's arguments."""
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"


def chatted(model: str = "chat", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"model": model, "messages": HELLO, **fields}


CHATS: dict[str, dict[str, Any]] = {
    "plain": chatted(),
    "three choices": chatted(n=3),
    "logprobs": chatted(logprobs=True, top_logprobs=2),
    "tools": chatted("tools", tools=[{"type": "function", "function": TOOL}]),
    "a tool by name": chatted(
        tools=[{"type": "function", "function": TOOL}],
        tool_choice={"type": "function", "function": {"name": "weather"}},
    ),
    "a custom tool": chatted("tools", tools=[{"type": "custom", "custom": {"name": "shell"}}]),
    "structured": chatted(
        response_format={"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA, "strict": True}}
    ),
    "any JSON": {
        "model": "chat",
        "messages": [{"role": "user", "content": "as JSON"}],
        "response_format": {"type": "json_object"},
    },
    "a refusal": chatted("refuse"),
    "reasoning": chatted("think"),
    "a limit": chatted(max_completion_tokens=2),
    "a stop": chatted("echo", stop=["ll"]),
}
RESPONDED: dict[str, dict[str, Any]] = {
    "plain": {"model": "chat", "input": "hello"},
    "messages": {
        "model": "chat",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
        "instructions": "be brief",
    },
    "tools": {"model": "tools", "input": "hello", "tools": [{"type": "function", "strict": True, **TOOL}]},
    "a custom tool": {"model": "tools", "input": "hello", "tools": [{"type": "custom", "name": "shell"}]},
    "structured": {
        "model": "chat",
        "input": "hello",
        "text": {"format": {"type": "json_schema", "name": "thing", "schema": SCHEMA, "strict": True}},
    },
    "a refusal": {"model": "refuse", "input": "hello"},
    "reasoning": {"model": "think", "input": "hello", "reasoning": {"effort": "low", "summary": "auto"}},
    "a limit": {"model": "chat", "input": "hello", "max_output_tokens": 16},
}
OTHERS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "completions": ("/v1/completions", {"model": "chat", "prompt": "hello", "n": 2}, types.Completion),
    "completions with logprobs": (
        "/v1/completions",
        {"model": "chat", "prompt": "hello", "logprobs": 2, "echo": True},
        types.Completion,
    ),
    "embeddings": ("/v1/embeddings", {"model": "embed", "input": ["a", "b"]}, types.CreateEmbeddingResponse),
    "embeddings of tokens": (
        "/v1/embeddings",
        {"model": "embed", "input": [1, 2, 3], "dimensions": 4},
        types.CreateEmbeddingResponse,
    ),
    "moderations": ("/v1/moderations", {"input": ["a", "b"]}, types.ModerationCreateResponse),
    "images": ("/v1/images/generations", {"model": "image", "prompt": "a", "n": 2}, types.ImagesResponse),
    "images as addresses": (
        "/v1/images/generations",
        {"model": "dall-e-2", "prompt": "a", "response_format": "url"},
        types.ImagesResponse,
    ),
    "input tokens": (
        "/v1/responses/input_tokens",
        {"model": "chat", "input": "hello"},
        responses.InputTokenCountResponse,
    ),
}


def check(kind: Any, raw: bytes | str) -> Any:  # noqa: ANN401 - any type, any value
    """Validates, and refuses members that the SDK's types do not have."""
    value = TypeAdapter(kind).validate_json(raw, strict=True)
    unknown = list(extras(value, ""))
    assert not unknown, f"members that {kind} does not have: {unknown}"
    return value


def extras(value: object, path: str) -> list[str]:
    if isinstance(value, BaseModel):
        found = [f"{path}.{name}" for name in (value.model_extra or {}).keys() - SENT_ALL_THE_SAME]
        return found + [
            extra for name in type(value).model_fields for extra in extras(getattr(value, name), f"{path}.{name}")
        ]
    if isinstance(value, list):
        return [extra for index, item in enumerate(value) for extra in extras(item, f"{path}[{index}]")]
    return []


def ask(provider: Provider, path: str, body: dict[str, Any]) -> wire.Answer:
    answer = wire.ask(provider.address, "POST", path, body)
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize("name", CHATS)
def test_chat_completions_are(provider: Provider, name: str) -> None:
    answer = check(chat.ChatCompletion, ask(provider, CHAT, CHATS[name]).body)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@pytest.mark.parametrize("usage", [False, True], ids=["", "with usage"])
@pytest.mark.parametrize("name", sorted(CHATS.keys() - {"a custom tool"}))  # the SDK has no type for its chunks
def test_chunks_are(provider: Provider, name: str, *, usage: bool) -> None:
    more = {"stream_options": {"include_usage": True}} if usage else {}
    events = ask(provider, CHAT, {**CHATS[name], "stream": True, **more}).events
    assert events.pop() == "[DONE]"
    chunks = [check(chat.ChatCompletionChunk, event) for event in events]
    assert bool(chunks[-1].usage) == usage


@pytest.mark.parametrize("name", RESPONDED)
def test_responses_are(provider: Provider, name: str) -> None:
    answer = check(responses.Response, ask(provider, RESPONSES, RESPONDED[name]).body)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


@pytest.mark.parametrize("name", RESPONDED)
def test_events_of_responses_are(provider: Provider, name: str) -> None:
    body = ask(provider, RESPONSES, {**RESPONDED[name], "stream": True}).body.decode()
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in body.strip().split("\n\n")]
    for number, event in enumerate(events):
        value = check(responses.ResponseStreamEvent, event["data"])
        assert (value.type, value.sequence_number) == (event["event"], number)
    assert events[-1]["event"] in ("response.completed", "response.incomplete")


@pytest.mark.parametrize("name", OTHERS)
def test_other_answers_are(provider: Provider, name: str) -> None:
    path, body, kind = OTHERS[name]
    check(kind, ask(provider, path, body).body)


def test_streamed_completions_are(provider: Provider) -> None:
    events = ask(provider, "/v1/completions", {"model": "chat", "prompt": "hello", "stream": True}).events
    assert events.pop() == "[DONE]"
    for event in events:
        # Until the last chunk there is no reason; the SDK's type does not say so.
        check(types.Completion, event.replace('"finish_reason":null', '"finish_reason":"stop"'))


def test_models_are(provider: Provider) -> None:
    listed = wire.ask(provider.address, "GET", "/v1/models").json()
    for model in listed["data"]:
        check(types.Model, json.dumps(model))
    check(types.Model, wire.ask(provider.address, "GET", "/v1/models/chat").body)


def form(path: str, provider: Provider, fields: dict[str, str], name: str, content: bytes) -> wire.Answer:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    parts.append(
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="x.bin"\r\n\r\n'.encode()
        + content
        + b"\r\n--b--\r\n"
    )
    return wire.ask(
        provider.address, "POST", path, b"".join(parts), {"content-type": "multipart/form-data; boundary=b"}
    )


@pytest.mark.parametrize(
    ("style", "kind"),
    [
        ("json", audio.Transcription),
        ("verbose_json", audio.TranscriptionVerbose),
        ("diarized_json", audio.TranscriptionDiarized),
    ],
)
def test_transcriptions_are(provider: Provider, style: str, kind: Any) -> None:  # noqa: ANN401 - a type
    answer = form("/v1/audio/transcriptions", provider, {"model": "audio", "response_format": style}, "file", b"RIFF")
    assert answer.status == 200, answer.body
    check(kind, answer.body)


def test_events_of_transcriptions_and_speech_are(provider: Provider) -> None:
    answer = form("/v1/audio/transcriptions", provider, {"model": "audio", "stream": "true"}, "file", b"RIFF")
    assert answer.events
    for event in answer.events:
        check(audio.TranscriptionStreamEvent, event)


def test_translations_are(provider: Provider) -> None:
    check(audio.Translation, form("/v1/audio/translations", provider, {"model": "audio"}, "file", b"RIFF").body)


def test_edited_images_are(provider: Provider) -> None:
    answer = form("/v1/images/edits", provider, {"model": "image", "prompt": "more"}, "image", b"\x89PNG")
    check(types.ImagesResponse, answer.body)


def test_files_and_batches_are(provider: Provider) -> None:
    made = form("/v1/files", provider, {"purpose": "batch"}, "file", b"{}\n")
    file = check(types.FileObject, made.body)
    check(types.FileObject, wire.ask(provider.address, "GET", f"/v1/files/{file.id}").body)
    batch = {"input_file_id": file.id, "endpoint": "/v1/responses", "completion_window": "24h"}
    made_batch = check(types.Batch, ask(provider, "/v1/batches", batch).body)
    check(types.Batch, wire.ask(provider.address, "GET", f"/v1/batches/{made_batch.id}").body)
    check(types.FileDeleted, wire.ask(provider.address, "DELETE", f"/v1/files/{file.id}").body)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 422, 429, 500, 503, 529])
def test_errors_have_the_members_that_the_sdk_reads(provider: Provider, code: int) -> None:
    answer = wire.ask(provider.address, "POST", CHAT, CHATS["plain"], {"x-sim-fault": f"status;code={code}"})
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
