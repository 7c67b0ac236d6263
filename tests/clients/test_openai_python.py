"""The official Python SDK, unchanged: each thing that it can ask for."""

from __future__ import annotations

import base64

import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from tests.harness.provider import Provider

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Event(BaseModel):
    """What a structured answer must be."""

    name: str
    day: int
    guests: list[str]


def test_chat(client: OpenAI, bill: Provider) -> None:
    answer = client.chat.completions.with_raw_response.create(model="chat", messages=HELLO, temperature=0.5)
    completion = answer.parse()
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == "chat-1"
    assert completion.usage
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion._request_id == answer.headers["x-request-id"]
    assert bill.bill()["totals"]["total_tokens"] == completion.usage.total_tokens


def test_chat_as_a_stream(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="chat", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage
    assert chunks[-1].choices == []


def test_chat_by_the_stream_helper(client: OpenAI) -> None:
    with client.chat.completions.stream(model="chat", messages=HELLO) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert {"content.delta", "content.done", "chunk"} <= kinds
    assert final.choices[0].message.content


def test_tools(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="tools", messages=HELLO, tools=[WEATHER])
    call = (answer.choices[0].message.tool_calls or [])[0]
    assert call.type == "function"
    assert call.function.name == "weather"
    assert answer.choices[0].finish_reason == "tool_calls"
    told = client.chat.completions.create(
        model="tools",
        tools=[WEATHER],
        messages=[
            *HELLO,
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {"name": "weather", "arguments": call.function.arguments},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        ],
    )
    assert told.choices[0].message.content


def test_tools_in_a_stream(client: OpenAI) -> None:
    with client.chat.completions.stream(model="tools", messages=HELLO, tools=[WEATHER]) as stream:
        for _ in stream:
            pass
        calls = stream.get_final_completion().choices[0].message.tool_calls
    assert calls
    assert calls[0].function.name == "weather"


def test_structured_outputs(client: OpenAI) -> None:
    parsed = client.chat.completions.parse(model="chat", messages=HELLO, response_format=Event)
    assert isinstance(parsed.choices[0].message.parsed, Event)
    answer = client.responses.parse(model="chat", input="hello", text_format=Event)
    assert isinstance(answer.output_parsed, Event)


def test_completions(client: OpenAI) -> None:
    answer = client.completions.create(model="chat", prompt="once upon a time")
    assert answer.choices[0].text
    stream = client.completions.create(model="chat", prompt="once upon a time", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream if chunk.choices)


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_embeddings(client: OpenAI, encoding: str) -> None:
    asked = {"encoding_format": encoding} if encoding == "float" else {}
    answer = client.embeddings.create(model="embed", input=["one", "two"], dimensions=8, **asked)  # type: ignore[arg-type]
    assert [len(row.embedding) for row in answer.data] == [8, 8]
    assert all(isinstance(number, float) for row in answer.data for number in row.embedding)


def test_responses(client: OpenAI) -> None:
    answer = client.responses.create(model="chat", input="hello")
    assert answer.output_text
    assert answer.status == "completed"
    assert answer.usage
    assert client.responses.retrieve(answer.id).id == answer.id, (
        "a call without a model goes to the provider of passthrough"
    )


def test_responses_as_a_stream(client: OpenAI) -> None:
    events = list(client.responses.create(model="chat", input="hello", stream=True))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_responses_by_the_stream_helper(client: OpenAI) -> None:
    with client.responses.stream(model="chat", input="hello") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert stream.get_final_response().output_text == text


def test_models(client: OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert {"chat", "tools", "embed", "safe"} <= names
    assert client.models.retrieve("chat").id == "chat"


def test_images(client: OpenAI) -> None:
    answer = client.images.generate(model="image", prompt="a canal", response_format="b64_json")
    assert answer.data
    assert base64.b64decode(answer.data[0].b64_json or "")[:4] == b"\x89PNG"
    edited = client.images.edit(model="image", prompt="more water", image=("a.png", b"\x89PNG\r\n\x1a\n", "image/png"))
    assert edited.data


def test_speech_comes_down_as_bytes(client: OpenAI) -> None:
    answer = client.audio.speech.create(model="audio", voice="alloy", input="hello", response_format="wav")
    assert answer.content[:4] == b"RIFF"
    with client.audio.speech.with_streaming_response.create(
        model="audio", voice="alloy", input="hello", response_format="wav"
    ) as stream:
        assert b"".join(stream.iter_bytes()) == answer.content


def test_transcription_goes_up_as_a_form(client: OpenAI, bill: Provider) -> None:
    sound = b"RIFF" + bytes(range(256)) * 64
    answer = client.audio.transcriptions.create(model="audio", file=("talk.wav", sound), language="en")
    assert answer.text
    assert bill.calls()[-1]["model"] == "audio-1"
    with pytest.deprecated_call():
        assert client.audio.translations.create(model="audio", file=("talk.wav", sound)).text


def test_moderations(client: OpenAI) -> None:
    answer = client.moderations.create(model="chat", input="hello")
    assert answer.results[0].flagged is False
    assert client.moderations.create(input="hello").results, "the model may be left out: passthrough"


def test_files_pass_through(client: OpenAI) -> None:
    content = b'{"custom_id": "1"}\n' * 100
    made = client.files.create(file=("batch.jsonl", content), purpose="batch")
    assert made.bytes == len(content)
    assert client.files.content(made.id).content == content
    assert made.id in [file.id for file in client.files.list()]
    batch = client.batches.create(input_file_id=made.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.retrieve(batch.id).input_file_id == made.id
    assert client.files.delete(made.id).deleted


def test_a_fallback_is_invisible_but_for_a_header(client: OpenAI) -> None:
    answer = client.chat.completions.with_raw_response.create(model="safe", messages=HELLO)
    assert answer.parse().choices[0].message.content
    assert answer.headers["headgate-attempts"] == "2"
