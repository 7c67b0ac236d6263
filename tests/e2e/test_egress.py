"""The way out: proxies, addresses that calls never go to, providers that do not answer the phone."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack

import pytest

from tests.harness import gateway as processes
from tests.harness import ports
from tests.harness.fixtures import Launch, compile_plan, run
from tests.harness.gateway import Gateway
from tests.harness.policies import ENVIRONMENT, alias, small
from tests.harness.provider import Provider
from tests.harness.proxy import Proxy
from tests.harness.wire import chat

PATH = "/v1/chat/completions"


def test_calls_go_through_the_proxy_that_the_policy_names_and_explain_says_so(launch: Launch, bill: Provider) -> None:
    with Proxy() as proxy:
        gateway = launch(small(bill.url, egress={"proxy": f"http://{proxy.address}"}))
        assert gateway.ask("POST", PATH, chat()).status == 200
        assert gateway.ask("POST", PATH, chat(stream=True)).events[-1] == "[DONE]"
        assert proxy.asked
        assert all(bill.address in line for line in proxy.asked)
        told = run("explain", str(gateway.log.with_name("policy.yaml")), "--model", "chat", "--json")
        assert proxy.address in told.stdout
        gateway.stop()
    assert bill.bill()["totals"]["calls"] == 2


def test_a_proxy_of_the_environment_is_left_out_for_loopback(launch: Launch, bill: Provider) -> None:
    with Proxy() as proxy:
        environment = {**ENVIRONMENT, "HTTP_PROXY": f"http://{proxy.address}", "ALL_PROXY": f"http://{proxy.address}"}
        gateway = launch(small(bill.url, egress={"proxy": "env"}), environment)
        assert gateway.ask("POST", PATH, chat()).status == 200
        assert not proxy.asked
        gateway.stop()


def test_a_proxy_that_is_gone_is_a_provider_that_cannot_be_reached(
    launch: Launch, bill: Provider, closed_port: int
) -> None:
    gateway = launch(small(bill.url, egress={"proxy": f"http://127.0.0.1:{closed_port}"}))
    answer = gateway.ask("POST", PATH, chat())
    assert (answer.status, answer.code) == (502, "provider_unreachable")
    assert bill.bill()["totals"]["calls"] == 0


@pytest.fixture
def silent() -> object:
    """A port that does not take up connections: its queue is full."""
    with ExitStack() as stack:
        yield ports.full(stack)


def test_a_provider_that_does_not_take_up_the_connection_is_passed_over_in_time(
    launch: Launch, bill: Provider, silent: int
) -> None:
    policy = small(bill.url, resilience={"timeouts": {"connect": "200ms"}})
    policy["providers"]["silent"] = {"dialect": "openai", "endpoints": [f"http://127.0.0.1:{silent}/v1"]}
    policy["deployments"]["silent"] = {"provider": "silent", "model": "m"}
    policy["aliases"] |= {"mute": alias("silent"), "safe": alias("silent", "gpt")}
    gateway = launch(policy)
    alone = gateway.ask("POST", PATH, chat("mute"))
    assert (alone.status, alone.code) == (504, "connect_timeout")
    passed = gateway.ask("POST", PATH, chat("safe"))
    assert (passed.status, passed.header("headgate-attempts")) == (200, "2")


@pytest.mark.parametrize("host", ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"])
def test_no_plan_sends_calls_to_a_metadata_address(launch: Launch, provider: Provider, host: str) -> None:
    """The compiler refuses such a policy; a plan that was written by hand meets the guard of the data plane."""
    gateway = launch(small(provider.url), daemon=True)
    path = gateway.log.with_name("plan.json")
    plan = json.loads(path.read_text(encoding="utf-8"))
    plan["providers"][0]["endpoints"][0] |= {"host": host, "port": 80}
    del plan["hash"]
    canonical = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    plan["hash"] = hashlib.sha256(canonical).hexdigest()
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    draft.rename(path)
    gateway.wait_for("reloaded")
    answer = gateway.ask("POST", PATH, chat())
    assert (answer.status, answer.code) == (502, "egress_refused")


def test_a_policy_that_names_a_metadata_address_is_refused(launch: Launch, provider: Provider) -> None:
    gateway: Gateway = launch(small(provider.url))
    path = processes.write(small("http://169.254.169.254/v1"), gateway.log.with_name("other.yaml"))
    checked = run("check", str(path))
    assert checked.returncode == 78
    assert "metadata" in checked.stderr
    assert compile_plan(gateway.log.with_name("policy.yaml")).exists()
