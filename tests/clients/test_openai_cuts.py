"""A stream that is cut at any byte raises in the SDK: it never looks like a short answer."""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI

from tests.harness import wire
from tests.harness.provider import Provider

SHORT = {"x-sim-tokens": "2"}


def chat(client: OpenAI, headers: dict[str, str]) -> None:
    for _ in client.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": "hello"}], stream=True, extra_headers=headers
    ):
        pass


def responses(client: OpenAI, headers: dict[str, str]) -> None:
    """As callers do it: the SDK hands the events out, the last one says how it ended."""
    last = None
    for event in client.responses.create(model="chat", input="hello", stream=True, extra_headers=headers):
        if event.type == "error":
            raise openai.OpenAIError(event.message)
        last = event
    if last is None or last.type != "response.completed":
        raise openai.OpenAIError("the stream ended without its end")


def size(provider: Provider, path: str, body: dict[str, object]) -> int:
    return len(wire.ask(provider.address, "POST", path, body, SHORT).body)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_chat_stream_that_is_cut_at_any_byte_raises(client: OpenAI, provider: Provider, how: str) -> None:
    sdk = client.with_options(max_retries=0)
    chat(sdk, SHORT)
    whole = size(provider, "/v1/chat/completions", wire.chat("chat-1", stream=True))
    quiet = []
    for at in range(whole - 1):
        try:
            chat(sdk, {**SHORT, "x-sim-fault": f"cut;at={at};how={how}"})
        except openai.OpenAIError:
            continue
        quiet.append(at)
    assert not quiet


@pytest.mark.timeout(120)
def test_a_responses_stream_that_is_cut_raises(client: OpenAI, provider: Provider) -> None:
    sdk = client.with_options(max_retries=0)
    responses(sdk, SHORT)
    whole = size(provider, "/v1/responses", {"model": "chat-1", "input": "hello", "stream": True})
    quiet = []
    for at in range(0, whole - 2, 3):
        try:
            responses(sdk, {**SHORT, "x-sim-fault": f"cut;at={at}"})
        except openai.OpenAIError:
            continue
        quiet.append(at)
    assert not quiet
