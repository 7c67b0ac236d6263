"""From options to a load: defaults, contradictions, secrets, and what a reader is told."""

from __future__ import annotations

import itertools
import json
import resource
from pathlib import Path
from typing import Any

import pytest

from headgate.bench import bodies
from headgate.bench.run import options
from headgate.bench.run.job import Job, build
from headgate.bench.run.options import RunOptions
from headgate.bench.run.target import base_url, stray
from headgate.bench.spec import (
    Call,
    Closed,
    Constant,
    Conversation,
    Each,
    Poisson,
    Ramp,
    Same,
    Spec,
    Trace,
    Users,
)
from headgate.errors import UsageError

URL = "http://127.0.0.1:8080/v1"
KEY = "sk-secret-Zp4Kd7Tq"


def job(**given: Any) -> Job:  # noqa: ANN401 - see `RunOptions`
    """What the options become; the environment is empty."""
    return build(RunOptions(**{"url": URL, **given}), {})


def spec(**given: Any) -> Spec:  # noqa: ANN401 - see `RunOptions`
    return job(**given).spec


def sent(**given: Any) -> dict[str, Any]:  # noqa: ANN401 - see `RunOptions`
    """The body of the one call."""
    calls = spec(**given).calls
    assert isinstance(calls, Same)
    body: dict[str, Any] = json.loads(calls.call.body)
    return body


def refused(**given: Any) -> str:  # noqa: ANN401 - see `RunOptions`
    with pytest.raises(UsageError) as caught:
        job(**given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_url_alone_is_fifty_calls_a_second_for_ten_seconds_and_says_so() -> None:
    planned = job()
    size = len(bodies.body("chat/completions", "chat", 400, stream=False, max_tokens=None))
    assert planned.spec.arrivals == Constant(per_second=50)
    assert (planned.spec.duration_ms, planned.spec.warmup_ms) == (10_000, 1_000)
    assert sent()["model"] == "chat"
    assert planned.load == {
        "target": f"{URL}/chat/completions",
        "calls": f"model chat, bodies of {size} B, answers in one piece",
        "schedule": "50/s, evenly spaced, which is the default",
        "length": "10s after 1s of warm-up",
        "limits": "at most 1,024 connections, 1m for a call, 1 thread, seed 1",
        "key": "none",
    }


@pytest.mark.parametrize(
    ("given", "arrivals"),
    [
        ({"rate": 2000.0}, Constant(per_second=2000)),
        ({"rate": 0.5, "poisson": True}, Poisson(per_second=0.5)),
        ({"poisson": True}, Poisson(per_second=50)),
        ({"closed": True}, Closed(connections=50)),
        ({"closed": True, "connections": 8}, Closed(connections=8)),
        ({"connections": 8}, Closed(connections=8)),
        ({"connections": 8, "rate": 20.0}, Constant(per_second=20)),
        ({"connections": 8, "poisson": True}, Poisson(per_second=50)),
        ({"connections": 8, "users": 5}, Users(users=5, think_ms=2000)),
        ({"ramp": "100..5000"}, Ramp(from_per_second=100, to_per_second=5000)),
        ({"ramp": "0..0.5"}, Ramp(from_per_second=0, to_per_second=0.5)),
        ({"users": 500}, Users(users=500, think_ms=2000)),
        ({"users": 5, "think": "0s"}, Users(users=5, think_ms=0)),
    ],
)
def test_a_schedule_is_what_was_asked_for(given: dict[str, Any], arrivals: object) -> None:
    planned = job(**given)
    assert planned.spec.arrivals == arrivals
    assert "default" not in planned.load["schedule"] or "rate" not in given


def test_no_more_connections_are_usual_than_this_process_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for hard, connections in ((256, 192), (1024, 960), (64, 1), (1 << 20, 1024), (resource.RLIM_INFINITY, 1024)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, hard=hard: (64, hard))
        assert spec().max_connections == connections
        assert spec(connections=5000).max_connections == 5000, (
            "what was asked for is refused by the engine, not lowered"
        )


def test_callers_whom_nobody_counted_are_no_more_than_this_process_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (84, 84))
    assert spec(closed=True).arrivals == Closed(connections=20)
    assert spec(connections=90).arrivals == Closed(connections=90)


def test_the_last_step_of_the_series_ends_with_the_load() -> None:
    for length_ms in (400, 5_000, 10_000, 30_000, 45_000, 3_600_000):
        step = spec(for_=f"{length_ms}ms").series_ms
        assert length_ms % step == 0, length_ms
        assert length_ms / step <= 61
    assert spec(for_="10007ms").series_ms == 166, "a length that cannot be divided so keeps its sixty steps"


def test_words_that_belong_to_no_option_are_named_with_the_option_they_want() -> None:
    with pytest.raises(UsageError, match=r"http://h/v1.* stands alone: the base URL is given as --url"):
        stray(["http://h/v1", "x"])
    with pytest.raises(UsageError) as caught:
        stray(["http://me:hunter2@h/v1"])
    assert "hunter2" not in str(caught.value)
    stray([])


