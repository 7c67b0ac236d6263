"""Every refusal becomes the SDK's own exception for it, says what to do, and is not tried again in vain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from tests.clients.conftest import LIMITED_KEY
from tests.harness.fixtures import Program, launcher
from tests.harness.gateway import Gateway, Line
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.waiting import until

Call = Callable[[OpenAI], object]


def chat(client: OpenAI, model: str = "chat", **headers: str) -> object:
    extra = {f"x-sim-{name}": value for name, value in headers.items()}
    return client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "hello"}], extra_headers=extra
    )


def test_an_unknown_model_is_not_found_and_names_the_nearest(client: OpenAI, bill: Provider) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, "chta")
    assert "`chat`" in caught.value.message
    assert (caught.value.code, caught.value.param, caught.value.type) == (
        "model_not_found",
        "model",
        "invalid_request_error",
    )
    assert caught.value.request_id
    assert caught.value.request_id == caught.value.response.headers["headgate-request-id"]
    assert bill.bill()["totals"]["calls"] == 0


def test_a_wrong_key_is_an_authentication_error(gateway: Gateway) -> None:
    with (
        OpenAI(base_url=gateway.base_url, api_key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        chat(client)
    assert caught.value.code == "invalid_api_key"


def test_what_a_key_may_not_have_is_not_found(gateway: Gateway) -> None:
    with OpenAI(base_url=gateway.base_url, api_key=LIMITED_KEY) as client:
        with pytest.raises(openai.NotFoundError, match="passthrough: true"):
            client.files.list()
        with pytest.raises(openai.NotFoundError):
            chat(client, "tools")


def test_a_web_page_that_may_not_call_is_permission_denied(program: Program, bill: Provider, tmp_path: Path) -> None:
    with launcher(tmp_path, program) as launch:
        sdk = OpenAI(
            base_url=launch(small(bill.url)).base_url, api_key="any", default_headers={"origin": "https://evil.example"}
        )
        with sdk, pytest.raises(openai.PermissionDeniedError) as caught:
            sdk.models.list()
    assert caught.value.code == "origin_forbidden"


def test_a_wrong_request_is_the_providers_bad_request(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="chat", messages=[{"role": "user", "content": "x"}], temperature=9)
    assert caught.value.param == "temperature"


def test_a_body_without_a_model_is_a_bad_request(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", body={"messages": []}, cast_to=object)
    assert (caught.value.code, caught.value.param) == ("model_missing", "model")


def test_an_unknown_path_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.post("/chat/complete", body={}, cast_to=object)
    assert caught.value.code == "unknown_path"


def test_a_compressed_request_is_a_status_error(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.post(
            "/chat/completions",
            body={"model": "chat"},
            cast_to=object,
            options={"headers": {"content-encoding": "gzip"}},
        )
    assert caught.value.status_code == 415


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("reset-before-head", openai.InternalServerError, "provider_closed"),
        ("garbage-head", openai.InternalServerError, "provider_garbled"),
        ("status;code=401", openai.InternalServerError, "provider_credential_rejected"),
        ("status;code=403", openai.PermissionDeniedError, None),
        ("error;name=context_length_exceeded", openai.BadRequestError, "context_length_exceeded"),
        ("status;code=409", openai.ConflictError, None),
        ("status;code=422", openai.UnprocessableEntityError, None),
        ("error;name=rate_limit_exceeded", openai.RateLimitError, "rate_limit_exceeded"),
        ("status;code=500", openai.InternalServerError, None),
    ],
)
def test_failures_of_a_provider_have_their_class(
    client: OpenAI, fault: str, error: type[openai.APIStatusError], code: str | None
) -> None:
    with pytest.raises(error) as caught:
        chat(client.with_options(max_retries=0), fault=fault)
    assert code is None or caught.value.code == code


@pytest.mark.parametrize(
    ("model", "fault", "status"),
    [
        ("lost", "", 502),
        ("chat", "status;code=401", 502),
        ("hasty", "never-head", 504),
        ("chat", "reset-before-head", 502),
    ],
)
def test_the_sdk_tries_again_as_often_as_it_says_and_no_more(
    client: OpenAI, bill: Provider, model: str, fault: str, status: int
) -> None:
    """Two retries are the SDK's own; `x-should-retry` may only lower them."""
    with pytest.raises(openai.InternalServerError) as caught:
        chat(client, model, **({"fault": fault} if fault else {}))
    assert caught.value.status_code == status
    calls = bill.bill()["totals"]["calls"]
    if caught.value.response.headers.get("x-should-retry") == "false":
        assert calls == (0 if model == "lost" else 1)
    else:
        assert calls <= 3


def test_a_refusal_is_not_tried_again(client: OpenAI, gateway: Gateway) -> None:
    for model in ("refused-once", "refused-after-it"):
        with pytest.raises(openai.NotFoundError):
            chat(client, model)

    def lines_of(model: str) -> list[Line]:
        return [line for line in gateway.lines("call") if model in (line["message"] or "")]

    # One connection, so one worker, whose lines come in order: what was tried again would stand before this one.
    until(lambda: lines_of("refused-after-it"), "the line of the second refusal")
    assert len(lines_of("refused-once")) == 1


def test_a_provider_that_says_when_to_come_back_is_obeyed(client: OpenAI, bill: Provider) -> None:
    with pytest.raises(openai.RateLimitError):
        chat(client, fault="error;name=rate_limit_exceeded, retry-after;as=ms;value=1")
    assert bill.bill()["totals"]["calls"] == 3
