"""Streams that are cut and continued, in the official SDK: it sees one answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import openai
import pytest
from openai import OpenAI

from tests.harness import wire
from tests.harness.fixtures import launcher
from tests.harness.policies import small
from tests.harness.provider import Provider

TOKENS = 6
MESSAGES: Any = [{"role": "user", "content": "hello"}]


class World(NamedTuple):
    """The SDK, the text of an answer that is not cut, and where the events of its stream end."""

    sdk: OpenAI
    whole: str
    ends: list[int]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`by-cut-N` is cut behind N bytes at the first provider; the second is sound."""
    probe = Provider.start(tokens={"fixed": TOKENS})
    body = wire.ask(probe.address, "POST", "/v1/chat/completions", wire.chat("cut-00000", stream=True)).body
    probe.stop()
    ends = [at + 2 for at in range(len(body)) if body[at : at + 2] == b"\n\n"]
    rules = [{"match": {"model": f"cut-{at:05}"}, "fault": f"cut;at={at}"} for at in range(len(body))]
    cutting = Provider.start(tokens={"fixed": TOKENS}, scenario=rules)
    sound = Provider.start(tokens={"fixed": TOKENS})
    policy = small(cutting.url)
    policy["resilience"]["breaker"] |= {"ratio": 1.0}
    policy["providers"]["sound"] = {"dialect": "openai", "endpoints": [sound.url]}
    free, dear = ({"input_per_million_usd": price, "output_per_million_usd": price} for price in (0, 1))
    policy["deployments"] = {
        "first": {"provider": "house", "model": "{1}", "price": free},
        "second": {"provider": "sound", "model": "{1}", "price": dear, "prefill": "continue_final_message"},
    }
    policy["aliases"] = {"by-*": {"chain": [{"use": ["first", "second"], "balance": "cheapest"}], "on_cut": "continue"}}
    with launcher(tmp_path_factory.mktemp("continued")) as launch:
        gateway = launch(policy)
        with OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as sdk:
            whole = sdk.chat.completions.create(model="by-sound", messages=MESSAGES).choices[0].message.content
            assert whole
            yield World(sdk, whole, ends)
    cutting.stop()
    sound.stop()


def places(world: World) -> list[int]:
    """Behind each piece of content, and within the one that follows it."""
    return [at + more for at in world.ends[1 : TOKENS + 1] for more in (0, 40)]


def test_the_chunks_of_a_continued_answer_are_those_of_one(world: World) -> None:
    for at in places(world):
        stream = world.sdk.chat.completions.create(model=f"by-cut-{at:05}", messages=MESSAGES, stream=True)
        chunks = list(stream)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == world.whole
        assert len({chunk.id for chunk in chunks}) == 1
        assert [chunk.choices[0].delta.role for chunk in chunks if chunk.choices[0].delta.role] == ["assistant"]
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]


def test_the_sdk_puts_a_continued_answer_together(world: World) -> None:
    for at in places(world):
        with world.sdk.chat.completions.stream(model=f"by-cut-{at:05}", messages=MESSAGES) as stream:
            completion = stream.get_final_completion()
        message = completion.choices[0].message
        assert (message.role, message.content) == ("assistant", world.whole)
        assert completion.choices[0].finish_reason == "stop"


def test_what_cannot_be_continued_raises(world: World) -> None:
    at = world.ends[2]
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    with pytest.raises(openai.APIError):
        list(world.sdk.chat.completions.create(model=f"by-cut-{at:05}", messages=MESSAGES, stream=True, tools=tools))
