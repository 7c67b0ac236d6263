"""What reaches the provider is what the caller sent, but for the name of the model and the lines that stay here."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.conftest import BEARER
from tests.harness.gateway import Gateway
from tests.harness.policies import CALLER_KEY, PROVIDER_KEY
from tests.harness.wire import Connection

ECHO = {**BEARER, "x-sim-echo-request": "1"}


def echoed(gateway: Gateway, path: str, body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = gateway.ask("POST", path, body, {**ECHO, **(headers or {})})
    assert answer.status == 200, answer.body
    seen: dict[str, Any] = answer.json()
    return seen


def names_and_values(seen: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in seen["headers"]]


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        (b'{"model":"chat","messages":[]}', b'{"model":"gpt-sim","messages":[]}'),
        (
            b'\n{ "b" : 1.0e5 ,\t"model" :\r\n"chat" , "a":"\\u00e9\xc3\xa9" } ',
            b'\n{ "b" : 1.0e5 ,\t"model" :\r\n"gpt-sim" , "a":"\\u00e9\xc3\xa9" } ',
        ),
        (
            b'{"x":{"model":"chat"},"model":"\\u0063hat","y":"model"}',
            b'{"x":{"model":"chat"},"model":"gpt-sim","y":"model"}',
        ),
        (b'{"m\\u006fdel":"chat","n":12345678901234567890}', b'{"m\\u006fdel":"gpt-sim","n":12345678901234567890}'),
        (b'{"model":"house/gpt-sim","seed":-0.0}', b'{"model":"gpt-sim","seed":-0.0}'),
    ],
    ids=["plain", "whitespace", "nested", "escaped key", "named outright"],
)
def test_only_the_value_of_the_models_key_differs(gateway: Gateway, sent: bytes, arrives: bytes) -> None:
    seen = echoed(gateway, "/v1/chat/completions?a=1&b=%20", sent)
    assert base64.b64decode(seen["body_base64"]) == arrives
    assert seen["target"] == "/v1/chat/completions?a=1&b=%20"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(st.text(max_size=8).filter(lambda key: key not in ("model", "stream")), JSON, max_size=4),
    after=st.dictionaries(st.text(min_size=9, max_size=12), JSON, max_size=4),
    ascii_only=st.booleans(),
    blanks=st.text(" \t\r\n", max_size=4),
)
def test_any_body_arrives_byte_for_byte(
    gateway: Gateway, before: dict[str, Any], after: dict[str, Any], *, ascii_only: bool, blanks: str
) -> None:
    def body(model: str) -> bytes:
        fields = [
            f"{blanks}{json.dumps(key, ensure_ascii=ascii_only)}{blanks}:{json.dumps(value, ensure_ascii=ascii_only)}"
            for key, value in {**before, "model": model, **after}.items()
        ]
        return ("{" + ",".join(fields) + blanks + "}").encode("utf-8", "replace")

    seen = echoed(gateway, "/v1/chat/completions", body("chat"))
    assert base64.b64decode(seen["body_base64"]) == body("gpt-sim")


def test_a_chunked_body_arrives_whole(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        head = "".join(f"{name}: {value}\r\n" for name, value in ECHO.items())
        connection.send(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{head}"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        for byte in b'{"model":"chat","n":1}':
            connection.send(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.send(b"0\r\n\r\n")
        answer = connection.answer()
    assert base64.b64decode(answer.json()["body_base64"]) == b'{"model":"gpt-sim","n":1}'


def test_the_callers_own_lines_stay_here_and_the_providers_credential_goes(gateway: Gateway) -> None:
    private = {
        "x-api-key": CALLER_KEY,
        "api-key": CALLER_KEY,
        "cookie": "session=private",
        "proxy-authorization": "Basic cHJpdmF0ZQ==",
        "te": "trailers",
        "connection": "keep-alive, x-hop",
        "x-hop": "private",
        "keep-alive": "timeout=5",
        "forwarded": "for=10.0.0.1",
        "x-forwarded-for": "10.0.0.1",
        "openai-organization": "org-private",
        "headgate-anything": "private",
        "accept-encoding": "gzip, br",
    }
    kept = {
        "x-stainless-lang": "python",
        "openai-beta": "assistants=v2",
        "idempotency-key": "k-1",
        "user-agent": "mine/1",
    }
    seen = echoed(gateway, "/v1/chat/completions", b'{"model":"chat"}', {**private, **kept})
    lines = names_and_values(seen)
    arrived = dict(lines)
    assert len(arrived) == len(lines), "a line arrived twice"
    assert arrived["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert arrived["accept-encoding"] == "identity"
    assert arrived["host"] != "localhost"
    assert {name: arrived.get(name) for name in kept} == kept
    assert not {"private", CALLER_KEY} & {
        part for value in arrived.values() for part in value.replace("=", " ").split()
    }
    assert not (private.keys() - {"accept-encoding", "connection"}) & arrived.keys()


def test_the_providers_own_lines_stay_here_and_ours_are_added(gateway: Gateway) -> None:
    answer = gateway.ask(
        "POST", "/v1/chat/completions", {"model": "chat", "messages": [{"role": "user", "content": "x"}]}, BEARER
    )
    assert answer.status == 200
    names = [name for name, _ in answer.lines]
    assert "openai-organization" not in names
    assert answer.header("openai-version") == "2020-10-01"
    assert answer.header("headgate-provider") == "house"
    assert answer.header("headgate-deployment") == "gpt"
    assert answer.header("headgate-attempts") == "1"
    assert int(answer.header("headgate-overhead-us") or -1) >= 0
    ours, theirs = answer.header("headgate-request-id"), answer.header("x-request-id")
    assert ours
    assert theirs
    assert ours != theirs, "x-request-id is the provider's"


def form(*parts: tuple[str, str, bytes], boundary: str = "xyz") -> tuple[bytes, dict[str, str]]:
    """A multipart body: (name, more of the disposition, value)."""
    body = b""
    for name, more, value in parts:
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
        )
    return body + f"--{boundary}--\r\n".encode(), {"content-type": f"multipart/form-data; boundary={boundary}"}


@pytest.mark.parametrize("position", [0, 1, 2])
def test_the_model_of_a_form_is_spliced_wherever_it_stands(gateway: Gateway, position: int) -> None:
    def parts(model: bytes) -> list[tuple[str, str, bytes]]:
        sound = bytes(range(256)) * 40 + b"\r\n--xy\r\nmodel"
        others = [("file", '; filename="a\\"b.wav"', sound), ("language", "", b"en")]
        return [*others[:position], ("model", "", model), *others[position:]]

    sent, headers = form(*parts(b"chat"))
    arrives, _ = form(*parts(b"gpt-sim"))
    seen = echoed(gateway, "/v1/audio/transcriptions", sent, headers)
    assert base64.b64decode(seen["body_base64"]) == arrives
    assert dict(names_and_values(seen))["content-type"] == headers["content-type"]


def test_a_call_without_a_model_goes_on_as_it_came(gateway: Gateway) -> None:
    body, headers = form(("purpose", "", b"batch"), ("file", '; filename="x.jsonl"', b'{"model":"chat"}\n' * 1000))
    seen = echoed(gateway, "/v1/files?x=1", body, headers)
    assert base64.b64decode(seen["body_base64"]) == body
    assert seen["target"] == "/v1/files?x=1"
    assert dict(names_and_values(seen))["authorization"] == f"Bearer {PROVIDER_KEY}"


def test_a_compressed_answer_is_passed_on_whole(gateway: Gateway) -> None:
    headers = {**BEARER, "x-sim-fault": "gzip"}
    answer = gateway.ask(
        "POST", "/v1/chat/completions", {"model": "chat", "messages": [{"role": "user", "content": "x"}]}, headers
    )
    assert answer.status == 200
    assert answer.header("content-encoding") == "gzip"
    assert answer.body[:2] == b"\x1f\x8b"
