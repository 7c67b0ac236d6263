"""How the agents read answers, and what their shapes ask for: what needs no locust."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

import pytest

from benchmarks.locust import prompts, tools
from benchmarks.locust.stages import SHAPES, Course
from benchmarks.locust.stream import Answer, ToolCall, WrongAnswer, error_code, read_stream, read_whole


def ticks() -> Callable[[], float]:
    """A clock that goes on by a second each time it is read."""
    seconds = count(1)
    return lambda: float(next(seconds))


def event(delta: dict[str, Any] | None = None, finish: str | None = None, **fields: Any) -> bytes:  # noqa: ANN401 - JSON
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + json.dumps({"choices": choices, **fields}).encode() + b"\n\n"


ROLE = event({"role": "assistant", "content": ""})
END = event({}, "stop")
USAGE = event(usage={"prompt_tokens": 9, "completion_tokens": 3})
DONE = b"data: [DONE]\n\n"
TEXT = [ROLE, event({"content": "Good "}), event({"content": "morning"}), END, USAGE, DONE]


def read(*events: bytes) -> Answer:
    """Reads these events as lines."""
    return read_stream(b"".join(events).splitlines(keepends=True), ticks())


def test_a_stream_gives_its_text_tokens_and_times() -> None:
    answer = read(*TEXT)
    assert answer.message() == {"role": "assistant", "content": "Good morning"}
    assert (answer.output_tokens, answer.finish_reason) == (3, "stop")
    assert (answer.first_s, answer.last_s) == (1.0, 2.0), "the role alone is no content"


def test_without_usage_the_content_events_are_counted() -> None:
    assert read(*TEXT[:4], DONE).output_tokens == 2


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_comments_and_other_spellings_are_the_same_stream(ending: bytes) -> None:
    spelled = b": hello\n\nevent: x\n" + b"".join(TEXT).replace(b"data: ", b"data:")
    lines = spelled.replace(b"\n", ending).splitlines(keepends=True)
    assert read_stream(lines, ticks()).text == "Good morning"


def test_a_tool_call_in_pieces_is_put_together() -> None:
    def piece(**call: Any) -> bytes:  # noqa: ANN401 - JSON
        return event({"tool_calls": [call]})

    answer = read(
        piece(index=0, id="call_1", function={"name": "search", "arguments": ""}),
        piece(index=0, function={"arguments": '{"query": '}),
        piece(index=1, id="call_2", function={"name": "read_file", "arguments": "{}"}),
        piece(index=0, function={"arguments": '"x"}'}),
        event({}, "tool_calls"),
        DONE,
    )
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("call_1", "search", '{"query": "x"}'),
        ("call_2", "read_file", "{}"),
    ]
    assert [call["id"] for call in answer.message()["tool_calls"]] == ["call_1", "call_2"]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (TEXT[:-1], "no [DONE]"),
        ([*TEXT[:-1], b"data: [DONE]\n"], "no [DONE]"),
        ([*TEXT, DONE], "an event after [DONE]"),
        ([*TEXT[:3], DONE], "no finish_reason"),
        ([ROLE, END, DONE], "no content"),
        ([*TEXT[:3], event(error={"code": "stream_cut"})], "an error inside the answer: stream_cut"),
        ([*TEXT[:3], b'data: {"choi\n\n', DONE], "an event that is not JSON"),
        ([b'data: "text"\n\n', DONE], "an event that is not JSON"),
        ([ROLE.replace(b"assistant", b"\xff"), *TEXT[1:]], "bytes that are not UTF-8"),
        ([event({"tool_calls": [{"index": 2}]}), END, DONE], "a piece of a tool call that was never begun"),
    ],
)
def test_a_stream_that_is_wrong_is_named(events: list[bytes], why: str) -> None:
    with pytest.raises(WrongAnswer) as caught:
        read(*events)
    assert str(caught.value) == why


def test_an_answer_that_is_cut_for_length_may_be_empty() -> None:
    assert read(ROLE, event({}, "length"), DONE).text == ""


def test_a_whole_answer_gives_the_same() -> None:
    message = {"role": "assistant", "content": "Good morning"}
    body = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {"completion_tokens": 3}}
    answer = read_whole(json.dumps(body).encode())
    assert answer.message() == message
    assert (answer.output_tokens, answer.first_s) == (3, None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error": {"code": "model_not_found"}}', "model_not_found"),
        (b'{"error": {"type": "overloaded", "code": null}}', "overloaded"),
        (b'{"error": "down"}', "no error object"),
        (b"<html>", "no error object"),
        (b"", "no error object"),
    ],
)
def test_an_error_is_named_by_its_code(body: bytes, code: str) -> None:
    assert error_code(body) == code


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (ToolCall("c", "search", '{"query": "x'), "arguments of a tool that are not JSON"),
        (ToolCall("c", "search", "{}"), "arguments of a tool that lack one that is required"),
        (ToolCall("c", "reboot", "{}"), "a call of a tool that was not offered, or without an id"),
        (ToolCall("", "search", '{"query": "x"}'), "a call of a tool that was not offered, or without an id"),
    ],
)
def test_a_tool_call_that_cannot_be_run_is_wrong(call: ToolCall, why: str) -> None:
    with pytest.raises(WrongAnswer, match=why):
        tools.check(Answer(tool_calls=[call]))


def test_a_tool_answers_the_call_by_its_id() -> None:
    call = ToolCall("call_7", "search", '{"query": "x"}')
    tools.check(Answer(tool_calls=[call]))
    assert tools.run(call, Random(1))["tool_call_id"] == "call_7"


@pytest.mark.parametrize(("least", "most"), [(1, 1), (200, 20_000), (65_536, 65_536)])
def test_a_prompt_has_the_length_that_was_asked_for(least: int, most: int) -> None:
    random = Random(3)
    assert all(least <= len(prompts.text(random, least, most)) <= most for _ in range(200))


@pytest.mark.parametrize("name", SHAPES)
def test_the_parts_of_a_shape_are_the_whole_run(name: str) -> None:
    assert sum(stage.share for stage in SHAPES[name].stages) == pytest.approx(1)


def test_tenfold_begins_with_the_pilot_and_reaches_ten_times_its_users() -> None:
    course = Course(SHAPES["tenfold"], users=50, run_time_s=100)
    users = [course.at(second) for second in (0, 24, 26, 36, 46, 56, 70, 99)]
    assert users == [(n, float(n)) for n in (50, 50, 100, 200, 300, 400, 500, 50)]
    assert course.at(100.5) is None


def test_a_spawn_rate_that_is_given_is_kept() -> None:
    assert Course(SHAPES["soak"], users=50, run_time_s=100, spawn_rate=5).at(50) == (0, 5)
