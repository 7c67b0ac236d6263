"""Paths, methods, and what a web page may do."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import BEARER
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v2/chat/completions",
        "/v1/chat/completions/",
        "/v1//chat/completions",
        "/v1/../v1/chat/completions",
        "/v1/chat%2fcompletions",
        "/V1/chat/completions",
        "/chat/completions",
        "/metrics",
    ],
)
def test_an_unknown_path_is_404_that_says_why(gateway: Gateway, bill: Provider, path: str) -> None:
    answer = gateway.ask("POST", path, chat(), BEARER)
    assert (answer.status, answer.code) == (404, "unknown_path")
    assert len(answer.json()["error"]["message"]) > 20
    assert bill.bill()["totals"]["calls"] == 0


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/chat/completions", "POST"),
        ("GET", "/v1/embeddings", "POST"),
        ("POST", "/v1/models", "GET"),
        ("PATCH", "/v1/responses", "POST"),
    ],
)
def test_a_wrong_method_is_405_with_the_right_ones(gateway: Gateway, method: str, path: str, allow: str) -> None:
    answer = gateway.ask(method, path, b"{}", BEARER)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert allow in (answer.header("allow") or "")


def test_options_is_204_with_the_methods(gateway: Gateway) -> None:
    answer = gateway.ask("OPTIONS", "/v1/chat/completions")
    assert (answer.status, answer.body) == (204, b"")
    assert "POST" in (answer.header("allow") or "")
    assert answer.header("content-length") is None
    assert "access-control-allow-origin" not in dict(answer.lines)


def test_head_is_get_without_the_body(gateway: Gateway) -> None:
    whole = gateway.ask("GET", "/v1/models", None, BEARER)
    with Connection(gateway.data) as connection:
        answer = connection.ask("HEAD", "/v1/models", None, BEARER)
        assert (answer.status, answer.header("content-length")) == (200, str(len(whole.body)))
        assert connection.ask("GET", "/v1/models", None, BEARER).body == whole.body, (
            "nothing was left on the connection"
        )


def test_head_goes_through_to_a_provider_without_waiting_for_a_body(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        assert connection.ask("HEAD", "/v1/files", None, BEARER).status == 200
        assert connection.ask("GET", "/v1/files", None, BEARER).status == 200


def test_a_listed_origin_may_call_and_read_the_answer(gateway: Gateway) -> None:
    page = {**BEARER, "origin": "https://app.example"}
    answer = gateway.ask("POST", "/v1/chat/completions", chat(), page)
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, "https://app.example")
    preflight = gateway.ask(
        "OPTIONS",
        "/v1/chat/completions",
        None,
        {
            "origin": "https://app.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-stainless-os",
        },
    )
    assert preflight.status == 204
    assert preflight.header("access-control-allow-origin") == "https://app.example"
    assert preflight.header("access-control-allow-headers") == "authorization,x-stainless-os"
    refusal = gateway.ask("POST", "/v1/chat/completions", chat("nope"), page)
    assert refusal.header("access-control-allow-origin") == "https://app.example"


def test_with_keys_another_origin_gets_no_leave_to_read(gateway: Gateway) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", chat(), {**BEARER, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in dict(answer.lines)


@pytest.fixture(scope="module")
def keyless(launch_for_file: Launch, provider: Provider) -> Gateway:
    """Without keys: only programs of this machine may call."""
    return launch_for_file(small(provider.url, http={"origins": ["https://app.example"]}))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:1", "LOCALHOST:80"])
def test_without_keys_this_machine_may_call(keyless: Gateway, host: str) -> None:
    assert keyless.ask("POST", "/v1/chat/completions", chat(), {"host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1:8080", "localhost.evil.example"])
def test_without_keys_a_foreign_host_is_403(keyless: Gateway, bill: Provider, host: str) -> None:
    answer = keyless.ask("POST", "/v1/chat/completions", chat(), {"host": host})
    assert (answer.status, answer.code) == (403, "host_forbidden")
    assert bill.bill()["totals"]["calls"] == 0


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "https://app.example.evil.example"]
)
def test_without_keys_a_foreign_page_is_403(keyless: Gateway, bill: Provider, origin: str) -> None:
    answer = keyless.ask("POST", "/v1/chat/completions", chat(), {"origin": origin})
    assert (answer.status, answer.code) == (403, "origin_forbidden")
    assert "access-control-allow-origin" not in dict(answer.lines)
    assert bill.bill()["totals"]["calls"] == 0


def test_without_keys_a_listed_page_may_call(keyless: Gateway) -> None:
    answer = keyless.ask("POST", "/v1/chat/completions", chat(), {"origin": "https://app.example"})
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, "https://app.example")


def test_without_keys_nor_passthrough_calls_that_name_no_model_are_404(keyless: Gateway) -> None:
    answer = keyless.ask("GET", "/v1/files")
    assert (answer.status, answer.code) == (404, "unknown_path")
    assert "passthrough" in answer.json()["error"]["message"]
