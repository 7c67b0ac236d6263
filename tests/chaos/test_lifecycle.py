"""O14 and O15: reloads and drains while providers fail; and what the machine can do to the gateway itself."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.chaos import events, recorded
from tests.chaos.tap import Tap, Taps
from tests.chaos.world import PATH
from tests.harness import gateway as processes
from tests.harness.fixtures import Launch, compile_plan
from tests.harness.gateway import Gateway, Policy
from tests.harness.load import Load
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

STREAMS = 6
PAUSE = "stall;at=4;ms=1000"
"""A stream that takes a while."""
PROGRAMS = pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])


@dataclass(frozen=True)
class World:
    """A primary that fails for the models whose names say so, and a spare."""

    primary: Tap
    spare: Tap

    def policy(self, version: str = "a", **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
        """A policy; its version shows in the model's name and in a header, both at the provider."""
        usual = {"resilience": {"retry": {"base": "10ms"}, "breaker": {}}}
        policy = small(self.primary.url, log={"calls": "off"}, **{**usual, **sections})
        policy["providers"]["house"]["headers"] = {"x-plan": version}
        policy["providers"]["spare"] = {"dialect": "openai", "endpoints": [self.spare.url]}
        policy["deployments"] = {
            "steady": {"provider": "house", "model": f"steady-{version}"},
            "failing": {"provider": "house", "model": "failing"},
            "waiting": {"provider": "house", "model": "waiting"},
            "spare": {"provider": "spare", "model": "spare"},
        }
        policy["aliases"] = {
            "chat": alias("steady"),
            "safe": alias("failing", "spare"),
            "waiting": alias("waiting"),
            "other": alias("spare"),
        }
        return policy


@pytest.fixture
def world() -> Iterator[World]:
    """With empty records."""
    rules = [
        {"match": {"model": "failing"}, "fault": "status;code=500"},
        {"match": {"model": "waiting", "first": 1}, "fault": "status;code=502, retry-after;as=seconds;value=1"},
    ]
    with ExitStack() as stack:
        taps = stack.enter_context(Taps())
        failing, sound = Provider.start(scenario=rules), Provider.start()
        stack.callback(failing.stop)
        stack.callback(sound.stop)
        yield World(taps.to(failing.address), taps.to(sound.address))


def rewrite(gateway: Gateway, policy: Policy, *, daemon: bool = False) -> None:
    """Another policy in the place of the one that is served."""
    path = processes.write(policy, gateway.log.with_name("policy.yaml"))
    if daemon:
        compile_plan(path)


def open_streams(stack: ExitStack, gateway: Gateway, model: str = "chat", fault: str = PAUSE) -> list[Connection]:
    """Streams whose first content has come."""
    headers = {"x-sim-fault": fault} if fault else {}
    opened = [stack.enter_context(Connection(gateway.data)) for _ in range(STREAMS)]
    for connection in opened:
        connection.send(request("POST", PATH, json.dumps(chat(model, stream=True)).encode(), headers))
    for connection in opened:
        connection.read_until(b"data: ")
    return opened


def are_whole(answers: list[Answer], *taps: Tap) -> None:
    """Each is one provider's whole answer, byte for byte."""
    bodies = [one.owed for tap in taps for one in recorded.exchanges(tap)]
    for answer in answers:
        assert answer.status == 200
        assert answer.whole
        assert events.terminals(answer.body)[-1][1] == "done"
        assert answer.body in bodies


@PROGRAMS
def test_a_reload_leaves_open_streams_alone_and_new_calls_are_all_old_or_all_new(
    launch: Launch, world: World, *, daemon: bool
) -> None:
    """O14."""
    gateway = launch(world.policy("a"), daemon=daemon)
    with ExitStack() as stack:
        streams = open_streams(stack, gateway)
        with Load(gateway.data) as load:
            for number, version in enumerate("bcdb", 1):
                rewrite(gateway, world.policy(version), daemon=daemon)
                gateway.wait_for("reloaded", number)
                load.progress(20)
        are_whole([stream.answer() for stream in streams], world.primary)
    assert not load.lost
    asked = {(one.line("x-plan"), one.asked["model"]) for one in recorded.exchanges(world.primary)}
    assert asked == {(version, f"steady-{version}") for version in "abcd"}


def test_a_reload_does_not_forget_what_has_failed(launch: Launch, world: World) -> None:
    sections = {"resilience": {"breaker": {"open": "1m"}, "retry": {"base": "1ms"}}}
    gateway = launch(world.policy("a", **sections))
    for _ in range(12):
        assert gateway.ask("POST", PATH, chat("safe")).status == 200
    rewrite(gateway, world.policy("b", **sections))
    gateway.wait_for("reloaded")
    world.primary.forget()
    assert [gateway.ask("POST", PATH, chat("safe")).status for _ in range(12)] == [200] * 12
    assert not recorded.exchanges(world.primary), "its breaker is still open"


def test_a_policy_that_is_wrong_changes_nothing(launch: Launch, world: World) -> None:
    gateway = launch(world.policy("a"))
    with ExitStack() as stack, Load(gateway.data) as load:
        streams = open_streams(stack, gateway)
        rewrite(gateway, world.policy("b") | {"aliases": {"chat": alias("nobody")}})
        gateway.wait_for("reload_refused")
        load.progress(20)
        are_whole([stream.answer() for stream in streams], world.primary)
    assert not load.lost
    assert {one.line("x-plan") for one in recorded.exchanges(world.primary)} == {"a"}


