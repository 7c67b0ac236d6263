"""Calls that are kept at one place, for its prompt cache."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
SESSIONS = 40


@pytest.fixture
def pair() -> Iterator[tuple[Provider, Provider]]:
    """Two providers that answer at once."""
    with ExitStack() as stack:
        one, other = Provider.start(), Provider.start()
        stack.callback(one.stop)
        stack.callback(other.stop)
        yield one, other


def policy(one: Provider, other: Provider, affinity: str, weight: int = 1) -> Policy:
    """`chat` has two deployments, at a provider each."""
    policy = small(one.url)
    policy["providers"]["other"] = {**policy["providers"]["house"], "endpoints": [other.url]}
    policy["deployments"] = {
        "one": {"provider": "house", "model": "one-sim"},
        "two": {"provider": "other", "model": "two-sim"},
    }
    policy["aliases"] = {"chat": {"chain": [{"use": {"one": weight, "two": 1}}], "affinity": affinity}}
    return policy


def call(gateway: Gateway, session: str = "", text: str = "hello", **fields: Any) -> Answer:  # noqa: ANN401 - JSON
    answer = gateway.ask("POST", PATH, chat(text=text, **fields), {"x-session-id": session} if session else {})
    assert answer.status == 200
    return answer


def are_open(providers: tuple[Provider, ...], calls: int) -> bool:
    return sum(int(provider.bill()["open"]) for provider in providers) == calls


def place(answer: Answer) -> str:
    return answer.header("headgate-deployment") or ""


def test_a_session_stays_at_one_deployment_and_sessions_spread(launch: Launch, pair: tuple[Provider, Provider]) -> None:
    gateway = launch(policy(*pair, "session"))
    places = defaultdict(set)
    for _ in range(3):
        for session in range(SESSIONS):
            places[session].add(place(call(gateway, f"s-{session}")))
    assert all(len(where) == 1 for where in places.values())
    counts = Counter(next(iter(where)) for where in places.values())
    assert min(counts["one"], counts["two"]) >= SESSIONS / 4
    named = {place(call(gateway, prompt_cache_key="s-7")) for _ in range(6)}
    assert named == places[7], "the body may name it as well"
    anywhere = {place(call(gateway)) for _ in range(40)}
    assert anywhere == {"one", "two"}, "a call of no session goes where the balance says"


def test_a_session_stays_at_one_endpoint(launch: Launch, pair: tuple[Provider, Provider]) -> None:
    one, other = pair
    settings = small(one.url, other.url)
    settings["aliases"]["chat"]["affinity"] = "session"
    gateway = launch(settings)
    for _ in range(3):
        for session in range(SESSIONS):
            call(gateway, f"s-{session}", text=f"I am {session}")
    met = [{entry["body_crc32"] for entry in provider.calls()} for provider in pair]
    assert not met[0] & met[1], "no session was at both"
    assert min(len(sessions) for sessions in met) >= SESSIONS / 4


def test_prompts_that_begin_alike_stay_together_for_each_caller(
    launch: Launch, pair: tuple[Provider, Provider]
) -> None:
    other = "hg-other-Qk7Wm2Xv9Lr4Tz8Bn5Yd"
    settings = policy(*pair, "prefix")
    settings["keys"] = [
        {"name": name, "secret": f"${{env:{variable}}}"} for name, variable in (("a", "CALLER_KEY"), ("b", "OTHER_KEY"))
    ]
    gateway = launch(settings, {**ENVIRONMENT, "OTHER_KEY": other})

    def ask(key: str, number: int, tail: str) -> str:
        text = f"{number} " + "You are a careful assistant. " * 50 + tail
        headers = {"authorization": f"Bearer {key}"}
        return place(gateway.ask("POST", PATH, chat(text=text), headers))

    homes = {key: [ask(key, number, "first") for number in range(SESSIONS)] for key in (CALLER_KEY, other)}
    for key, found in homes.items():
        assert [ask(key, number, "and then") for number in range(SESSIONS)] == found
        assert set(found) == {"one", "two"}
    assert homes[CALLER_KEY] != homes[other], "what one caller sends does not decide where another's calls go"


def test_a_session_overflows_where_it_is_too_much_for_one_place(
    launch: Launch, pair: tuple[Provider, Provider]
) -> None:
    gateway = launch(policy(*pair, "session"))
    body = json.dumps(chat()).encode()
    with ExitStack() as stack:
        for number in range(1, 17):
            connection = stack.enter_context(Connection(gateway.data))
            connection.send(request("POST", PATH, body, {"x-session-id": "busy", "x-sim-fault": "never-head"}))
            until(partial(are_open, pair, number), "the call is with a provider")
        assert sorted(each.bill()["open"] for each in pair) == [6, 10], "125 % of a half of sixteen, and the rest"


def test_a_session_moves_while_its_place_is_out_and_comes_back(launch: Launch) -> None:
    with ExitStack() as stack:
        failing = Provider.start(scenario=[{"match": {"first": 5}, "fault": "status;code=500"}])
        sound = Provider.start()
        stack.callback(failing.stop)
        stack.callback(sound.stop)
        settings = policy(failing, sound, "session", weight=1_000_000)
        settings["resilience"] = {"breaker": {"consecutive": 5, "open": "1s"}}
        gateway = launch(settings)
        for _ in range(5):
            answer = call(gateway, "mine")
            assert (place(answer), answer.header("headgate-attempts")) == ("two", "2"), "at home it fails"
        away = call(gateway, "mine")
        assert (place(away), away.header("headgate-attempts")) == ("two", "1")
        until(lambda: place(call(gateway, "mine")) == "one", "the breaker lets it back")
        assert {place(call(gateway, "mine")) for _ in range(10)} == {"one"}


def test_a_form_has_its_session_in_the_header(launch: Launch, pair: tuple[Provider, Provider]) -> None:
    gateway = launch(policy(*pair, "session"))
    form = (
        b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nchat\r\n--b\r\ncontent-disposition: form-data; '
        b'name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\nRIFFsound\r\n--b--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=b", "x-session-id": "s-1"}
    answers = [gateway.ask("POST", "/v1/audio/transcriptions", form, headers) for _ in range(10)]
    assert {answer.status for answer in answers} == {200}
    assert len({place(answer) for answer in answers}) == 1
