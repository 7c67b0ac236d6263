"""HTTP/2 towards callers: by prior knowledge, and many calls on one connection."""

from __future__ import annotations

import asyncio
import json
import time

import httpx2
import pytest

from tests.e2e.conftest import BEARER
from tests.harness.gateway import Gateway
from tests.harness.http2 import Http2
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat

PATH = "/v1/chat/completions"


def client(gateway: Gateway) -> httpx2.Client:
    return httpx2.Client(
        http1=False, http2=True, base_url=f"http://{gateway.data}", headers=BEARER, timeout=20, trust_env=False
    )


def test_a_call_by_prior_knowledge_is_answered_over_http2(gateway: Gateway, bill: Provider) -> None:
    with client(gateway) as http:
        answer = http.post(PATH, json=chat())
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
        assert answer.json()["object"] == "chat.completion"
        assert answer.headers["headgate-provider"] == "house"
        assert http.get("/v1/models").status_code == 200
    assert bill.bill()["totals"]["calls"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", PATH, b'{"model":"cht"}', 404, "model_not_found"),
        ("GET", "/v1/embeddings", None, 405, "method_not_allowed"),
        ("POST", "/v1/nothing", b"{}", 404, "unknown_path"),
    ],
)
def test_refusals_are_the_same_as_over_http1(
    gateway: Gateway, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    with client(gateway) as http:
        answer = http.request(method, path, content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
        assert "connection" not in answer.headers
        assert http.post(PATH, json=chat()).status_code == 200


def test_a_stream_is_whole_or_an_error(gateway: Gateway) -> None:
    with client(gateway) as http:
        whole = http.post(PATH, json=chat(stream=True))
        assert whole.text.endswith("data: [DONE]\n\n")
    with Http2(gateway.data) as http2:
        headers = {**BEARER, "content-type": "application/json", "x-sim-fault": "cut;at=600"}
        cut = http2.until_ended(http2.open(PATH, headers, json.dumps(chat(stream=True)).encode()))
    assert b"[DONE]" not in cut.body
    assert json.loads(cut.body.rstrip().rpartition(b"data: ")[2])["error"]["code"] == "stream_cut"
    assert cut.reset is not None, "the stream is not ended as if it were whole"


def test_a_body_that_says_it_is_too_large_is_413_before_it_is_sent(gateway: Gateway, bill: Provider) -> None:
    headers = {**BEARER, "content-type": "application/json"}
    with Http2(gateway.data) as http2:
        refused = http2.until_ended(http2.open(PATH, {**headers, "content-length": str(2 << 20)}, end=False))
        assert (refused.status, json.loads(refused.body)["error"]["code"]) == (413, "body_too_large")
        fine = http2.until_ended(http2.open(PATH, headers, json.dumps(chat()).encode()))
        assert fine.status == 200, "the connection goes on"
    assert bill.bill()["totals"]["calls"] == 1


def test_a_whole_answer_that_breaks_off_is_a_reset_stream(gateway: Gateway) -> None:
    with client(gateway) as http:
        with pytest.raises(httpx2.RemoteProtocolError):
            http.post(PATH, json=chat(), headers={"x-sim-fault": "cut;at=30"})
        assert http.post(PATH, json=chat()).status_code == 200


def test_many_calls_share_a_connection(gateway: Gateway, bill: Provider) -> None:
    async def all_of_them() -> list[int]:
        limits = httpx2.Limits(max_connections=1)
        async with httpx2.AsyncClient(
            http1=False, http2=True, base_url=f"http://{gateway.data}", headers=BEARER, limits=limits, trust_env=False
        ) as http:
            answers = await asyncio.gather(*(http.post(PATH, json=chat(stream=n % 2 == 0)) for n in range(60)))
            return [answer.status_code for answer in answers]

    assert asyncio.run(all_of_them()) == [200] * 60
    assert bill.bill()["totals"]["calls"] == 60


@pytest.mark.parametrize("fault", ["late-head;ms=60000", "stall;at=3;ms=0"], ids=["before the head", "between events"])
def test_a_stream_that_its_caller_resets_cancels_the_providers_call(
    gateway: Gateway, bill: Provider, fault: str
) -> None:
    headers = {**BEARER, "content-type": "application/json", "x-sim-fault": fault}
    with Http2(gateway.data) as http2:
        number = http2.open(PATH, headers, json.dumps(chat(stream=True)).encode())
        until(lambda: bill.bill()["open"] == 1, "the call has reached the provider")
        left = time.monotonic()
        http2.reset(number)
        page = bill.wait(lambda page: page["open"] == 0, "the call was given up")
        assert time.monotonic() - left < 1.0
    assert [call["cancelled"] for call in page["calls"]] == [True]


def test_an_upload_of_many_frames_arrives_whole(gateway: Gateway) -> None:
    text = "x" * 900_000
    with client(gateway) as http:
        seen = http.post(PATH, json=chat(text=text), headers={"x-sim-echo-request": "1"}).json()
    assert json.loads(seen["body"]) == chat("gpt-sim", text)


def test_a_caller_that_does_not_read_holds_up_the_provider_and_not_the_memory(gateway: Gateway, bill: Provider) -> None:
    before = gateway.resident_bytes()
    headers = {**BEARER, "content-type": "application/json", "x-sim-tokens": "100000"}
    with Http2(gateway.data) as http2:
        numbers = [http2.open(PATH, headers, json.dumps(chat(stream=True)).encode()) for _ in range(3)]
        peak, until_s = 0, time.monotonic() + 1.0
        while time.monotonic() < until_s:
            peak = max(peak, gateway.resident_bytes() - before)
        assert bill.bill()["open"] == 3, "nobody reads, so the provider cannot have sent it all"
        whole = http2.until_ended(numbers[0])
        assert len(whole.body) > 24 << 20
        assert whole.body.endswith(b"data: [DONE]\n\n")
    assert peak < 16 << 20, f"{peak >> 20} MiB"
