"""`on_cut: continue`: a stream that its provider cuts is gone on with by another attempt, once and exactly."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import pytest

from tests.harness.fixtures import Launch, launcher
from tests.harness.gateway import Gateway, Line, Policy
from tests.harness.metrics import Metrics
from tests.harness.policies import alias, small
from tests.harness.provider import Bill, Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, ask, chat, request

PATH = "/v1/chat/completions"
TOKENS = 8
HOWS = ("close", "clean", "reset")
PROMPT = "hello"
MARK = re.compile(r": headgate-continued by=(\S+) after=(\d+)\n\n")
FORMS = ("assistant", "continue_final_message", "prefix")
CONTENT_AT = 1
"""The number of the first event with content: a role comes first."""


class World(NamedTuple):
    """A gateway between a provider that cuts by the name of the model, and one that does not."""

    gateway: Gateway
    cutting: Provider
    sound: Provider
    whole: str
    """The text of an answer that is not cut."""
    ends: list[int]
    """Where the events of its stream end: usage and `[DONE]` are the last."""

    def reset(self) -> None:
        """Empties both bills."""
        self.cutting.reset()
        self.sound.reset()

    def bills(self) -> tuple[list[Bill], list[Bill]]:
        """The calls that either was asked, oldest first."""
        return self.cutting.calls(), self.sound.calls()


@pytest.fixture(scope="module")
def providers() -> Iterator[tuple[Provider, Provider, list[int]]]:
    """Two providers that say the same; the golden stream is read first, so that there is a rule for every place."""
    probe = Provider.start(tokens={"fixed": TOKENS})
    asked = chat("cut-close-00000", text=PROMPT, stream=True, stream_options={"include_usage": True})
    body = ask(probe.address, "POST", PATH, asked).body
    probe.stop()
    ends = [found.end() for found in re.finditer(rb"\n\n", body)]
    rules: list[dict[str, Any]] = [
        {"match": {"model": f"cut-{how}-{at:05}"}, "fault": f"cut;at={at};how={how}"}
        for how in HOWS
        for at in range(ends[-1])
    ]
    middle = {"fault": f"cut;at={ends[4]}"}
    rules += [
        {"match": {"model": "once", "nth": 1}, **middle},
        {"match": {"model": "silent"}, "fault": "stall;at=4;ms=0"},
    ]
    # An error that comes in one piece with the first content is an ordinary failure, so these take their time.
    rules += [
        {"match": {"model": name}, "fault": f"error-event;at=middle;name={code}", "gap_ms": {"fixed": 20}}
        for name, code in (("error", "server_error"), ("denied", "insufficient_quota"))
    ]
    rules += [{"match": {"model": f"{name}*"}, **middle} for name in ("twice", "hang", "fail", "cut", "tools")]
    second: list[dict[str, Any]] = [
        {"match": {"model": "twice"}, **middle},
        {"match": {"model": "hang"}, "fault": "stall;at=0;ms=0"},
        {"match": {"model": "fail"}, "fault": "status;code=500"},
    ]
    with ExitStack() as stack:
        cutting = Provider.start(tokens={"fixed": TOKENS}, scenario=rules)
        stack.callback(cutting.stop)
        sound = Provider.start(tokens={"fixed": TOKENS}, scenario=second)
        stack.callback(sound.stop)
        yield cutting, sound, ends


def policy(cutting: Provider, sound: Provider, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """`FORM-*`: the cutting provider first, then the sound one, which goes on asked in that form."""
    made = small(cutting.url, **sections)
    made["resilience"] |= {
        "breaker": {"consecutive": 100_000, "ratio": 1.0, "min_calls": 100_000},
        "timeouts": {"idle": "500ms", "first_token": "3s"},
    }
    made["providers"]["sound"] = {"dialect": "openai", "endpoints": [sound.url]}
    made["providers"]["poor"] = {**made["providers"]["house"], "retry": {"budget_ratio": 0, "budget_floor": 0}}
    free, dear = ({"input_per_million_usd": price, "output_per_million_usd": price} for price in (0, 1))
    first = {"model": "{1}", "price": free}
    made["deployments"] = {
        "first": {"provider": "house", **first},
        "alone": {"provider": "house", **first, "prefill": "prefix"},
        "poor": {"provider": "poor", **first, "prefill": "prefix"},
        "another": {"provider": "sound", "model": "other-{1}", "price": dear, "prefill": "prefix"},
        **{form: {"provider": "sound", "model": "{1}", "price": dear, "prefill": form} for form in FORMS},
    }
    cheapest = {"balance": "cheapest"}
    chains: dict[str, list[dict[str, Any]]] = {
        **{form: [{"use": ["first", form], **cheapest}] for form in FORMS},
        "alone": [{"use": ["alone"]}],
        "tried": [{"use": ["alone"]}],
        "poor": [{"use": ["poor"]}],
        "fallback": [{"use": ["first"]}, {"use": ["prefix"]}],
        "another": [{"use": ["first", "another"], **cheapest}],
    }
    made["aliases"] = {f"{name}-*": {"chain": chain, "on_cut": "continue"} for name, chain in chains.items()}
    for name in ("alone", "poor"):
        made["aliases"][f"{name}-*"]["retry"] = {"max_attempts": 2}
    made["aliases"]["off-*"] = alias(["first", "prefix"])
    made["aliases"]["off-*"]["chain"][0] |= cheapest
    return made


@pytest.fixture(scope="module")
def world(providers: tuple[Provider, Provider, list[int]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The gateway of this file."""
    cutting, sound, ends = providers
    with launcher(tmp_path_factory.mktemp("continued")) as launch:
        gateway = launch(policy(cutting, sound))
        whole = text(call(gateway, "prefix-sound"))
        assert len(whole) > TOKENS
        yield World(gateway, cutting, sound, whole, ends)


