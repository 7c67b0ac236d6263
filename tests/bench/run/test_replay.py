"""Files of calls for `--replay`: what is kept of them, and what is said of bad ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.bench.run import replay
from headgate.bench.run.replay import Need
from headgate.errors import UsageError

BODY = {"model": "chat", "messages": [{"role": "user", "content": "Grüße, 你好"}], "temperature": 1.0}


def write(folder: Path, *lines: object) -> str:
    """Each line as JSON, or as it is when it is text."""
    path = folder / "calls.jsonl"
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return str(path)


def refused(file: str, need: Need | None = None) -> str:
    """What is said of the file, without its folder."""
    with pytest.raises(UsageError) as caught:
        replay.read(file, need or Need())
    return str(caught.value).replace(str(Path(file).parent) + "/", "")


def test_a_body_is_sent_with_every_letter_and_in_its_order(tmp_path: Path) -> None:
    (call,) = replay.read(write(tmp_path, {"body": BODY}), Need()).calls
    assert json.loads(call.body) == BODY
    assert "Grüße, 你好" in call.body
    assert list(json.loads(call.body)) == list(BODY)


def test_a_body_given_as_text_is_sent_byte_for_byte(tmp_path: Path) -> None:
    (call,) = replay.read(write(tmp_path, {"body": '{ "a" : 1.50 }'}), Need()).calls
    assert call.body == '{ "a" : 1.50 }'


def test_a_line_may_say_where_and_with_which_headers(tmp_path: Path) -> None:
    lines = [
        {"body": BODY},
        {"body": BODY, "path": "embeddings", "headers": {"x-team": "a"}},
        {"body": BODY, "path": "/v1/responses"},
    ]
    calls = replay.read(write(tmp_path, *lines), Need(path="/completions")).calls
    assert [call.path for call in calls] == ["/completions", "/embeddings", "/responses"]
    assert [call.headers for call in calls] == [[], [("x-team", "a")], []]


def test_empty_lines_are_passed_over(tmp_path: Path) -> None:
    assert len(replay.read(write(tmp_path, "", {"body": BODY}, "  ", {"body": BODY}), Need()).calls) == 2


def test_a_trace_is_put_into_the_order_of_its_times(tmp_path: Path) -> None:
    file = write(tmp_path, *({"body": {"n": at}, "at_ms": at} for at in (30, 0, 10.5)))
    found = replay.read(file, Need(traced=True))
    assert [call.at_ms for call in found.calls] == [0, 10.5, 30]
    assert (found.timed, found.last_ms) == (True, 30)


def test_no_more_of_a_trace_is_kept_than_fits_before_the_end(tmp_path: Path) -> None:
    file = write(tmp_path, *({"body": {}, "at_ms": at} for at in range(0, 100, 10)))
    assert len(replay.read(file, Need(traced=True, before_ms=30)).calls) == 3
    assert "before the end" in refused(write(tmp_path, {"body": {}, "at_ms": 50}), Need(traced=True, before_ms=30))


def test_times_are_passed_over_when_another_schedule_is_asked_for(tmp_path: Path) -> None:
    found = replay.read(write(tmp_path, {"body": {}, "at_ms": 50}, {"body": {}}), Need())
    assert [call.at_ms for call in found.calls] == [None, None]


def test_reading_stops_when_there_are_enough_calls(tmp_path: Path) -> None:
    file = write(tmp_path, {"body": {}}, {"body": {}}, "this line is never read")
    assert len(replay.read(file, Need(calls=2)).calls) == 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "calls.jsonl:2: is no JSON"),
        ("[]", "calls.jsonl:2: is no object"),
        ('{"at_ms": 1}', "calls.jsonl:2: has no `body`"),
        ('{"body": 5}', "calls.jsonl:2: `body` is neither an object nor a text"),
        ('{"body": {}, "model": "x"}', "calls.jsonl:2: `model` is not known; known are at_ms, path, body, headers"),
        ('{"body": {"n": NaN}}', "calls.jsonl:2: is no JSON: NaN"),
        ('{"body": {}, "path": 5}', "calls.jsonl:2: `path`"),
        ('{"body": {}, "path": "a b"}', "calls.jsonl:2: `path`"),
        ('{"body": {}, "path": "a\\r\\nx: y"}', "calls.jsonl:2: `path`"),
        ('{"body": {}, "headers": ["x"]}', "calls.jsonl:2: `headers`"),
        ('{"body": {}, "headers": {"x": 1}}', "calls.jsonl:2: `headers`"),
        ('{"body": {}, "headers": {"x": "a\\r\\ny: b"}}', "calls.jsonl:2: header `x`"),
        ('{"body": {}, "headers": {"content-length": "5"}}', "calls.jsonl:2: header `content-length`"),
        ('{"body": {}, "at_ms": "5"}', "calls.jsonl:2: `at_ms`"),
        ('{"body": {}, "at_ms": -1}', "calls.jsonl:2: `at_ms`"),
        ('{"body": {}, "at_ms": true}', "calls.jsonl:2: `at_ms`"),
        ('{"body": {}, "at_ms": 1e999}', "calls.jsonl:2: `at_ms`"),
        ("[" * 100_000, "calls.jsonl:2: is no JSON"),
        (r'{"body": {"text": "\ud800"}}', "calls.jsonl:2: `body` holds half of a character"),
        ('{"body": {"n": 1e999}}', "calls.jsonl:2: `body` holds a number that is too large"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    assert refused(write(tmp_path, {"body": {}}, line)).startswith(says)


def test_a_trace_whose_lines_have_times_only_sometimes_is_refused(tmp_path: Path) -> None:
    both = write(tmp_path, {"body": {}, "at_ms": 1}, {"body": {}})
    assert refused(both, Need(traced=True)) == "calls.jsonl:2: has no `at_ms`, and lines before it have"
    other = write(tmp_path, {"body": {}}, {"body": {}, "at_ms": 1})
    assert refused(other, Need(traced=True)) == "calls.jsonl:2: has `at_ms`, and lines before it have none"


def test_bytes_that_are_no_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"body": {}}\n{"body": "\xff"}\n')
    assert refused(str(path)).startswith("calls.jsonl:2: is no JSON")


def test_an_empty_file_a_folder_and_none_are_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "")) == "calls.jsonl: holds no call"
    assert "cannot be read" in refused(str(tmp_path))
    assert "cannot be read" in refused(str(tmp_path / "none.jsonl"))


def test_no_more_is_kept_than_memory_is_meant_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MOST_CALLS", 2)
    assert refused(write(tmp_path, *[{"body": {}}] * 3)).startswith("calls.jsonl:3: more than 2 calls")
    monkeypatch.setattr(replay, "MOST_LINE", 20)
    assert "longer than 20B" in refused(write(tmp_path, {"body": {"text": "more than twenty bytes"}}))