def test_one_is_not_spoken_of_as_many() -> None:
    load = job(users=1, turns=1, connections=1, max_tokens=1).load
    assert load["schedule"] == "1 user, who thinks for 2s on average"
    assert "conversations of 1 turn," in load["calls"]
    assert "at most 1 token," in load["calls"]
    assert job(connections=1).load["schedule"] == "1 caller, who calls again when it has its answer"
    assert "at most 1 connection," in job(connections=1, rate=1.0).load["limits"]


def test_users_hold_conversations() -> None:
    calls = spec(users=5, turns=3, prompt_bytes="1KiB", stream=True, max_tokens=9, model="gpt").calls
    assert calls == Conversation(model="gpt", prompt_bytes=1024, turns=3, stream=True, max_tokens=9)


def test_a_prompt_is_as_long_as_asked() -> None:
    assert [len(sent(prompt_bytes=size)["messages"][0]["content"]) for size in ("1", "77", "20KiB")] == [1, 77, 20480]


def test_each_path_has_its_own_body() -> None:
    assert sent(path="responses", stream=True, max_tokens=5) == {
        "model": "chat",
        "input": bodies.prompt(400),
        "max_output_tokens": 5,
        "stream": True,
    }
    assert sent(path="embeddings") == {"model": "embed", "input": bodies.prompt(400)}
    assert sent(path="/completions", model="m") == {"model": "m", "prompt": bodies.prompt(400)}
    assert sent(stream=True)["stream_options"] == {"include_usage": True}


def test_a_body_of_a_file_goes_to_any_path_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text('{ "x": 1.0 }\n')
    calls = spec(body=str(tmp_path / "body.json"), path="rerank?v=2").calls
    assert calls == Same(call=Call(path="/rerank?v=2", body='{ "x": 1.0 }\n'))


def trace(folder: Path, *times: float | None) -> str:
    path = folder / "calls.jsonl"
    lines: list[dict[str, Any]] = [{"body": {}} if at is None else {"body": {}, "at_ms": at} for at in times]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_a_file_with_times_is_replayed_at_them_until_its_end(tmp_path: Path) -> None:
    found = spec(replay=trace(tmp_path, 0, 500, 2000), speed=2.0)
    assert found.arrivals == Trace(speed=2)
    assert (found.duration_ms, found.warmup_ms) == (1001, 0)
    cut = spec(replay=trace(tmp_path, 0, 500, 2000), for_="1s")
    assert isinstance(cut.calls, Each)
    assert (len(cut.calls.calls), cut.duration_ms) == (2, 1000)


def test_a_file_is_sent_in_turn_where_it_has_no_times_or_a_rate_is_asked_for(tmp_path: Path) -> None:
    assert spec(replay=trace(tmp_path, None, None)).arrivals == Constant(per_second=50)
    assert spec(replay=trace(tmp_path, 0, 500), closed=True).arrivals == Closed(connections=50)
    assert "have no `at_ms`" in refused(replay=trace(tmp_path, None), speed=2.0)
    assert "no call would be counted" in refused(replay=trace(tmp_path, 5), warmup="1s")


SAMPLES: dict[str, Any] = {
    "rate": 5.0,
    "poisson": True,
    "closed": True,
    "ramp": "1..2",
    "users": 5,
    "find_capacity": True,
    "speed": 2.0,
    "body": "body.json",
    "replay": "calls.jsonl",
    "model": "m",
    "stream": True,
    "prompt_bytes": "1KiB",
    "max_tokens": 5,
    "turns": 2,
    "think": "1s",
    "insecure": True,
    "ca_file": "ca.pem",
}


@pytest.mark.parametrize(("one", "other"), [pair[:2] for pair in options.APART], ids="-".join)
def test_two_options_that_contradict_each_other_are_both_named(one: str, other: str) -> None:
    text = refused(**{one: SAMPLES[one], other: SAMPLES[other]})
    assert f"{options.name_of(one)} and {options.name_of(other)} contradict each other" in text


@pytest.mark.parametrize(("one", "other"), [pair[:2] for pair in options.NEEDS], ids="-".join)
def test_an_option_that_needs_another_names_it(one: str, other: str) -> None:
    assert f"{options.name_of(one)} needs {options.name_of(other)}" in refused(**{one: SAMPLES[one]})


