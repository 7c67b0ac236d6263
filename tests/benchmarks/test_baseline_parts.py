"""The parts of the baseline that need no process: tables like the gateway's, splices and streams that are exact."""

from __future__ import annotations

import json
import re
import socket

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from benchmarks.baseline import faults, paths
from benchmarks.baseline.events import Events
from benchmarks.baseline.faults import Fault
from benchmarks.baseline.form import scan_form
from benchmarks.baseline.guard import refusal, refused_host
from benchmarks.baseline.headers import coming_back, going_on
from benchmarks.baseline.scan import scan_json
from benchmarks.baseline.sockets import admit_none
from tests.harness.gateway import ROOT

TABLE = (ROOT / "rust/protocol/src/openai/paths/table.rs").read_text(encoding="utf-8")
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"a\\n[DONE]"}}]}\n\n'
CHAT = (
    b": hello\n\n"
    b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n' + 3 * CHUNK + b"data: [DONE]\n\n"
)
RESPONSES = (
    b'event: response.created\ndata: {"type":"response.created","response":{"error":null}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed"}\n\n'
)
STREAMS = pytest.mark.parametrize(("kind", "stream"), [("chat", CHAT), ("responses", RESPONSES)])


def test_every_fault_is_as_the_page_of_faults_has_it() -> None:
    page = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| .*? \| (\w+) \| (\w+) \| (yes)? ?\|$", page, re.MULTILINE)
    there = {code: (int(status), blame, again, bool(closes)) for code, status, blame, again, closes in rows}
    assert there == {code: tuple(row) for code, row in faults.ROWS.items()}


def test_every_path_of_the_gateways_table_is_here_and_no_other() -> None:
    plain = {path for block in re.findall(r"plain!\[.*?\]", TABLE, re.DOTALL) for path in _plain(block)}
    row = r"Endpoint::(?:plain\(\s*\"\w+\",\s*Method::(\w+)|call\(\s*\"\w+\"),\s*\"([^\"]+)\""
    built = {(method.upper() or "POST", path) for method, path in re.findall(row, TABLE)}
    assert plain | built == {(row.method, row.path) for row in (*paths.ROWS, paths.MODEL)}


def _plain(block: str) -> list[tuple[str, str]]:
    return [(method.upper(), path) for method, path in re.findall(r"(Get|Post|Delete) \"([^\"]+)\"", block)]


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("POST", "/v1/chat/completions", "chat_completions"),
        ("HEAD", "/v1/models", "models"),
        ("GET", "/v1/models/meta/llama%2Dx", "models"),
        ("GET", "/v1/responses/resp_1", "responses_stored"),
    ],
)
def test_a_path_is_found(method: str, path: str, name: str) -> None:
    assert paths.find(method, path).name == name


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/embeddings", "method_not_allowed"),
        ("POST", "/v1/v1/embeddings", "unknown_path"),
        ("GET", "/v1/files/..", "unknown_path"),
        ("GET", "/v1/files/a%2Fb", "unknown_path"),
        ("GET", "/v1/files//content", "unknown_path"),
        ("GET", "/v1/organization/usage", "unknown_path"),
    ],
)
def test_a_path_that_is_none_is_refused(method: str, path: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        paths.find(method, path)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"chat","messages":[]}',
        '{"messages":[{"model":"chat","content":"{\\"model\\":\\"chat\\"}"}], "model" : "chat" , "n":1.50}',
        '{"größe":"ß\\u00e9\U0001f680","model":"chat","z":1e2}',
        ' \n{"mod\\u0065l":"ch\\u0061t"}\t',
    ],
)
def test_the_model_is_replaced_where_it_stands_and_nothing_else_changes(body: str) -> None:
    named = scan_json(body.encode())
    assert named.model == "chat"
    value = body.encode()[named.start : named.end]
    assert json.loads(value) == "chat"
    spliced = named.with_model("gpt-ü")
    assert spliced == body.encode()[: named.start] + '"gpt-ü"'.encode() + body.encode()[named.end :]
    assert json.loads(spliced) == {**json.loads(body), "model": "gpt-ü"}
    assert named.with_model("chat") == body.encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'{"model":"chat"', "invalid_json"),
        (b'{"model":"chat",}', "invalid_json"),
        (b'{"model":"chat"} x', "invalid_json"),
        (b"{} x", "invalid_json"),
        (b'{"model":"chat","n":NaN}', "invalid_json"),
        (b'{"model":"chat","model":"other"}', "duplicate_key"),
        (b'{"model":1}', "model_invalid"),
        (b'{"model":""}', "model_invalid"),
        (b'{"model":"chat","stream":"yes"}', "model_invalid"),
        (b'{"model":"\xff"}', "invalid_utf8"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "body_too_deep"),
    ],
)
def test_a_body_that_cannot_be_routed_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(Fault) as caught:
        scan_json(body)
    assert caught.value.code == code