def call(gateway: Gateway, model: str, **fields: Any) -> Answer:  # noqa: ANN401 - JSON
    return gateway.ask("POST", PATH, chat(model, text=PROMPT, stream=True, **fields))


def chunks(answer: Answer) -> list[Any]:
    return [json.loads(event) for event in answer.events if event != "[DONE]"]


def text(answer: Answer) -> str:
    """What an SDK would show."""
    choices = [chunk["choices"][0] for chunk in chunks(answer) if chunk.get("choices")]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def is_whole(answer: Answer) -> bool:
    return answer.whole and answer.events[-1] == "[DONE]" and "error" not in chunks(answer)[-1]


def error(answer: Answer) -> str:
    """The code of the error event that a stream ends with."""
    assert answer.events[-1] != "[DONE]"
    return str(json.loads(answer.events[-1])["error"]["code"])


def line(world: World, answer: Answer) -> Line:
    """The call's line in the log."""
    name = answer.header("headgate-request-id")
    found = until(lambda: [line for line in world.gateway.lines("call") if line["id"] == name], "its line")
    return found[0]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("form", FORMS)
def test_a_text_that_is_cut_at_any_event_comes_once_and_whole(world: World, form: str, how: str) -> None:
    wrong = {}
    first, finish = world.ends[CONTENT_AT], world.ends[-3]
    for end in world.ends:
        for at in (end - 60, end - 1, end, end + 1):
            if not 0 < at < world.ends[-1] - 2:
                continue
            answer = call(world.gateway, f"{form}-cut-{how}-{at:05}")
            marks = MARK.findall(answer.body.decode())
            if at < first:
                fine = is_whole(answer) and text(answer) == world.whole and not marks
            elif at < finish:
                said = sum(at >= end for end in world.ends[CONTENT_AT:-3]) * 4
                fine = is_whole(answer) and text(answer) == world.whole and marks == [(form, str(said))]
            else:
                fine = error(answer) == "stream_cut" and text(answer) == world.whole and not marks
            if not fine:
                wrong[at] = (marks, answer.body[-300:])
    assert not wrong, f"{len(wrong)}: {list(wrong.items())[:2]}"


