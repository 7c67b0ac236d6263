"""Each oracle refuses what it must, and takes what is right: records made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos import events, oracles, recorded
from tests.chaos.recorded import Exchange
from tests.chaos.seen import Seen
from tests.chaos.tap import Leg, Note, Tap
from tests.harness.wire import Answer

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
TEXT = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
OURS = b'data: {"error":{"code":"stream_cut","message":"not whole"}}\n\n'
END = b"data: [DONE]\n\n"
SAID = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n'
COMPLETED = b'event: response.completed\ndata: {"type":"response.completed","response":{"error":null}}\n\n'
FAILED = b'event: response.failed\ndata: {"type":"response.failed","response":{"error":{"code":"x"}}}\n\n'
FLAT = b'event: error\ndata: {"type":"error","code":"x","message":"y"}\n\n'


def chunked(body: bytes, *, ended: bool = True) -> bytes:
    """A body in one chunk."""
    return b"%x\r\n%b\r\n" % (len(body), body) + (b"0\r\n\r\n" if ended else b"")


def exchange(body: bytes, at: float = 1.0) -> Exchange:
    """A provider's answer."""
    return Exchange(at, b"POST / HTTP/1.1\r\n\r\n", HEAD + chunked(body), at, at, None)


def seen(body: bytes, *sources: bytes, whole: bool = True) -> Seen:
    """A stream that a caller got, and what providers sent."""
    lines = [
        ("content-type", "text/event-stream"),
        ("headgate-provider", "p"),
        ("headgate-attempts", str(len(sources))),
    ]
    answer = Answer(200, lines, body, whole)
    return Seen(answer, 0.1, 1.0, [exchange(source, at) for at, source in enumerate(sources)], [])


def refused(times: int) -> Seen:
    """A stream of one attempt, before which the provider refused it so many times."""
    once = seen(TEXT + END, TEXT + END)
    return replace(once, primary=[*[replace(exchange(b"", -1.0), is_refused=True)] * times, *once.primary])


RIGHT = {
    "a stream that was refused once, at no cost": refused(1),
    "a whole stream": seen(TEXT + END, TEXT + END),
    "a cut stream that says so": seen(TEXT + OURS, TEXT + TEXT, whole=False),
    "a whole response": seen(SAID + COMPLETED, SAID + COMPLETED),
    "a response that the provider failed": seen(SAID + FAILED, SAID + FAILED),
    "a response with a flat error": seen(SAID + FLAT, SAID + FLAT),
    "a cut response that says so": seen(SAID + OURS, SAID + SAID, whole=False),
    "a second answer without a trace of the first": seen(TEXT + END, TEXT.replace(b"a", b"b"), TEXT + END),
}
WRONG = {
    "a stream without an end": ("O1", seen(TEXT, TEXT, whole=False)),
    "a response without an end": ("O1", seen(SAID, SAID, whole=False)),
    "a response that ends well behind its failure": ("O1", seen(SAID + FAILED + COMPLETED, SAID + FAILED)),
    "a response whose failure became a good end": ("O1", seen(SAID + COMPLETED, SAID + FAILED)),
    "two ends": ("O1", seen(TEXT + END + END, TEXT + END + END)),
    "an error behind a good end": ("O1", seen(TEXT + END + OURS, TEXT + END)),
    "a good end that is broken off": ("O1", seen(TEXT + END, TEXT + END, whole=False)),
    "a good end that nobody sent": ("O1", seen(TEXT + END, TEXT)),
    "content behind the error": ("O1", seen(TEXT + OURS + TEXT, TEXT + TEXT)),
    "pieces of two answers": ("O2", seen(TEXT.replace(b"a", b"b") + TEXT + END, TEXT.replace(b"a", b"b"), TEXT + END)),
    "bytes that nobody sent": ("O2", seen(TEXT.replace(b"a", b"z") + END, TEXT + END)),
    "the end of an answer alone": ("O2", seen(END, TEXT + END)),
    "four attempts at one place": ("O3", seen(TEXT + END, *[TEXT + END] * 4)),
    "an attempt that nobody is told of": (
        "O3",
        replace(seen(TEXT + END, TEXT + END), spare=[exchange(TEXT + END, 2.0)]),
    ),
    "a stream that was refused again and again at no cost": ("O3", refused(3)),
    "an end long after the deadline": ("O3", replace(seen(TEXT + END, TEXT + END), took_s=2.5)),
    "an attempt behind the answer": ("commit", seen(TEXT + END, TEXT + END, TEXT)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_taken(case: str) -> None:
    oracles.check(RIGHT[case])


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_by_its_oracle(case: str) -> None:
    name, wrong = WRONG[case]
    with pytest.raises(AssertionError):
        oracles.ORACLES[name](wrong)
    others = [other for other in oracles.ORACLES if other != name]
    assert others


def test_a_row_may_except_an_oracle() -> None:
    oracles.check(seen(TEXT + END + END, TEXT + END + END), frozenset({"O1"}))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_read_whatever_their_lines_end_in(end: bytes) -> None:
    stream = (b"\xef\xbb\xbf: ping\n\n" + TEXT + b'data: {"a":\ndata:1}\n\n' + END).replace(b"\n", end)
    assert events.data(stream) == ['{"choices":[{"delta":{"content":"a"}}]}', '{"a":\n1}', "[DONE]"]
    assert events.terminals(stream) == [(2, "done")]
    assert events.data(stream[: -len(end)])[-1] != "[DONE]", "an event ends with its blank line"


def test_the_last_event_can_be_taken_off() -> None:
    assert events.without_last(TEXT + OURS) == TEXT
    assert events.without_last(OURS) == b""
    assert events.error_code(TEXT + OURS) == "stream_cut"
    assert events.error_code(TEXT) is None


def test_an_error_is_told_by_any_of_its_forms_and_not_by_its_name_alone() -> None:
    assert [events.tells_error(body) for body in (SAID + FAILED, FLAT, OURS, b'{"error":{"code":"x"}}')] == [True] * 4
    assert [events.tells_error(body) for body in (SAID + COMPLETED, TEXT + END, b'{"error":null}', b"")] == [False] * 4
    assert (events.has_content(SAID), events.has_content(SAID.replace(b'"a"', b'""'))) == (True, False)


def test_requests_on_one_connection_are_told_apart() -> None:
    head = b"POST /v1/x HTTP/1.1\r\ncontent-length: 2\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n"
    notes = [
        Note(1.0, "gateway", head),
        Note(1.1, "gateway", b"{}"),
        Note(1.2, "provider", b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer),
        Note(1.3, "provider", b"a"),
        Note(2.0, "gateway", head + b"{}"),
        Note(2.5, "gateway", b"", "reset"),
    ]
    first, second = recorded.exchanges(Tap(0, "", [Leg(notes)]))
    assert (first.asked, first.status, first.body, first.given_up_at) == ({}, 200, b"a", None)
    assert (second.at, second.status, second.body, second.given_up_at) == (2.0, None, b"", 2.5)
    assert [one.at for one in recorded.exchanges(Tap(0, "", [Leg(notes)]), since=1.5)] == [2.0]


def test_chunks_are_read_as_far_as_they_came() -> None:
    whole = HEAD + chunked(b"hello") + b"behind"
    bodies = [recorded.body_of(whole[:end]) for end in range(len(HEAD), len(whole) + 1)]
    assert bodies[-1] == b"hello"
    assert all(b"hello".startswith(body) for body in bodies)
