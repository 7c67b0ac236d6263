"""Streams that outlive the connection of their caller: taken up again behind any event, on any worker."""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import ROOT, Gateway, Policy
from tests.harness.http2 import Http2
from tests.harness.metrics import Metrics
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.scripted import Exchange, Scripted
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
OTHER_KEY = "hg-other-Kq7Wn2Rt5Yx9Zb4Vc1Lp"
SECRETS = {**ENVIRONMENT, "OTHER_KEY": OTHER_KEY}
BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
BODIES = {
    CHAT: chat("kept", stream=True) | {"stream_options": {"include_usage": True}},
    RESPONSES: {"model": "kept", "input": "hello", "stream": True},
}
GOLDEN = {CHAT: "openai_chat/text-stream.sse", RESPONSES: "openai_responses/text-stream.sse"}
ID = re.compile(rb"^id: (req_[0-9a-f]{32}):([0-9]+)\n", re.MULTILINE)


def policy(endpoint: str, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """`kept` and `shared` can be taken up again, `brief` with a small buffer; two workers."""
    made = small(
        endpoint,
        keys=[
            {"name": "one", "secret": "${env:CALLER_KEY}"},
            {"name": "other", "secret": "${env:OTHER_KEY}"},
        ],
        **sections,
    )
    made["deployments"]["again"] = {"provider": "house", "model": "gpt-sim", "prefill": "prefix"}
    made["aliases"] = {
        "continued": alias("again", resume={"buffer": "1MiB"}, on_cut="continue", retry={"max_attempts": 2}),
        "kept": alias("gpt", resume={"buffer": "1MiB"}),
        "brief": alias("gpt", resume={"buffer": "4KiB"}),
        "shared": alias("gpt", resume={"buffer": "1MiB"}, coalesce="on"),
        "alive": alias("gpt", resume={"buffer": "1MiB"}, keep_alive="1s"),
        "plain": alias("gpt"),
    }
    return made


@pytest.fixture
def words() -> Iterator[Scripted]:
    """A provider that waits for the test's word."""
    with Scripted() as scripted:
        yield scripted


@pytest.fixture
def gateway(launch: Launch, words: Scripted) -> Gateway:
    """A gateway before that provider."""
    return launch(policy(words.url), SECRETS)


def golden(path: str) -> list[bytes]:
    """The events of a recorded stream, with their line ends."""
    whole = (Path(ROOT) / "tests/golden" / GOLDEN[path]).read_bytes()
    return [event + b"\n\n" for event in whole.removesuffix(b"\n\n").split(b"\n\n")]


def numbered(events: list[bytes], request_id: str) -> list[bytes]:
    """The same as a caller gets them."""
    ids = (f"id: {request_id}:{number}\n\n".encode() for number in range(1, len(events) + 1))
    return [event[:-1] + line for event, line in zip(events, ids, strict=True)]


def delta(text: str) -> bytes:
    """An event of a chat."""
    return b"data: %s\n\n" % json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode()


STOP = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def begin(
    gateway: Gateway, words: Scripted, first: list[bytes], path: str = CHAT, model: str = "kept"
) -> tuple[Exchange, Connection, str]:
    """A stream of which the caller has the first events; and its id."""
    connection = gateway.begin("POST", path, BODIES[path] | {"model": model}, BEARER)
    exchange = words.take()
    exchange.begin()
    for event in first:
        exchange.send(event)
    status, lines = connection.head()
    assert status == 200
    request_id = dict(lines)["headgate-request-id"]
    connection.read_until(f"id: {request_id}:{len(first)}\n\n".encode())
    return exchange, connection, request_id


def take_up(
    gateway: Gateway, last: str, method: str = "GET", path: str = CHAT, headers: dict[str, str] = BEARER
) -> Connection:
    """A caller that comes back."""
    return gateway.begin(method, path, BODIES[path] if method == "POST" else None, {**headers, "last-event-id": last})


def rest(gateway: Gateway, last: str, method: str = "GET", path: str = CHAT) -> Answer:
    with take_up(gateway, last, method, path) as connection:
        return connection.answer()


def go_on(exchange: Exchange, events: list[bytes]) -> None:
    """The provider sends the rest of its stream."""
    for event in events:
        exchange.send(event)
    exchange.end()


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_a_stream_has_an_id_in_each_event_and_is_the_same_otherwise(
    gateway: Gateway, words: Scripted, path: str
) -> None:
    events = golden(path)
    exchange, connection, request_id = begin(gateway, words, events[:-1], path)
    go_on(exchange, events[-1:])
    body = connection.body()
    assert body == b"".join(numbered(events, request_id))
    assert ID.sub(b"", body) == b"".join(events)


def test_what_is_kept_from_a_caller_has_no_number(gateway: Gateway, words: Scripted) -> None:
    events = golden(CHAT)
    owed = [event for event in events if b'"choices":[]' not in event]
    assert len(owed) == len(events) - 1, "the provider tells what was used"
    with gateway.begin("POST", CHAT, chat("kept", stream=True), BEARER) as connection:
        exchange = words.take()
        exchange.begin()
        go_on(exchange, events)
        _, lines = connection.head()
        request_id = dict(lines)["headgate-request-id"]
        assert connection.body() == b"".join(numbered(owed, request_id))
    for number in range(len(owed) - 3, len(owed)):
        assert rest(gateway, f"{request_id}:{number}").body == b"".join(numbered(owed, request_id)[number:])


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
def test_behind_any_event_the_rest_is_exact_live_and_after_the_end(
    gateway: Gateway, words: Scripted, path: str, method: str
) -> None:
    events = golden(path)
    committed = 2 if path == CHAT else next(at for at, event in enumerate(events, 1) if b".delta" in event)
    for number in range(committed, len(events)):
        exchange, connection, request_id = begin(gateway, words, events[:number], path)
        connection.close()
        live = take_up(gateway, f"{request_id}:{number}", method, path)
        until(lambda: metric(gateway, "headgate_connections") == 1, "the first connection is gone")
        go_on(exchange, events[number:])
        expected = b"".join(numbered(events, request_id)[number:])
        answer = live.answer()
        live.close()
        assert (answer.status, answer.whole, answer.body) == (200, True, expected)
        assert answer.header("headgate-resumed") == f"{request_id}:{number}"
        assert answer.header("headgate-attempts") == "0"
        assert (answer.header("content-type") or "").startswith("text/event-stream")
        again = rest(gateway, f"{request_id}:{number}", method, path)
        assert (again.status, again.whole, again.body) == (200, True, expected)
        assert rest(gateway, f"{request_id}:0", method, path).body == b"".join(numbered(events, request_id))
    assert words.asked == len(events) - committed, "no call that takes up reaches a provider"


def metric(gateway: Gateway, name: str) -> float:
    return Metrics.of(gateway).sum(name)


def test_the_record_tells_which_call_it_goes_on_with(gateway: Gateway, words: Scripted) -> None:
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    connection.close()
    back = take_up(gateway, f"{request_id}:1", "POST")
    until(lambda: metric(gateway, "headgate_resumed_total") == 1, "it is taken up")
    assert metric(gateway, "headgate_streams_kept") == 1
    assert metric(gateway, "headgate_kept_bytes") > 0
    go_on(exchange, [STOP, DONE])
    answer = back.answer()
    lines = until(lambda: lines if len(lines := gateway.lines("call")) == 2 else None, "both calls have ended") or []
    first, second = sorted(lines, key=lambda line: line["resumes"] or "")
    assert (first["id"], first["outcome"], len(first["attempts"])) == (request_id, "client_gone", 1)
    assert second["id"] == answer.header("headgate-request-id")
    assert (second["resumes"], second["outcome"], second["attempts"]) == (f"{request_id}:1", "answered", [])
    assert (second["alias"], second["operation"], second["key"]) == ("kept", "chat_completions", "one")
    assert Metrics.of(gateway).sum("headgate_resumed_total", alias="kept") == 1


def test_a_stream_may_break_more_than_once(gateway: Gateway, words: Scripted) -> None:
    exchange, connection, request_id = begin(gateway, words, [delta("0")])
    for number in range(1, 5):
        connection.close()
        connection = take_up(gateway, f"{request_id}:{number}")
        exchange.send(delta(str(number)))
        got = connection.read_until(f"id: {request_id}:{number + 1}\n\n".encode())
        assert len(ID.findall(got)) == 1
    go_on(exchange, [STOP, DONE])
    connection.head()
    assert connection.body().endswith(f"id: {request_id}:7\n\n".encode())
    assert words.asked == 1


def test_a_connection_that_is_dead_and_does_not_know_it_holds_nobody_up(gateway: Gateway, words: Scripted) -> None:
    exchange, dead, request_id = begin(gateway, words, [delta("0")])
    alive = take_up(gateway, f"{request_id}:1")
    until(lambda: metric(gateway, "headgate_resumed_total") == 1, "it is taken up")
    big = [delta("x" * 10_000) for _ in range(200)]
    exchange.send(b"".join(big))
    go_on(exchange, [STOP, DONE])
    body = ID.sub(b"", alive.answer().body)
    assert body == b"".join([*big, STOP, DONE])
    dead.close()


def test_the_other_worker_has_it_too(gateway: Gateway, words: Scripted) -> None:
    """An id says in its first half which worker gave it."""
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    connection.close()
    seeds = set()
    live = []
    for _ in range(100):
        back = take_up(gateway, f"{request_id}:1")
        _, lines = back.head()
        seeds.add(dict(lines)["headgate-request-id"][:20])
        live.append(back)
        if len(seeds) == 2 and request_id[:20] in seeds:
            break
    assert len(seeds) == 2, "a hundred connections came to one worker of two"
    go_on(exchange, [STOP, DONE])
    bodies = {back.body() for back in live}
    assert bodies == {b"".join(numbered([delta("a"), STOP, DONE], request_id)[1:])}


UNKNOWN = "req_" + "0" * 32


def test_only_the_key_that_began_a_stream_may_take_it_up(gateway: Gateway, words: Scripted) -> None:
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    last = f"{request_id}:1"
    with take_up(gateway, last, headers={"authorization": f"Bearer {OTHER_KEY}"}) as other:
        stolen = other.answer()
    assert (stolen.status, stolen.code, stolen.header("x-should-retry")) == (404, "stream_not_found", "false")
    unknown = rest(gateway, f"{UNKNOWN}:1")
    told = [{**answer.json()["error"], "request_id": ""} for answer in (stolen, unknown)]
    assert told[0] == told[1], "it is as unknown to it as any other"
    with take_up(gateway, last, headers={"authorization": "Bearer wrong"}) as nobody:
        assert nobody.answer().code == "invalid_api_key"
    go_on(exchange, [DONE])
    assert connection.body().endswith(b"\n\n")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("last", [f"{UNKNOWN}:1", UNKNOWN, "req_1:1", f"{UNKNOWN}:x", "{}:9"])
def test_what_is_not_there_is_told_and_makes_no_call(gateway: Gateway, words: Scripted, last: str, method: str) -> None:
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    answer = rest(gateway, last.format(request_id), method)
    assert (answer.status, answer.code, answer.header("x-should-retry")) == (404, "stream_not_found", "false")
    assert rest(gateway, f"{request_id}:1", method, RESPONSES).code == "stream_not_found", "another path"
    go_on(exchange, [STOP, DONE])
    assert connection.body()
    assert words.asked == 1


def test_an_id_of_somebody_else_is_none_of_ours(gateway: Gateway, words: Scripted) -> None:
    with take_up(gateway, "42", "POST") as connection:
        words.take().answer(b"{}")
        assert connection.answer().body == b"{}"


def test_what_has_fallen_out_of_the_buffer_is_told(gateway: Gateway, words: Scripted) -> None:
    events = [delta("x" * 1000) for _ in range(10)]
    exchange, connection, request_id = begin(gateway, words, events, model="brief")
    connection.close()
    gone = rest(gateway, f"{request_id}:1")
    assert (gone.status, gone.code, gone.header("x-should-retry")) == (410, "stream_outrun", "false")
    go_on(exchange, [STOP, DONE])
    answer = rest(gateway, f"{request_id}:9")
    assert answer.body == b"".join(numbered([*events, STOP, DONE], request_id)[9:])
    assert metric(gateway, "headgate_kept_bytes") <= 4096


def test_what_is_kept_counts_among_what_is_buffered(launch: Launch, words: Scripted) -> None:
    gateway = launch(policy(words.url, http={"max_body": "8KiB", "max_buffered": "8KiB"}), SECRETS)
    events = [delta("x" * 1000) for _ in range(20)]
    exchange, connection, request_id = begin(gateway, words, events)
    assert metric(gateway, "headgate_kept_bytes") <= 10_000
    connection.close()
    assert rest(gateway, f"{request_id}:1").code == "stream_outrun"
    assert rest(gateway, "req_x").code == "stream_not_found"
    back = take_up(gateway, f"{request_id}:20")
    until(lambda: metric(gateway, "headgate_resumed_total") == 1, "it is taken up")
    go_on(exchange, [STOP, DONE])
    assert back.answer().whole


def test_a_cut_is_told_to_whoever_takes_the_stream_up(gateway: Gateway, words: Scripted) -> None:
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    connection.close()
    exchange.cut()
    for answer in (rest(gateway, f"{request_id}:1"), rest(gateway, f"{request_id}:1", "POST")):
        assert not answer.whole
        assert json.loads(answer.events[-1])["error"]["code"] == "stream_cut"


@pytest.mark.parametrize("model", ["continued", "continued-and-shared"])
def test_a_stream_that_is_continued_is_numbered_on(launch: Launch, words: Scripted, model: str) -> None:
    changed = policy(words.url)
    changed["aliases"]["continued-and-shared"] = changed["aliases"]["continued"] | {"coalesce": "on"}
    gateway = launch(changed, SECRETS)
    events = golden(CHAT)
    connection = gateway.begin("POST", CHAT, chat(model, stream=True, temperature=0), BEARER)
    first = words.take()
    first.begin()
    for event in events[:3]:
        first.send(event)
    request_id = dict(connection.head()[1])["headgate-request-id"]
    connection.read_until(f"id: {request_id}:3\n\n".encode())
    first.cut()
    second = words.take()
    assert json.loads(second.body)["messages"][-1]["content"] == "Blue."
    connection.close()
    second.begin()
    go_on(second, [events[0], *events[3:]])
    whole = rest(gateway, f"{request_id}:0").body
    numbers = [int(number) for _, number in ID.findall(whole)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert whole.endswith(f"data: [DONE]\nid: {request_id}:{numbers[-1]}\n\n".encode())
    assert said(whole) == said(b"".join(events))
    assert whole.count(b": headgate-continued") == 1
    for number in numbers[:-1]:
        mark = f"id: {request_id}:{number}\n\n".encode()
        expected = whole.partition(mark)[2]
        got = rest(gateway, f"{request_id}:{number}").body
        assert expected.endswith(got)
        assert ID.findall(expected) == ID.findall(got)


def said(body: bytes) -> str:
    """The text of a chat."""
    data = (line[6:] for line in body.splitlines() if line.startswith(b"data: {"))
    choices = [choice for chunk in map(json.loads, data) for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def test_comments_carry_no_id(gateway: Gateway, words: Scripted) -> None:
    exchange, connection, request_id = begin(gateway, words, [b": ping\n\n" + delta("a")], model="alive")
    connection.read_until(b": keep-alive\n\n")
    go_on(exchange, [STOP, b": ping\n\n", DONE])
    body = connection.body()
    assert [number for _, number in ID.findall(body)] == [b"1", b"2", b"3"]
    comments = [block for block in body.split(b"\n\n") if block.startswith(b": ") and b"\ndata" not in block]
    assert not [block for block in comments if b"id:" in block]
    assert request_id.encode() in body


def test_a_call_that_is_shared_can_be_taken_up_by_all_who_share(launch: Launch, words: Scripted) -> None:
    one_worker = policy(words.url) | {"workers": 1}
    gateway = launch(one_worker, SECRETS)
    body = chat("shared", stream=True, temperature=0)
    leader, other = (gateway.begin("POST", CHAT, body, BEARER) for _ in range(2))
    exchange = words.take()
    until(lambda: metric(gateway, "headgate_coalesced_total") == 1, "one has joined the other")
    exchange.begin()
    exchange.send(delta("a"))
    lines = [dict(connection.head()[1]) for connection in (leader, other)]
    request_id = next(line["headgate-coalesced"] for line in lines if "headgate-coalesced" in line)
    for connection in (leader, other):
        connection.read_until(f"id: {request_id}:1\n\n".encode())
        connection.close()
    back = [take_up(gateway, f"{request_id}:1") for _ in range(2)]
    go_on(exchange, [STOP, DONE])
    expected = b"".join(numbered([delta("a"), STOP, DONE], request_id)[1:])
    assert [connection.answer().body for connection in back] == [expected] * 2
    assert words.asked == 1


def test_the_sdk_reads_a_numbered_stream(gateway: Gateway, words: Scripted) -> None:
    with OpenAI(base_url=gateway.base_url, api_key=CALLER_KEY) as sdk:

        def answer() -> None:
            exchange = words.take()
            exchange.begin()
            go_on(exchange, golden(CHAT))

        provider = threading.Thread(target=answer)
        provider.start()
        stream = sdk.chat.completions.create(model="kept", messages=[{"role": "user", "content": "hello"}], stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        provider.join()
    assert text


def test_a_stream_over_http2_is_taken_up_over_either(gateway: Gateway, words: Scripted) -> None:
    lines = {"content-type": "application/json", **BEARER}
    body = json.dumps(BODIES[CHAT]).encode()
    with Http2(gateway.data) as http2:
        broken = http2.open(CHAT, lines, body)
        exchange = words.take()
        exchange.begin()
        exchange.send(delta("a"))
        stream = http2.read_until(broken, b":1\n\n")
        request_id = stream.lines["headgate-request-id"]
        http2.reset(broken)
        last = f"{request_id}:1"
        back = http2.open(CHAT, {**lines, "last-event-id": last}, body)
        over_http1 = take_up(gateway, last)
        until(lambda: metric(gateway, "headgate_resumed_total") == 2, "both are back")
        go_on(exchange, [STOP, DONE])
        resumed = http2.until_ended(back)
        unknown = http2.until_ended(http2.open(CHAT, {**lines, "last-event-id": f"{UNKNOWN}:1"}, body))
    expected = b"".join(numbered([delta("a"), STOP, DONE], request_id)[1:])
    assert (resumed.status, resumed.ended, bytes(resumed.body)) == (200, True, expected)
    assert resumed.lines["headgate-resumed"] == last
    assert over_http1.answer().body == expected
    assert (unknown.status, json.loads(unknown.body)["error"]["code"]) == (404, "stream_not_found")
    assert words.asked == 1


def test_headgated_has_it_too(launch: Launch, words: Scripted) -> None:
    gateway = launch(policy(words.url), SECRETS, daemon=True)
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    connection.close()
    back = take_up(gateway, f"{request_id}:1")
    until(lambda: metric(gateway, "headgate_resumed_total") == 1, "it is taken up")
    go_on(exchange, [STOP, DONE])
    expected = b"".join(numbered([delta("a"), STOP, DONE], request_id)[1:])
    assert back.answer().body == rest(gateway, f"{request_id}:1").body == expected
    assert words.asked == 1


def test_other_calls_have_no_ids(gateway: Gateway, words: Scripted) -> None:
    with Connection(gateway.data) as connection:
        connection.send(request("POST", CHAT, json.dumps(chat("plain", stream=True)).encode(), BEARER))
        exchange = words.take()
        exchange.begin()
        go_on(exchange, [delta("a"), STOP, DONE])
        assert connection.answer().body == delta("a") + STOP + DONE
    with Connection(gateway.data) as connection:
        connection.send(request("POST", CHAT, json.dumps(chat("kept")).encode(), BEARER))
        words.take().answer(b'{"id": 1}')
        assert connection.answer().body == b'{"id": 1}'
    assert metric(gateway, "headgate_streams_kept") == 0


@pytest.mark.parametrize("resume", ["on", "off"])
def test_a_reload_in_between_changes_nothing_for_a_stream_that_runs(
    gateway: Gateway, words: Scripted, resume: str
) -> None:
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    connection.close()
    changed = policy(words.url)
    if resume == "off":
        changed["aliases"] = {name: alias("gpt") for name in changed["aliases"]}
    processes.write(changed, gateway.log.with_name("policy.yaml"))
    gateway.send(signal.SIGHUP)
    gateway.wait_for("reloaded")
    back = take_up(gateway, f"{request_id}:1", "POST")
    until(lambda: metric(gateway, "headgate_resumed_total") == 1, "it is taken up")
    go_on(exchange, [STOP, DONE])
    assert back.answer().body == b"".join(numbered([delta("a"), STOP, DONE], request_id)[1:])
    assert words.asked == 1


def test_a_stream_is_taken_up_while_a_drain_is_announced(launch: Launch, words: Scripted) -> None:
    gateway = launch(policy(words.url, drain={"accept_for": "5s", "grace": "30s"}), SECRETS)
    exchange, connection, request_id = begin(gateway, words, [delta("a")])
    gateway.send(signal.SIGTERM)
    gateway.wait_for("draining")
    connection.close()
    back = take_up(gateway, f"{request_id}:1")
    back.read_until(b"\r\n\r\n")
    go_on(exchange, [STOP, DONE])
    assert back.answer().body == b"".join(numbered([delta("a"), STOP, DONE], request_id)[1:])
    assert gateway.wait() == 0


def test_a_stream_that_nobody_reads_holds_no_drain_up_beyond_its_grace(launch: Launch, words: Scripted) -> None:
    gateway = launch(policy(words.url, drain={"accept_for": "0s", "grace": "500ms"}), SECRETS)
    exchange, connection, _ = begin(gateway, words, [delta("a")])
    connection.close()
    until(lambda: metric(gateway, "headgate_connections") == 0, "its caller has left")
    gateway.send(signal.SIGTERM)
    exchange.wait_until_given_up()
    assert gateway.wait() == 0
