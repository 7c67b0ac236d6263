"""Limits through the official SDK: the right exception, the wait that is asked for, and no storm of retries."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from tests.harness.fixtures import launcher
from tests.harness.gateway import Gateway
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
        limits=[{"per": "user", "requests_per_minute": 120, "burst": "500ms"}],
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


def ask(client: OpenAI, model: str = "chat", user: str = "ann") -> object:
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hello"}], user=user, max_tokens=50
    )


def refusals(gateway: Gateway) -> float:
    return Metrics.of(gateway).sum("headgate_limit_refusals_total")


def test_a_wait_that_is_short_is_waited_out_by_the_sdk(limited: Gateway, sdk: OpenAI, bill: Provider) -> None:
    for _ in range(3):
        ask(sdk, user="patient")
    assert bill.bill()["totals"]["calls"] == 3
    hasty = sdk.with_options(max_retries=0)
    ask(hasty, user="hasty")
    with pytest.raises(openai.RateLimitError) as caught:
        ask(hasty, user="hasty")
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "rate_limit_error")
    assert caught.value.response.headers["x-ratelimit-limit-requests"] == "120"
    assert refusals(limited) >= 1


@pytest.mark.parametrize(
    ("model", "error", "status", "code"),
    [
        ("poor", openai.RateLimitError, 429, "insufficient_quota"),
        ("asking", openai.APIStatusError, 402, "approval_required"),
        ("daily", openai.RateLimitError, 429, "rate_limit_exceeded"),
    ],
)
def test_what_no_wait_helps_is_asked_for_once(
    limited: Gateway,
    sdk: OpenAI,
    bill: Provider,
    model: str,
    error: type[openai.APIStatusError],
    status: int,
    code: str,
) -> None:
    if model == "daily":
        ask(sdk, model, user=model)
    before, billed = refusals(limited), bill.bill()["totals"]["calls"]
    with pytest.raises(error) as caught:
        ask(sdk, model, user=f"{model} again")
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert caught.value.request_id
    assert refusals(limited) == before + 1, "no storm of retries"
    assert bill.bill()["totals"]["calls"] == billed