@pytest.mark.parametrize("model", ["error", "silent"])
def test_an_error_event_and_a_silence_are_cuts_as_well(world: World, model: str) -> None:
    answer = call(world.gateway, f"prefix-{model}")
    assert is_whole(answer)
    assert text(answer) == world.whole
    assert len(MARK.findall(answer.body.decode())) == 1
    assert [attempt["class"] for attempt in line(world, answer)["attempts"]] == [
        "timeout" if model == "silent" else "unavailable",
        "good",
    ]


def test_both_legs_are_one_answer_and_two_attempts(world: World) -> None:
    world.reset()
    answer = call(world.gateway, f"prefix-cut-close-{world.ends[4]:05}")
    told = chunks(answer)
    assert len({(chunk["id"], chunk["created"]) for chunk in told}) == 1
    assert [chunk["choices"][0]["delta"].get("role") for chunk in told].count("assistant") == 1
    assert len([chunk for chunk in told if chunk["choices"][0]["finish_reason"]]) == 1
    first, second = line(world, answer)["attempts"]
    assert (first["deployment"], first["class"], first["blame"], first["then"]) == (
        "first",
        "unavailable",
        "endpoint_model",
        "continue",
    )
    assert (second["deployment"], second["class"], second["then"]) == ("prefix", "good", "")
    assert line(world, answer)["continued"] == "whole"
    [cut], [rest] = world.bills()
    assert not cut["whole"]
    assert rest["whole"]
    assert cut["completion_tokens"] + rest["completion_tokens"] == TOKENS
    assert rest["prompt_tokens"] == cut["prompt_tokens"] + 4 + cut["completion_tokens"], "it reads what was said"
    counted = Metrics.of(world.gateway)
    assert counted.sum("headgate_continuations_total", alias="prefix-*", outcome="whole") > 0


