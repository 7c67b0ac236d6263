"""The official Python SDK, asynchronous, many calls at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from openai import AsyncOpenAI, NotFoundError

from tests.harness.gateway import Gateway
from tests.harness.policies import CALLER_KEY
from tests.harness.provider import Provider

T = TypeVar("T")


def run(gateway: Gateway, work: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
    async def inside() -> T:
        async with AsyncOpenAI(base_url=gateway.base_url, api_key=CALLER_KEY) as client:
            return await work(client)

    return asyncio.run(inside())


async def chat(client: AsyncOpenAI) -> str:
    answer = await client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "hello"}])
    return answer.choices[0].message.content or ""


async def stream(client: AsyncOpenAI) -> str:
    text = ""
    async for chunk in await client.chat.completions.create(
        model="chat", messages=[{"role": "user", "content": "hello"}], stream=True
    ):
        text += chunk.choices[0].delta.content or "" if chunk.choices else ""
    return text


def test_fifty_calls_and_streams_at_once(gateway: Gateway, bill: Provider) -> None:
    async def work(client: AsyncOpenAI) -> list[str]:
        return await asyncio.gather(*(call(client) for _ in range(25) for call in (chat, stream)))

    assert all(run(gateway, work))
    assert bill.bill()["totals"]["calls"] == 50


def test_responses_stream(gateway: Gateway) -> None:
    async def work(client: AsyncOpenAI) -> str:
        async with client.responses.stream(model="chat", input="hello") as events:
            async for _ in events:
                pass
            return (await events.get_final_response()).output_text

    assert run(gateway, work)


def test_a_task_that_is_cancelled_cancels_the_providers_call(gateway: Gateway, bill: Provider) -> None:
    async def work(client: AsyncOpenAI) -> None:
        task = asyncio.create_task(
            client.with_options(default_headers={"x-sim-fault": "late-head;ms=60000"}).chat.completions.create(
                model="chat", messages=[{"role": "user", "content": "hello"}]
            )
        )
        await asyncio.to_thread(bill.wait, lambda page: page["open"] == 1, "the call has reached the provider")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(bill.wait, lambda page: page["open"] == 0, "the call was given up", 1.0)

    run(gateway, work)
    assert [call["cancelled"] for call in bill.calls()] == [True]


def test_errors_have_their_class(gateway: Gateway) -> None:
    async def work(client: AsyncOpenAI) -> None:
        await client.chat.completions.create(model="chatt", messages=[{"role": "user", "content": "hello"}])

    with pytest.raises(NotFoundError, match="`chat`"):
        run(gateway, work)
