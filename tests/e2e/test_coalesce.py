"""Identical calls at the same time: one call upstream, and the same answer for all."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from openai import OpenAI

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch, launcher
from tests.harness.gateway import Gateway, Policy
from tests.harness.http2 import Http2
from tests.harness.metrics import Metrics
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.provider import Provider
from tests.harness.scripted import Exchange, Scripted
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

Body = dict[str, Any]
CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
OTHER_KEY = "hg-other-Kq7Wn2Rt5Yx9Zb4Vc1Lp"
SECRETS = {**ENVIRONMENT, "OTHER_KEY": OTHER_KEY}
BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
EMBED = {"model": "shared", "input": "hello"}
STREAM = chat("shared", stream=True, temperature=0)
VECTOR = json.dumps(
    {
        "object": "list",
        "model": "m",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
).encode()
MANY = 50


def delta(text: str) -> bytes:
    """An event of a chat."""
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return (
        b"data: %s\n\n"
        % json.dumps(chunk | {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}).encode()
    )


STOP = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"


def policy(endpoint: str) -> Policy:
    """One worker, since each shares by itself; `shared` and `finished` share, `alone` does not."""
    made = small(
        endpoint,
        keys=[
            {"name": "one", "secret": "${env:CALLER_KEY}"},
            {"name": "other", "secret": "${env:OTHER_KEY}"},
        ],
    )
    made["workers"] = 1
    made["aliases"] = {
        "shared": alias("gpt", coalesce="on"),
        "finished": alias("gpt", coalesce="on", on_disconnect="finish"),
        "alone": alias("gpt"),
    }
    return made


@pytest.fixture
def provider_of_words() -> Iterator[Scripted]:
    """A provider that waits for the test's word."""
    with Scripted() as scripted:
        yield scripted


@pytest.fixture
def gateway(launch: Launch, provider_of_words: Scripted) -> Gateway:
    """A gateway before that provider."""
    return launch(policy(provider_of_words.url), SECRETS)