def test_the_model_of_a_form_is_replaced_where_it_stands() -> None:
    before = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nx--b\r\n'
    head = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
    named = scan_form(before + head + b"audio\r\n--b--\r\n", "multipart/form-data; boundary=b")
    assert named.model == "audio"
    assert named.with_model("whisper-1") == before + head + b"whisper-1\r\n--b--\r\n"


@pytest.mark.parametrize("body", [b"", b"--b\r\n", b"--b\r\n\r\nx\r\n--b--", b"--bx\r\n"])
def test_a_form_that_does_not_hold_together_is_refused(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        scan_form(body, "multipart/form-data; boundary=b")
    assert caught.value.code == "invalid_multipart"


@STREAMS
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_stream_in_any_two_pieces_is_the_same_and_over_at_its_end_only(kind: str, stream: bytes, ends: bytes) -> None:
    stream = stream.replace(b"\n", ends)
    for at in range(len(stream)):
        events = Events(kind)
        first, _ = events.push(stream[:at])
        early = events.over
        assert not early, at
        assert not first or first.endswith(2 * ends)
        rest, _ = events.push(stream[at:])
        assert first + rest == stream
        assert (events.over, events.content, events.end()) == (True, True, b"")


@STREAMS
def test_a_stream_that_ends_early_is_not_whole(kind: str, stream: bytes) -> None:
    for at in range(len(stream) - len(b": [DONE]\n\n")):
        events = Events(kind)
        events.push(stream[:at])
        assert events.end() is None, at


def test_an_error_ends_a_stream_and_an_error_in_its_text_does_not() -> None:
    text = CHUNK + b'data: {"choices":[{"delta":{"content":"\\"error\\""}}]}\n\n'
    failed = text + b'data: {"error":{"message":"overloaded"}}\n\n'
    for stream, over in [(text, False), (failed, True)]:
        events = Events("chat")
        events.push(stream)
        assert events.over is over


def test_what_identifies_a_caller_stays_and_the_rest_passes() -> None:
    lines = CIMultiDict(
        {
            "Authorization": "Bearer x",
            "Cookie": "a",
            "X-Forwarded-For": "10.0.0.1",
            "Connection": "close, X-Private",
            "X-Private": "p",
            "X-Team": "caller",
            "OpenAI-Beta": "on",
        }
    )
    assert going_on(CIMultiDictProxy(lines), frozenset({"x-team"})) == [("OpenAI-Beta", "on")]
    back = CIMultiDict({"Set-Cookie": "a", "Server": "x", "x-ratelimit-limit-requests": "1", "CF-Ray": "y"})
    assert coming_back(CIMultiDictProxy(back)) == [("x-ratelimit-limit-requests", "1")]


def test_addresses_that_hand_out_identities_are_refused_and_private_ones_unless_they_are_named() -> None:
    assert refusal("169.254.169.254", named=True)
    assert refusal("::ffff:169.254.169.254", named=True)
    assert refused_host("metadata.google.internal", named=True)
    assert refusal("10.0.0.1", named=False)
    assert refusal("10.0.0.1", named=True) is None
    assert refusal("1.1.1.1", named=False) is None
    assert refused_host("api.example", named=False) is None


def test_a_closing_listener_keeps_who_is_in_and_lets_nobody_else_in() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as inside:
        admit_none(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname(), timeout=0.1)
        accepted, address = listener.accept()
        accepted.close()
        assert address == inside.getsockname()