def test_the_usage_is_that_of_the_second(world: World) -> None:
    world.reset()
    answer = call(world.gateway, "prefix-cut", stream_options={"include_usage": True})
    assert text(answer) == world.whole
    [_], [rest] = world.bills()
    usage = chunks(answer)[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (rest["prompt_tokens"], rest["completion_tokens"])


def test_a_limit_of_tokens_is_that_of_the_whole_answer(world: World) -> None:
    answer = call(world.gateway, "prefix-cut", max_tokens=TOKENS - 2)
    assert text(answer) == world.whole[: 4 * (TOKENS - 2)]
    assert chunks(answer)[-1]["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        {"response_format": {"type": "json_object"}},
        {"logprobs": True},
        {"n": 2},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_what_is_not_one_plain_text_ends_as_an_error(world: World, fields: dict[str, Any]) -> None:
    world.reset()
    answer = world.gateway.ask("POST", PATH, chat("prefix-cut", text="json", stream=True, **fields))
    assert error(answer) == "stream_cut"
    assert world.bills()[1] == []
    assert line(world, answer)["continued"] == "unfit"


def test_a_tool_call_is_never_gone_on_with(world: World) -> None:
    world.reset()
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    answer = call(world.gateway, "prefix-tools", tools=[tool])
    assert error(answer) == "stream_cut"
    assert world.bills()[1] == []


@pytest.mark.parametrize("model", ["fallback-cut", "another-cut", "off-cut"])
def test_where_nobody_can_go_on_the_stream_ends_as_an_error(world: World, model: str) -> None:
    world.reset()
    answer = call(world.gateway, model)
    assert error(answer) == "stream_cut"
    assert world.bills()[1] == []
    assert line(world, answer)["continued"] is None


def test_a_provider_may_go_on_with_its_own_text(world: World) -> None:
    answer = call(world.gateway, "alone-once")
    assert is_whole(answer)
    assert text(answer) == world.whole
    assert [attempt["then"] for attempt in line(world, answer)["attempts"]] == ["continue", ""]


@pytest.mark.parametrize(("model", "then"), [("poor-cut", "budget"), ("tried-cut", "attempts")])
def test_a_spent_budget_and_spent_attempts_end_the_stream_as_an_error(world: World, model: str, then: str) -> None:
    world.reset()
    answer = call(world.gateway, model)
    assert error(answer) == "stream_cut"
    told = line(world, answer)
    assert ([attempt["then"] for attempt in told["attempts"]], told["continued"]) == ([then], "refused")
    assert len(world.bills()[0]) == 1


def test_an_error_that_another_attempt_does_not_mend_is_passed_on(world: World, launch: Launch) -> None:
    """Its own gateway: the credential is left alone from then on."""
    world.reset()
    answer = call(launch(policy(world.cutting, world.sound)), "prefix-denied")
    assert error(answer) == "insufficient_quota", "as the provider wrote it"
    assert world.bills()[1] == []


@pytest.mark.parametrize(("model", "became"), [("twice", "cut"), ("fail", "failed")])
def test_there_is_one_attempt_to_go_on(world: World, model: str, became: str) -> None:
    world.reset()
    answer = call(world.gateway, f"prefix-{model}")
    assert error(answer) == "stream_cut"
    assert world.whole.startswith(text(answer))
    told = line(world, answer)
    assert (told["outcome"], told["continued"], len(told["attempts"])) == ("cut", became, 2)
    assert [len(bill) for bill in world.bills()] == [1, 1]


def in_the_seam(connection: Connection, sound: Provider) -> None:
    """A call that waits for the one that goes on."""
    body = json.dumps(chat("prefix-hang", text=PROMPT, stream=True)).encode()
    connection.send(request("POST", PATH, body))
    connection.read_until(b'"content":"')
    until(lambda: sound.bill()["open"] == 1, "the second attempt is with its provider")


def levels(gateway: Gateway) -> dict[str, float]:
    metrics = Metrics.of(gateway)
    names = ("headgate_calls_in_flight", "headgate_streams_open", "headgate_buffered_bytes")
    return {name: metrics.sum(name) for name in names}


def test_a_caller_that_leaves_in_the_seam_leaves_nothing_behind(world: World) -> None:
    world.reset()
    with Connection(world.gateway.data) as connection:
        in_the_seam(connection, world.sound)
        assert all(level > 0 for level in levels(world.gateway).values()), (
            "the body is held as long as it may be needed"
        )
    world.sound.wait(lambda bill: bill["open"] == 0, "the second attempt was given up")
    until(lambda: not any(levels(world.gateway).values()), "nothing is held")
    gone = until(
        lambda: [line for line in world.gateway.lines("call") if line["outcome"] == "client_gone"],
        "its line is written",
    )
    assert [line["continued"] for line in gone] == ["client_gone"]


def test_a_drain_in_the_seam_tells_the_caller(world: World, launch: Launch) -> None:
    world.reset()
    gateway = launch(policy(world.cutting, world.sound, drain={"accept_for": "0s", "grace": "500ms"}))
    with Connection(gateway.data) as connection:
        in_the_seam(connection, world.sound)
        gateway.send(signal.SIGTERM)
        answer = connection.answer()
    assert not answer.whole
    assert error(answer) == "drain_cut"
    assert gateway.wait() == 0


def test_what_is_off_holds_nothing(world: World) -> None:
    with Connection(world.gateway.data) as connection:
        body = json.dumps(chat("off-silent", text=PROMPT, stream=True)).encode()
        connection.send(request("POST", PATH, body))
        connection.read_until(b'"content":"')
        assert levels(world.gateway)["headgate_buffered_bytes"] == 0