@PROGRAMS
def test_a_drain_cuts_nothing_before_its_time_while_a_provider_fails(
    launch: Launch, world: World, *, daemon: bool
) -> None:
    """O15: neither streams, nor calls that are between two attempts."""
    drain = {"drain": {"accept_for": "0s", "grace": "20s"}}
    gateway = launch(world.policy("a", **drain), daemon=daemon)
    with ExitStack() as stack:
        streams = open_streams(stack, gateway)
        between = stack.enter_context(Connection(gateway.data))
        between.send(request("POST", PATH, json.dumps(chat("waiting")).encode()))
        until(lambda: any(one.status == 502 for one in recorded.exchanges(world.primary)), "it waits to try again")
        gateway.send(signal.SIGTERM)
        gateway.wait_for("draining")
        are_whole([stream.answer() for stream in streams], world.primary)
        answer = between.answer()
        assert (answer.status, answer.header("headgate-attempts")) == (200, "2")
    assert gateway.wait() == 0


def test_a_drain_under_load_with_a_failing_primary_loses_no_call(launch: Launch, world: World) -> None:
    policy = world.policy("a", drain={"accept_for": "500ms", "grace": "20s"})
    policy["aliases"]["chat"] = policy["aliases"]["safe"]
    gateway = launch(policy)
    with Load(gateway.data) as load:
        gateway.send(signal.SIGTERM)
        load.ended()
    assert gateway.wait() == 0
    assert not load.lost


def test_a_gateway_that_was_stopped_for_a_while_goes_on(launch: Launch, world: World) -> None:
    """SIGSTOP, as a debugger or a frozen cgroup does it; no deadline of the calls has passed."""
    gateway = launch(world.policy())
    with ExitStack() as stack:
        streams = open_streams(stack, gateway, fault="stall;at=4;ms=300")
        gateway.send(signal.SIGSTOP)
        time.sleep(1.0)
        gateway.send(signal.SIGCONT)
        are_whole([stream.answer() for stream in streams], world.primary)
    assert gateway.ask("POST", PATH, chat("safe")).status == 200


def test_deadlines_that_passed_while_it_was_stopped_end_calls_as_errors_and_harm_nobody(
    launch: Launch, world: World
) -> None:
    timeouts = {"idle": "300ms", "first_token": "300ms", "attempt": "300ms"}
    gateway = launch(world.policy(resilience={"timeouts": timeouts, "retry": {"base": "1ms"}, "breaker": {}}))
    with ExitStack() as stack:
        streams = open_streams(stack, gateway, fault="stall;at=4;ms=200")
        gateway.send(signal.SIGSTOP)
        time.sleep(1.0)
        gateway.send(signal.SIGCONT)
        for stream in streams:
            answer = stream.answer()
            [(_, how)] = events.terminals(answer.body)
            assert how == "done" or events.error_code(answer.body) == "idle_timeout"
    assert gateway.ask("POST", PATH, chat()).status == 200


@PROGRAMS
def test_a_gateway_that_is_killed_leaves_no_answer_that_looks_whole(
    launch: Launch, world: World, *, daemon: bool
) -> None:
    gateway = launch(world.policy(), daemon=daemon)
    with ExitStack() as stack:
        streams = open_streams(stack, gateway)
        gateway.send(signal.SIGKILL)
        answers = [stream.answer() for stream in streams]
    assert not any(answer.whole for answer in answers)
    assert not any(events.terminals(answer.body) for answer in answers)
    until(lambda: all(leg.ended("gateway") for leg in world.primary.legs), "the provider's calls are given up")


def test_a_gateway_that_was_out_of_descriptors_serves_again(launch: Launch, world: World) -> None:
    gateway = launch(world.policy())
    assert gateway.ask("POST", PATH, chat()).status == 200
    used = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))
    soft = limit_descriptors(gateway, used + 6)
    with ExitStack() as stack:
        for _ in range(24):
            stack.enter_context(Connection(gateway.data))
        time.sleep(0.1)
    limit_descriptors(gateway, soft)
    until(lambda: answers(gateway), "it serves again")


@PROGRAMS
def test_without_a_descriptor_left_calls_are_told_so_and_no_provider_is_blamed(
    launch: Launch, world: World, *, daemon: bool
) -> None:
    """O8: what the gateway lacks is nobody else's fault."""
    gateway = launch(world.policy(), daemon=daemon)
    with Connection(gateway.data) as before, ExitStack() as stack:
        assert before.ask("POST", PATH, json.dumps(chat()).encode()).status == 200
        soft = limit_descriptors(gateway, 1)  # what is open stays open, and nothing more can be opened
        for _ in range(12):
            answer = before.ask("POST", PATH, json.dumps(chat("other")).encode())
            assert (answer.status, answer.code) == (503, "overloaded")
            assert answer.header("x-should-retry") == "true"
            assert "descriptor" in answer.json()["error"]["message"]
        assert before.ask("POST", PATH, json.dumps(chat()).encode()).status == 200, "over a connection that is there"
        waiting = stack.enter_context(Connection(gateway.data))
        waiting.send(request("POST", PATH, json.dumps(chat("other")).encode()))
        limit_descriptors(gateway, soft)
        assert before.ask("POST", PATH, json.dumps(chat("other")).encode()).status == 200
        assert waiting.answer().status == 200, "who came meanwhile has waited"
    assert not gateway.lines("breaker_opened")


def limit_descriptors(gateway: Gateway, limit: int) -> int:
    """Sets how many descriptors the process may have; returns how many it might before."""
    before = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    return before[0]


def answers(gateway: Gateway) -> bool:
    """Whether a call is answered."""
    try:
        return gateway.ask("POST", PATH, chat()).status == 200
    except (OSError, AssertionError):
        return False