@pytest.fixture(scope="module")
def simulated(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before the simulated provider."""
    with launcher(tmp_path_factory.mktemp("simulated")) as start:
        yield start(policy(provider.url), SECRETS)


def joined(gateway: Gateway) -> float:
    return Metrics.of(gateway).sum("headgate_coalesced_total", alias="shared")


def open_call(gateway: Gateway, path: str = CHAT, body: Body = STREAM, headers: dict[str, str] = BEARER) -> Connection:
    """A call that was sent and not answered."""
    return gateway.begin("POST", path, body, headers)


def line_of(gateway: Gateway, request_id: str | None) -> dict[str, Any]:
    """The line of a call in the log."""
    found = until(
        lambda: [line for line in gateway.lines("call") if line["id"] == request_id], f"the line of {request_id}"
    )
    return found[0]


def leader_and(
    gateway: Gateway, words: Scripted, others: int, body: Body = STREAM
) -> tuple[Exchange, list[Connection]]:
    """An exchange with the provider, the connection whose call it is, and those that have joined it."""
    path = EMBEDDINGS if "input" in body else CHAT
    leader = open_call(gateway, path, body)
    exchange = words.take()
    before = joined(gateway)
    connections = [leader, *(open_call(gateway, path, body) for _ in range(others))]
    until(lambda: joined(gateway) == before + others, f"{others} have joined")
    return exchange, connections


def is_shared(answers: list[Answer]) -> None:
    """The first brought the answer, and the others have it from there."""
    leader, *others = answers
    assert {answer.body for answer in others} == {leader.body}
    assert leader.header("headgate-coalesced") is None
    assert leader.header("headgate-attempts") == "1"
    ids = {answer.header("headgate-request-id") for answer in answers}
    assert len(ids) == len(answers), "each has an id of its own"
    assert {answer.header("headgate-coalesced") for answer in others} == {leader.header("headgate-request-id")}
    assert {answer.header("headgate-attempts") for answer in others} == {"0"}
    assert {answer.header("headgate-deployment") for answer in answers} == {"gpt"}


@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_fifty_identical_calls_make_one(gateway: Gateway, provider_of_words: Scripted, mode: str) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, MANY - 1, EMBED if mode == "whole" else STREAM)
    if mode == "whole":
        exchange.answer(VECTOR)
    else:
        exchange.begin()
        for piece in (delta("a"), delta("b"), STOP, DONE):
            exchange.send(piece)
        exchange.end()
    answers = [connection.answer() for connection in connections]
    assert {answer.status for answer in answers} == {200}
    assert all(answer.whole for answer in answers)
    assert answers[0].body == (VECTOR if mode == "whole" else delta("a") + delta("b") + STOP + DONE)
    is_shared(answers)
    assert provider_of_words.asked == 1
    follower = line_of(gateway, answers[1].header("headgate-request-id"))
    leader = line_of(gateway, answers[0].header("headgate-request-id"))
    assert (follower["shared_with"], follower["attempts"]) == (leader["id"], [])
    assert (leader["shared_with"], len(leader["attempts"])) == (None, 1)
    assert (follower["outcome"], follower["key"], follower["alias"]) == ("answered", "one", "shared")
    assert follower["response_bytes"] == leader["response_bytes"] == len(answers[0].body)
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_calls_total", alias="shared", outcome="answered") == MANY
    assert metrics.sum("headgate_attempts_total") == 1
    until(lambda: Metrics.of(gateway).sum("headgate_kept_bytes") == 0, "nothing is held any more")


def test_the_sdk_shares_too(gateway: Gateway, provider_of_words: Scripted) -> None:
    with OpenAI(base_url=gateway.base_url, api_key=CALLER_KEY) as sdk, ThreadPoolExecutor(MANY) as threads:

        def embed() -> list[float]:
            return sdk.embeddings.create(model="shared", input="hello").data[0].embedding

        calls: list[Future[list[float]]] = [threads.submit(embed) for _ in range(MANY)]
        exchange = provider_of_words.take()
        until(lambda: joined(gateway) == MANY - 1, "all others have joined")
        exchange.answer(VECTOR)
        assert [call.result() for call in calls] == [[0.5, 0.25]] * MANY
    assert provider_of_words.asked == 1


def test_callers_over_http2_and_http1_share_one(gateway: Gateway, provider_of_words: Scripted) -> None:
    lines = {"content-type": "application/json", **BEARER}
    body = json.dumps(STREAM).encode()
    with Http2(gateway.data) as http2:
        leader, *others = (http2.open(CHAT, lines, body) for _ in range(3))
        exchange = provider_of_words.take()
        over_http1 = open_call(gateway)
        until(lambda: joined(gateway) == 3, "all others have joined")
        exchange.begin()
        exchange.send(delta("a"))
        request_id = http2.read_until(leader, delta("a")).lines["headgate-request-id"]
        http2.reset(leader)
        exchange.send(STOP + DONE)
        exchange.end()
        streams = [http2.until_ended(number) for number in others]
    whole = delta("a") + STOP + DONE
    assert [(stream.status, stream.ended, bytes(stream.body)) for stream in streams] == [(200, True, whole)] * 2
    assert {stream.lines["headgate-coalesced"] for stream in streams} == {request_id}
    answer = over_http1.answer()
    assert (answer.body, answer.header("headgate-coalesced")) == (whole, request_id)
    assert provider_of_words.asked == 1


def test_headgated_shares_too(launch: Launch, provider_of_words: Scripted) -> None:
    gateway = launch(policy(provider_of_words.url), SECRETS, daemon=True)
    exchange, connections = leader_and(gateway, provider_of_words, 2)
    exchange.begin()
    exchange.send(delta("a") + STOP + DONE)
    exchange.end()
    answers = [connection.answer() for connection in connections]
    assert answers[0].body == delta("a") + STOP + DONE
    is_shared(answers)
    assert provider_of_words.asked == 1


def test_one_that_comes_within_a_stream_gets_all_of_it(gateway: Gateway, provider_of_words: Scripted) -> None:
    leader = open_call(gateway)
    exchange = provider_of_words.take()
    exchange.begin()
    exchange.send(delta("a"))
    leader.read_until(delta("a"))
    late = open_call(gateway)
    late.read_until(delta("a"))
    exchange.send(STOP + DONE)
    exchange.end()
    is_shared([leader.answer(), late.answer()])
    assert provider_of_words.asked == 1


def test_one_that_comes_when_not_all_is_held_any_more_goes_alone(gateway: Gateway, provider_of_words: Scripted) -> None:
    leader = open_call(gateway)
    exchange = provider_of_words.take()
    exchange.begin()
    big = delta("x" * 200_000)
    for _ in range(6):
        exchange.send(big)
    exchange.send(delta("last"))
    leader.read_until(delta("last"))
    late = open_call(gateway)
    own = provider_of_words.take()
    own.begin()
    own.send(STOP + DONE)
    own.end()
    assert late.answer().body == STOP + DONE
    exchange.send(STOP + DONE)
    exchange.end()
    assert leader.answer().body == 6 * big + delta("last") + STOP + DONE


def test_one_that_comes_behind_the_end_goes_alone(gateway: Gateway, provider_of_words: Scripted) -> None:
    for number in range(2):
        with open_call(gateway, EMBEDDINGS, EMBED) as call:
            provider_of_words.take().answer(VECTOR)
            assert call.answer().header("headgate-coalesced") is None
        assert provider_of_words.asked == number + 1


@pytest.mark.parametrize("when", ["before the head", "within the stream"])
def test_the_work_goes_on_without_the_caller_who_began_it(
    gateway: Gateway, provider_of_words: Scripted, when: str
) -> None:
    exchange, (leader, *others) = leader_and(gateway, provider_of_words, 2)
    if when == "within the stream":
        exchange.begin()
        exchange.send(delta("a"))
        leader.read_until(delta("a"))
    leader.close()
    until(lambda: Metrics.of(gateway).sum("headgate_connections") == 2, "the leader has left")
    if when == "before the head":
        exchange.begin()
        exchange.send(delta("a"))
    exchange.send(STOP + DONE)
    exchange.end()
    answers = [connection.answer() for connection in others]
    assert [answer.body for answer in answers] == [delta("a") + STOP + DONE] * 2
    assert provider_of_words.asked == 1
    line = line_of(gateway, answers[0].header("headgate-coalesced"))
    assert (line["outcome"], line["shared_with"]) == ("client_gone", None)
    assert [attempt["status"] for attempt in line["attempts"]] == [200], "what it cost stands there"


def test_one_who_joined_may_leave_and_nobody_notices(gateway: Gateway, provider_of_words: Scripted) -> None:
    exchange, (leader, gone, other) = leader_and(gateway, provider_of_words, 2)
    exchange.begin()
    exchange.send(delta("a"))
    gone.read_until(delta("a"))
    gone.close()
    until(lambda: Metrics.of(gateway).sum("headgate_connections") == 2, "it has left")
    exchange.send(STOP + DONE)
    exchange.end()
    assert leader.answer().body == other.answer().body == delta("a") + STOP + DONE
    lines = until(lambda: lines if len(lines := gateway.lines("call")) == 3 else None, "a line for each of them")
    assert sorted(line["outcome"] for line in lines or []) == ["answered", "answered", "client_gone"]


@pytest.mark.parametrize("when", ["before the head", "within the stream"])
def test_when_all_have_left_the_call_is_cancelled(gateway: Gateway, provider_of_words: Scripted, when: str) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, 2)
    if when == "within the stream":
        exchange.begin()
        exchange.send(delta("a"))
        connections[0].read_until(delta("a"))
    for connection in connections:
        connection.close()
    exchange.wait_until_given_up()
    until(lambda: Metrics.of(gateway).sum("headgate_calls_in_flight") == 0, "no call is open")


def test_or_finished_where_the_alias_says_so(gateway: Gateway, provider_of_words: Scripted) -> None:
    body = STREAM | {"model": "finished"}
    leader = open_call(gateway, CHAT, body)
    exchange = provider_of_words.take()
    exchange.begin()
    exchange.send(delta("a"))
    leader.read_until(delta("a"))
    leader.close()
    until(lambda: Metrics.of(gateway).sum("headgate_connections") == 0, "all have left")
    late = open_call(gateway, CHAT, body)
    late.read_until(delta("a"))
    exchange.send(STOP + DONE)
    exchange.end()
    assert late.answer().body == delta("a") + STOP + DONE
    assert provider_of_words.asked == 1, "the open call is joined though nobody else reads it"


def test_a_failure_goes_to_all_with_ids_of_their_own(gateway: Gateway, provider_of_words: Scripted) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, 2)
    exchange.cut()
    answers = [connection.answer() for connection in connections]
    assert [(answer.status, answer.code) for answer in answers] == [(502, "provider_closed")] * 3
    ids = [answer.json()["error"]["request_id"] for answer in answers]
    assert ids == [answer.header("headgate-request-id") for answer in answers]
    assert len(set(ids)) == 3
    assert [answer.header("headgate-attempts") for answer in answers] == ["1", "0", "0"]
    assert {line_of(gateway, request_id)["outcome"] for request_id in ids} == {"failed"}


def test_a_providers_error_goes_to_all(gateway: Gateway, provider_of_words: Scripted) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, 2, EMBED)
    error = b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}'
    exchange.answer(error, 400)
    answers = [connection.answer() for connection in connections]
    assert [(answer.status, answer.body) for answer in answers] == [(400, error)] * 3
    assert {answer.header("x-should-retry") for answer in answers} == {"false"}


def test_a_stream_that_breaks_off_breaks_off_for_all(gateway: Gateway, provider_of_words: Scripted) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, 2)
    exchange.begin()
    exchange.send(delta("a"))
    exchange.cut()
    answers = [connection.answer() for connection in connections]
    assert not any(answer.whole for answer in answers)
    assert [json.loads(answer.events[-1])["error"]["code"] for answer in answers] == ["stream_cut"] * 3


DIFFERENT = {
    "another key": (STREAM, {"authorization": f"Bearer {OTHER_KEY}"}),
    "another header": (STREAM, {**BEARER, "openai-beta": "x"}),
    "a deadline": (STREAM, {**BEARER, "headgate-timeout-ms": "5000"}),
    "another body": (STREAM | {"max_tokens": 5}, BEARER),
    "another alias": (STREAM | {"model": "finished"}, BEARER),
}


@pytest.mark.parametrize("other", DIFFERENT)
def test_what_is_not_identical_is_not_shared(gateway: Gateway, provider_of_words: Scripted, other: str) -> None:
    first = open_call(gateway)
    one = provider_of_words.take()
    second = open_call(gateway, CHAT, *DIFFERENT[other])
    two = provider_of_words.take()
    for exchange, text in ((one, "first"), (two, "second")):
        exchange.begin()
        exchange.send(delta(text) + STOP + DONE)
        exchange.end()
    assert first.answer().body == delta("first") + STOP + DONE
    assert second.answer().body == delta("second") + STOP + DONE


@pytest.mark.parametrize(
    "body",
    [
        chat("shared", temperature=1),
        chat("shared", temperature=0.1, stream=True),
        chat("shared"),
        chat("alone", temperature=0),
        chat("shared", text='"temperature": 0'),
        chat("shared", temperature=0, web_search_options={}),
    ],
    ids=["1", "0.1", "none", "not asked for", "in a text", "done at the provider"],
)
def test_calls_whose_answers_may_differ_are_not_shared(
    gateway: Gateway, provider_of_words: Scripted, body: dict[str, Any]
) -> None:
    connections = [open_call(gateway, CHAT, body) for _ in range(2)]
    for exchange in [provider_of_words.take() for _ in range(2)]:
        exchange.answer(b"{}")
    assert [connection.answer().body for connection in connections] == [b"{}"] * 2
    assert provider_of_words.asked == 2


def test_ids_and_traces_do_not_tell_calls_apart(gateway: Gateway, provider_of_words: Scripted) -> None:
    leader = open_call(gateway, headers={**BEARER, "x-request-id": "1", "traceparent": "00-1"})
    exchange = provider_of_words.take()
    other = open_call(gateway, headers={**BEARER, "x-request-id": "2", "traceparent": "00-2"})
    until(lambda: joined(gateway) == 1, "it has joined")
    exchange.begin()
    exchange.send(STOP + DONE)
    exchange.end()
    is_shared([leader.answer(), other.answer()])


def test_after_a_reload_calls_join_none_of_before(gateway: Gateway, provider_of_words: Scripted) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, 1)
    changed = policy(provider_of_words.url)
    changed["aliases"]["more"] = alias("gpt")
    processes.write(changed, gateway.log.with_name("policy.yaml"))
    gateway.send(signal.SIGHUP)
    gateway.wait_for("reloaded")
    fresh = open_call(gateway)
    own = provider_of_words.take()
    for one in (own, exchange):
        one.begin()
        one.send(STOP + DONE)
        one.end()
    is_shared([connection.answer() for connection in connections])
    assert fresh.answer().header("headgate-coalesced") is None


def test_a_drain_waits_for_all_who_share(gateway: Gateway, provider_of_words: Scripted) -> None:
    exchange, connections = leader_and(gateway, provider_of_words, 2)
    exchange.begin()
    exchange.send(delta("a"))
    connections[0].read_until(delta("a"))
    gateway.send(signal.SIGTERM)
    gateway.wait_for("draining")
    exchange.send(STOP + DONE)
    exchange.end()
    is_shared([connection.answer() for connection in connections])
    assert gateway.wait() == 0


def test_one_who_does_not_read_holds_up_the_provider_and_not_the_memory(
    gateway: Gateway, provider_of_words: Scripted
) -> None:
    exchange, (leader, slow) = leader_and(gateway, provider_of_words, 1)
    before = gateway.resident_bytes()
    big = [delta("x" * 60_000)] * 1_200

    def answer() -> None:
        exchange.begin()
        for piece in (*big, STOP, DONE):
            exchange.send(piece)
        exchange.end()

    with ThreadPoolExecutor(3) as threads:
        provider = threads.submit(answer)
        leader.read_until(b"data: ")
        peak, until_s = 0, time.monotonic() + 1.0
        while time.monotonic() < until_s:
            peak = max(peak, gateway.resident_bytes() - before)
        assert not provider.done(), "nobody reads"
        answers = [call.result() for call in [threads.submit(one.answer) for one in (leader, slow)]]
        provider.result()
    peak = max(peak, gateway.resident_bytes() - before)
    assert all(answer.whole for answer in answers)
    assert answers[0].body == answers[1].body == b"".join((*big, STOP, DONE))
    assert provider_of_words.asked == 1
    assert peak < 16 << 20, f"{peak >> 20} MiB"


@pytest.mark.parametrize("mode", ["whole", "stream"])
def test_the_bill_has_one_call_for_many(simulated: Gateway, bill: Provider, mode: str) -> None:
    body = json.dumps(chat("shared", stream=mode == "stream", temperature=0)).encode()
    before = joined(simulated)
    headers = {**BEARER, "x-sim-fault": "late-head;ms=1500"}
    with ExitStack() as stack:
        connections = [stack.enter_context(Connection(simulated.data)) for _ in range(MANY)]
        for connection in connections:
            connection.send(request("POST", CHAT, body, headers))
        bodies = {connection.answer().body for connection in connections}
    alone = MANY - (joined(simulated) - before)
    assert bill.bill()["totals"]["calls"] == alone == len(bodies), "who did not join paid for its own"
