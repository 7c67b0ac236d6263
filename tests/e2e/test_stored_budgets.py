"""Budgets that are set and money that is granted while the gateway serves, and limits of keys that are made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.harness.fixtures import Launch, run
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, chat

PATH = "/v1/chat/completions"
PRICE = {"input_per_million_usd": 1_000, "output_per_million_usd": 2_000}
Run = Callable[..., str]
APPROVAL = "apr_" + "0a" * 10


@pytest.fixture
def policy(provider: Provider) -> Policy:
    """A policy with a ledger, a team, a key and a price: a call costs a few cents."""
    policy = small(
        provider.url,
        ledger="sqlite:///ledger.db",
        identity={"agent": "header x-agent-id"},
        teams={"platform": {}},
        keys=[{"name": "ci", "secret": "${env:CALLER_KEY}", "team": "platform"}],
    )
    policy["deployments"]["gpt"]["price"] = PRICE
    return policy


@pytest.fixture
def gateway(launch: Launch, policy: Policy) -> Gateway:
    """A gateway that serves the policy."""
    return launch(policy, ENVIRONMENT)


@pytest.fixture
def headgate(gateway: Gateway) -> Run:
    """Runs a command with the gateway's policy; returns what it printed."""

    def ran(*arguments: str, code: int = 0) -> str:
        ended = run(*arguments, "--policy", str(gateway.log.with_name("policy.yaml")))
        assert ended.returncode == code, ended.stderr
        return ended.stdout if code == 0 else ended.stderr

    return ran


def call(gateway: Gateway, secret: str = CALLER_KEY) -> Answer:
    """One call that is bounded to 16 tokens."""
    head = {"authorization": f"Bearer {secret}", "x-agent-id": "a1"}
    return gateway.ask("POST", PATH, chat(max_tokens=16), head)


def soon(gateway: Gateway, code: str | None) -> Answer:
    """The first answer with this code of an error, or without one."""

    def asked() -> Answer | None:
        answer = call(gateway)
        return answer if (answer.status == 200) == (code is None) and (code is None or answer.code == code) else None

    return until(asked, f"a call gets {code or '200'}") or call(gateway)


def test_a_budget_counts_within_a_second_and_another_takes_its_place(gateway: Gateway, headgate: Run) -> None:
    assert call(gateway).status == 200
    headgate("budget", "set", "0.000001/day", "--per", "team", "--value", "platform")
    soon(gateway, "insufficient_quota")
    assert (
        headgate("budget", "set", "100/day", "--per", "team", "--value", "platform")
        == "set: team.usd_per_day=platform\n"
    )
    soon(gateway, None)
    (row,) = json.loads(headgate("budget", "list", "--json"))["budgets"]
    assert (row["budget"], row["from"], row["usd"]) == ("team.usd_per_day=platform", "store", "100")
    headgate("budget", "unset", "team.usd_per_day=platform")
    assert json.loads(headgate("budget", "list", "--json"))["budgets"] == []


def test_a_caller_who_must_ask_goes_on_once_more_is_granted(gateway: Gateway, headgate: Run) -> None:
    headgate("budget", "set", "0.000001/day", "--per", "agent", "--when-spent", "ask")
    refused = soon(gateway, "approval_required")
    assert refused.status == 402
    (approval,) = re.findall(r"apr_[0-9a-f]{20}", refused.json()["error"]["message"])
    assert headgate("budget", "grant", approval, "50") == f"granted $50: {approval}\n"
    soon(gateway, None)
    (granted,) = json.loads(headgate("budget", "list", "--json"))["grants"]
    assert (granted["approval"], granted["usd"]) == (approval, "50")


def test_a_key_is_made_with_limits_of_its_own(gateway: Gateway, headgate: Run) -> None:
    made = json.loads(
        headgate("key", "create", "--team", "platform", "--alias", "chat", "--usd", "0.000001/day", "--json")
    )
    assert made["name"].startswith("platform-")
    until(lambda: call(gateway, made["key"]).status != 401, "the key is known")
    (row,) = json.loads(headgate("budget", "list", "--json"))["budgets"]
    assert (row["budget"], row["from"]) == (f"key.usd_per_day={made['name']}", "key")
    assert "budget $0.000001/day" in headgate("key", "list")
    refused = call(gateway, made["key"])
    assert (refused.status, refused.code) == (429, "insufficient_quota")
    assert call(gateway).status == 200, "another key of the team is not meant"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["set", "50"], "an amount and a window are needed: 50/day"),
        (["set", "-50/day"], "`-50/day`: an amount and a window are needed"),
        (["grant", APPROVAL, "-20"], "-20 is not from 0 to"),
        (["set", "50/fortnight"], "window"),
        (["set", "50/day", "--per", "team", "--value", "platfrom"], "did you mean `platform`?"),
        (["set", "50/day", "--per", "key", "--value", "cii"], "no key `cii`; did you mean `ci`?"),
        (["set", "50/day", "--when-spent", "use=gone"], "when_spent.use: no alias `gone`"),
        (["unset", "nothing"], "no budget `nothing` was set"),
        (["grant", APPROVAL, "lots"], "is not an amount of US dollars"),
        (["grant", APPROVAL, "0"], "nothing would be granted"),
        (["grant", "x", "5"], "`x` is no id of an approval: `apr_` and 20 hex digits"),
    ],
)
def test_what_a_policy_would_refuse_is_refused(headgate: Run, arguments: list[str], says: str) -> None:
    assert says in headgate("budget", *arguments, code=2)