SCHEDULES = ["rate", "closed", "ramp", "users"]


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(SCHEDULES, 2)), ids="-".join)
def test_no_two_schedules_stand_together(one: str, other: str) -> None:
    assert "contradict each other" in refused(**{one: SAMPLES[one], other: SAMPLES[other]})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"for_": "30"}, "--for: `30` is not a duration"),
        ({"for_": "0s"}, "--for: a load takes some time"),
        ({"warmup": "x"}, "--warmup: `x`"),
        ({"prompt_bytes": "20kb"}, "--prompt-bytes: `20kb` is not a size"),
        ({"prompt_bytes": "0"}, "--prompt-bytes: a prompt has 1B to 64MiB"),
        ({"prompt_bytes": "1GiB"}, "--prompt-bytes: a prompt has 1B to 64MiB"),
        ({"ramp": "5"}, "--ramp 5: write two rates"),
        ({"ramp": "0..0"}, "--ramp 0..0: write two rates"),
        ({"path": "rerank"}, "--path rerank needs --body"),
        ({"path": "a b"}, "--path: write what comes after"),
        ({"path": "embeddings", "stream": True}, "--path embeddings and --stream contradict"),
        ({"path": "responses", "users": 2}, "--users and --path responses contradict"),
        ({"expect_frames": 5}, "--expect-frames needs --stream"),
        ({"body": "/none.json"}, "--body /none.json: cannot be read"),
        ({"expect_body": "/none"}, "--expect-body /none: cannot be read"),
        ({"insecure": True}, "--insecure is about TLS, and --url is http://"),
        ({"ca_file": "/none.pem"}, "--ca-file is about TLS, and --url is http://"),
        ({"url": "https://h/v1", "ca_file": "/none.pem"}, "--ca-file /none.pem: cannot be read"),
        ({"header": ["x"]}, "--header: write NAME=VALUE"),
        ({"header": ["a b=c"]}, "--header a b: this is no name"),
        ({"header": ["Content-Length=5"]}, "--header Content-Length: this one follows"),
        ({"slo": "p99"}, "--slo: `p99` is no threshold"),
        ({"slo": ""}, "--slo: `` is no threshold"),
        ({"model": "\udcff"}, "body: holds half of a character"),
    ],
)
def test_what_makes_no_sense_is_named(given: dict[str, Any], says: str) -> None:
    assert says in refused(**given)


def test_a_file_that_is_no_json_is_no_body(tmp_path: Path) -> None:
    (tmp_path / "body.json").write_text("{")
    assert "is no JSON" in refused(body=str(tmp_path / "body.json"))
    (tmp_path / "body.json").write_bytes(b"\xff")
    assert "is not UTF-8" in refused(body=str(tmp_path / "body.json"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "--url is missing"),
        ("127.0.0.1:8080/v1", "write a base URL"),
        ("ftp://h/v1", "write a base URL"),
        ("http:///v1", "write a base URL"),
        ("http://h:0/v1", "write a base URL"),
        ("http://h:99999/v1", "write a base URL"),
        ("http://[::1/v1", "write a base URL"),
        ("http://h/v 1", "write a base URL"),
        ("http://h/v1\r\nx: y", "write a base URL"),
        ("http://h/v1?api-version=1", "a query belongs to --path"),
        ("http://h/v1#x", "a query belongs to --path"),
        ("http://h/v1/chat/completions", "leave /chat/completions out"),
    ],
)
def test_what_is_no_base_url_is_refused(url: str, says: str) -> None:
    assert says in refused(url=url)


def test_a_base_url_loses_its_last_slash_and_may_have_any_path() -> None:
    assert base_url("http://h/v1/") == "http://h/v1"
    assert base_url("https://[::1]:8443") == "https://[::1]:8443"
    assert base_url("http://h/team/a/openai") == "http://h/team/a/openai"


def test_a_user_in_the_url_is_refused_and_not_shown() -> None:
    text = refused(url="http://me:hunter2@h/v1")
    assert "hunter2" not in text
    assert "hunter2" not in refused(url="htp://me:hunter2@h/v1")
    assert "--key" in text


def test_the_environment_gives_the_url_and_the_key() -> None:
    planned = build(RunOptions(), {"OPENAI_BASE_URL": URL + "/", "OPENAI_API_KEY": f" {KEY}\n"})
    assert planned.spec.url == URL
    assert planned.spec.headers == [("authorization", f"Bearer {KEY}")]
    assert planned.load["key"] == "from OPENAI_API_KEY"
    again = build(RunOptions(url="http://h", key="other"), {"OPENAI_BASE_URL": URL, "OPENAI_API_KEY": KEY})
    assert (again.spec.url, again.spec.headers) == ("http://h", [("authorization", "Bearer other")])


def test_a_header_that_says_who_calls_stands_before_the_environment_and_against_a_key() -> None:
    planned = build(RunOptions(url=URL, header=["Authorization=Basic x"]), {"OPENAI_API_KEY": KEY})
    assert planned.spec.headers == [("Authorization", "Basic x")]
    assert "--key and --header authorization" in refused(key=KEY, header=["authorization=x"])


def test_secrets_are_in_no_text() -> None:
    planned = job(key=KEY, header=["api-key=other-secret"])
    shown = (
        repr(planned) + str(planned.load) + repr(planned.spec) + repr(RunOptions(key=KEY, header=["a=other-secret"]))
    )
    assert KEY not in shown
    assert "other-secret" not in shown
    assert KEY not in refused(key=KEY + "\u2603")


def test_an_expectation_becomes_part_of_the_load(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text("data: x\n\n")
    planned = job(stream=True, expect_frames=0, expect_text="Hi", expect_tokens=3, expect_body=str(tmp_path / "answer"))
    expect = planned.spec.expect
    assert (expect.frames, expect.text, expect.total_tokens, expect.body) == (0, "Hi", 3, "data: x\n\n")
    assert planned.load["expects"] == "the exact body of 9 B, the exact text of 2 B, events 0, tokens 3"
