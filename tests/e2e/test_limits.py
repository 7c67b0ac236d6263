"""Limits of a request: sizes, gaps, expectations."""

from __future__ import annotations

import json

from tests.e2e.conftest import BEARER
from tests.harness.gateway import Gateway
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat, request

MIB = 1 << 20


def head(path: str, **lines: str) -> bytes:
    """The head of a POST with exactly these further lines; `_` in a name stands for `-`."""
    every = {"host": "localhost", "content-type": "application/json", **BEARER}
    every |= {name.replace("_", "-"): value for name, value in lines.items()}
    return (f"POST {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in every.items()) + "\r\n").encode()


def test_a_body_that_says_it_is_too_large_is_413_before_it_is_read(gateway: Gateway, bill: Provider) -> None:
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/chat/completions", content_length=str(MIB + 1)))
        answer = connection.answer()
        assert (answer.status, answer.code) == (413, "body_too_large")
        assert "http.max_body" in answer.json()["error"]["message"]
        assert answer.header("connection") == "close"
    assert bill.bill()["totals"]["calls"] == 0


def test_a_chunked_body_that_grows_too_large_is_413(gateway: Gateway, bill: Provider) -> None:
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/chat/completions", transfer_encoding="chunked"))
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(17):
            connection.send(piece)
        answer = connection.answer()
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert bill.bill()["totals"]["calls"] == 0


def test_a_body_of_exactly_the_limit_is_taken(gateway: Gateway) -> None:
    body = json.dumps(chat(), indent=None).encode()
    body += b" " * (MIB - len(body))
    assert gateway.ask("POST", "/v1/chat/completions", body, BEARER).status == 200
    assert gateway.ask("POST", "/v1/chat/completions", body + b" ", BEARER).status == 413


def test_uploads_have_a_limit_of_their_own(gateway: Gateway) -> None:
    def upload(size: int) -> int:
        text = b"x" * size
        body = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\n'
        body += b'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\n' + text + b"\r\n--b--\r\n"
        return gateway.ask(
            "POST", "/v1/files", body, {**BEARER, "content-type": "multipart/form-data; boundary=b"}
        ).status

    assert upload(2 * MIB) == 200
    assert upload(4 * MIB) == 413


def test_a_head_or_target_that_is_too_long_is_refused(gateway: Gateway) -> None:
    long_line = gateway.ask("GET", "/v1/models", None, {**BEARER, "x-long": "x" * 20_000})
    assert (long_line.status, long_line.code) == (431, "head_too_large")
    long_target = gateway.ask("GET", "/v1/models?" + "x" * 9_000, None, BEARER)
    assert (long_target.status, long_target.code) == (414, "target_too_long")


def test_a_head_that_stops_arriving_is_408(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
        answer = connection.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert connection.ends()


def test_a_body_that_stops_arriving_is_408(gateway: Gateway, bill: Provider) -> None:
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/chat/completions", content_length="100") + b'{"model":"chat"')
        answer = connection.answer()
        assert (answer.status, answer.code) == (408, "request_timeout")
        assert connection.ends()
    assert bill.bill()["totals"]["calls"] == 0


def test_a_caller_that_expects_continue_is_told_to_go_on(gateway: Gateway) -> None:
    body = json.dumps(chat()).encode()
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/chat/completions", content_length=str(len(body)), expect="100-continue"))
        assert connection.head() == (100, [])
        connection.send(body)
        assert connection.answer().status == 200
        connection.send(request("POST", "/v1/chat/completions", body, {**BEARER, "expect": "100-continue"}))
        assert connection.answer().status == 200, "a body that came at once is taken as well"


def test_a_refused_caller_that_expects_continue_is_not_told_to_go_on(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/chat/completions", content_length=str(2 * MIB), expect="100-continue"))
        assert connection.head()[0] == 413
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/nothing", content_length="10", expect="100-continue"))
        assert connection.head()[0] == 404


def test_another_expectation_is_417(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        connection.send(head("/v1/chat/completions", content_length="2", expect="a-miracle") + b"{}")
        assert connection.answer().status == 417


def test_a_compressed_request_is_415(gateway: Gateway, bill: Provider) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", chat(), {**BEARER, "content-encoding": "gzip"})
    assert (answer.status, answer.code) == (415, "encoding_unsupported")
    assert bill.bill()["totals"]["calls"] == 0


def test_http_1_0_gets_an_answer_and_a_closed_connection(gateway: Gateway) -> None:
    with Connection(gateway.data) as connection:
        connection.send(
            b"GET /v1/models HTTP/1.0\r\nhost: x\r\nauthorization: " + BEARER["authorization"].encode() + b"\r\n\r\n"
        )
        assert connection.answer().status == 200
        assert connection.ends()
