"""`headgated`: the same data plane from a compiled plan, without Python."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.conftest import BEARER, SECRETS, usual
from tests.harness import gateway as processes
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.policies import CALLER_KEY, PROVIDER_KEY
from tests.harness.provider import Provider
from tests.harness.wire import chat


@pytest.fixture
def daemon(launch: Launch, provider: Provider, closed_port: int) -> Gateway:
    return launch(usual(provider, closed_port), SECRETS, daemon=True)


def test_it_serves_what_the_policy_says(daemon: Gateway, bill: Provider) -> None:
    for model, attempts in (("chat", "1"), ("safe", "2"), ("fast-x", "1")):
        answer = daemon.ask("POST", "/v1/chat/completions", chat(model), BEARER)
        assert (answer.status, answer.header("headgate-attempts")) == (200, attempts)
    assert daemon.ask("POST", "/v1/chat/completions", chat(stream=True), BEARER).events[-1] == "[DONE]"
    assert daemon.ask("POST", "/v1/chat/completions", chat()).status == 401
    assert daemon.ask("GET", "/v1/files", None, BEARER).status == 200
    assert bill.bill()["totals"]["calls"] == 5


def test_its_plan_holds_references_and_no_secret(daemon: Gateway) -> None:
    plan = daemon.log.with_name("plan.json").read_text(encoding="utf-8")
    assert "PROVIDER_KEY" in plan
    assert PROVIDER_KEY not in plan
    assert CALLER_KEY not in plan
    assert json.loads(plan)["hash"] == json.loads(daemon.probe("/stats").body)["plan_hash"]


def test_it_says_which_version_it_is() -> None:
    told = subprocess.run([processes.headgated(), "--version"], capture_output=True, text=True, check=True, timeout=10)
    assert told.stdout.startswith("headgated ")
