"""Limits through the official SDK: the right exception, the wait that is asked for, and no storm of retries."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway, clean
from tests.harness.metrics import Metrics
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.provider import Provider


@pytest.fixture(scope="module")
def limited(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a limit for each alias."""
    policy = small(
        provider.url,
        keys=[{"name": "sdk", "secret": "${env:CALLER_KEY}"}],
        identity={"user": "body user"},
        limits=[
            {"per": "user", "requests_per_minute": 120, "burst": "500ms"},
            {"per": "alias", "value": "chat", "max_output_tokens": 1_000},
        ],
        budgets=[
            {"per": "alias", "value": "poor", "usd": 0.000001, "window": "day"},
            {"per": "alias", "value": "asking", "usd": 0.000001, "window": "day", "when_spent": "ask"},
        ],
    )
    policy["deployments"]["gpt"]["price"] = {"input_per_million_usd": 100, "output_per_million_usd": 100}
    daily = alias("gpt", requests_per_day=1)
    policy["aliases"] |= {"poor": alias("gpt"), "asking": alias("gpt"), "daily": daily}
    with launcher(tmp_path_factory.mktemp("limits")) as launch:
        yield launch(policy, ENVIRONMENT)


@pytest.fixture
def sdk(limited: Gateway) -> Iterator[OpenAI]:
    """The SDK as it comes, its two retries included."""
    with OpenAI(base_url=limited.base_url, api_key=CALLER_KEY) as client:
        yield client


def ask(client: OpenAI, model: str = "chat", user: str = "ann", *, stream: bool = False) -> object:
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hello"}], user=user, max_tokens=50, stream=stream
    )


def refusals(gateway: Gateway) -> float:
    return Metrics.of(gateway).sum("headgate_limit_refusals_total")


def test_a_wait_that_is_short_is_waited_out_by_the_sdk(limited: Gateway, sdk: OpenAI, bill: Provider) -> None:
    before = refusals(limited)
    for _ in range(3):
        ask(sdk, user="patient")
    assert bill.bill()["totals"]["calls"] == 3
    assert refusals(limited) <= before + 2, "it waits as long as it is told, so that the next try is let in"
    hasty = sdk.with_options(max_retries=0)
    ask(hasty, user="hasty")
    with pytest.raises(openai.RateLimitError) as caught:
        ask(hasty, user="hasty")
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert caught.value.response.headers["x-ratelimit-limit-requests"] == "120"
    assert refusals(limited) >= 1


REFUSED: list[tuple[str, type[openai.APIStatusError], int, str]] = [
    ("poor", openai.RateLimitError, 429, "insufficient_quota"),
    ("asking", openai.APIStatusError, 402, "approval_required"),
    ("daily", openai.RateLimitError, 429, "rate_limit_exceeded"),
]


@pytest.fixture
def used_up(sdk: OpenAI) -> None:
    """The one call a day of `daily` is made."""
    with suppress(openai.RateLimitError):
        ask(sdk.with_options(max_retries=0), "daily", user="first of the day")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("model", "error", "status", "code"), REFUSED)
@pytest.mark.usefixtures("used_up")
def test_what_no_wait_helps_is_asked_for_once(
    limited: Gateway,
    sdk: OpenAI,
    bill: Provider,
    model: str,
    error: type[openai.APIStatusError],
    status: int,
    code: str,
    *,
    stream: bool,
) -> None:
    before, billed = refusals(limited), bill.bill()["totals"]["calls"]
    with pytest.raises(error) as caught:
        ask(sdk, model, user=f"{model} {stream}", stream=stream)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.request_id
    assert refusals(limited) == before + 1, "no storm of retries"
    assert bill.bill()["totals"]["calls"] == billed


def test_what_is_left_can_be_read_beside_the_answer(sdk: OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(
        model="chat", messages=[{"role": "user", "content": "hello"}], user="reader", max_tokens=50
    )
    assert raw.headers["x-ratelimit-limit-requests"] == "120"
    assert raw.headers["x-ratelimit-remaining-requests"] == "0"
    assert raw.headers["x-ratelimit-reset-requests"].endswith("ms")
    assert raw.parse().choices[0].message.content


def test_a_call_that_asks_for_too_much_is_a_bad_request(limited: Gateway, sdk: OpenAI, bill: Provider) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": "hello"}], user="greedy", max_tokens=1_001
        )
    assert caught.value.code == "call_too_large"
    assert bill.bill()["totals"]["calls"] == 0


def test_callers_at_once_make_no_storm(limited: Gateway, bill: Provider) -> None:
    """Each of twenty that are refused asks once, as waiting does not help."""

    async def all_at_once() -> list[BaseException | object]:
        async with AsyncOpenAI(base_url=limited.base_url, api_key=CALLER_KEY) as client:
            calls = [
                client.chat.completions.create(
                    model="poor", messages=[{"role": "user", "content": "hello"}], user=f"crowd {number}"
                )
                for number in range(20)
            ]
            return await asyncio.gather(*calls, return_exceptions=True)

    before = refusals(limited)
    assert {type(each) for each in asyncio.run(all_at_once())} == {openai.RateLimitError}
    assert refusals(limited) == before + 20
    assert bill.bill()["totals"]["calls"] == 0


@pytest.mark.usefixtures("used_up")
def test_the_node_sdk_is_told_the_same(limited: Gateway) -> None:
    folder, node = Path(__file__).parent / "node", shutil.which("node")
    if node is None or not (folder / "node_modules" / "openai").is_dir():
        pytest.skip(f"node or its SDK is not installed: npm ci --prefix {folder.name}")
    before = refusals(limited)
    environment = clean({"OPENAI_BASE_URL": limited.base_url, "OPENAI_API_KEY": CALLER_KEY})
    models = [f"{model}{stream}" for model, *_ in REFUSED for stream in ("", ":stream")]
    ended = subprocess.run(
        [node, "limits.mjs", *models], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(each["model"], each["status"], each["code"]) for each in told] == [
        (model, status, code) for model, _, status, code in REFUSED for _ in range(2)
    ]
    assert all(each["is_of_api"] and each["is_rate_limit"] == (each["status"] == 429) for each in told)
    assert refusals(limited) == before + len(models), "one request each"
