"""Keys that are made, rotated and revoked while the gateway serves: at most a second, and no restart."""

from __future__ import annotations

import hashlib
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.fixtures import Launch, run
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat
from tests.ledger.conftest import server, url

__all__ = ["server", "url"]

Run = Callable[..., str]


@pytest.fixture
def policy(provider: Provider, url: str) -> Policy:
    """A policy with a ledger of either kind."""
    return small(provider.url, ledger=url, pepper="${env:PEPPER}", passthrough="house")


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of the gateway and of the commands."""
    return {**ENVIRONMENT, "PEPPER": "a-pepper-Xk29dLq8Zw0TtR5m"}


@pytest.fixture
def gateway(launch: Launch, policy: Policy, environment: dict[str, str]) -> Gateway:
    """A gateway that serves the policy."""
    return launch(policy, environment)


@pytest.fixture
def key(gateway: Gateway, environment: dict[str, str]) -> Run:
    """Runs `headgate key`; returns what it printed."""

    def ran(*arguments: str, code: int | None = 0) -> str:
        ended = run("key", *arguments, "--policy", str(gateway.log.with_name("policy.yaml")), environment=environment)
        assert code is None or ended.returncode == code, ended.stderr
        return ended.stdout if ended.returncode == 0 else ended.stderr

    return ran


def status(gateway: Gateway, secret: str, model: str = "chat") -> int:
    """What a call with a key gets."""
    return gateway.ask("POST", "/v1/chat/completions", chat(model), {"authorization": f"Bearer {secret}"}).status


def soon(gateway: Gateway, secret: str, wanted: int) -> None:
    """Waits until a key is needed, and a call with this one gets that."""
    until(lambda: status(gateway, "hg_another") == 401, "a key is needed")
    until(lambda: status(gateway, secret) == wanted, f"the key gets {wanted}", 60)


def test_a_key_works_without_a_restart_until_it_is_revoked(gateway: Gateway, key: Run, tmp_path: Path) -> None:
    made = json.loads(key("create", "--name", "ci", "--alias", "chat", "--json"))
    soon(gateway, made["key"], 200)
    assert status(gateway, made["key"], "gpt-sim") == 404, "it may ask for `chat` alone"
    assert gateway.ask("POST", "/v1/chat/completions", chat()).status == 401, "now a key is needed"
    key("revoke", "ci")
    soon(gateway, made["key"], 401)
    assert gateway.ask("POST", "/v1/chat/completions", chat()).status == 401, "revoking the last key opens nothing"
    assert "exists already, and was revoked" in key("create", "--name", "ci", code=1)


def seen_before_its_end(gateway: Gateway, make: Callable[[int], str]) -> str:
    """A secret that works and will end soon: made with a longer life each time that this machine was too slow."""
    for seconds in (2, 10, 50):
        secret = make(seconds)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if status(gateway, secret) == 200:
                return secret
    raise AssertionError("no key worked before its end")


@pytest.mark.timeout(240)
def test_a_rotated_key_works_with_both_secrets_for_a_while_and_no_reload_ends_it(gateway: Gateway, key: Run) -> None:
    latest = json.loads(key("create", "--name", "ci", "--json"))["key"]
    soon(gateway, latest, 200)

    def rotated(seconds: int) -> str:
        nonlocal latest
        former: str = latest
        latest = json.loads(key("rotate", "ci", "--overlap", f"{seconds}s", "--json"))["key"]
        soon(gateway, latest, 200)
        return former

    former = seen_before_its_end(gateway, rotated)
    reloads = len(gateway.lines("reloaded"))
    soon(gateway, former, 401)
    assert status(gateway, latest) == 200
    assert len(gateway.lines("reloaded")) == reloads


@pytest.mark.timeout(240)
def test_a_key_expires_at_its_time(gateway: Gateway, key: Run) -> None:
    key("create", "--name", "first")
    soon(gateway, "hg_nobody", 401)

    def made(seconds: int) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + seconds))
        told = key("create", "--name", f"for-{seconds}", "--expires", moment, "--json", code=None)
        return str(json.loads(told)["key"]) if told.startswith("{") else "hg_none"  # it was too late to make it

    soon(gateway, seen_before_its_end(gateway, made), 401)
    states = {row["name"]: row["state"] for row in json.loads(key("list", "--json"))}
    assert states.pop("first") == "active"
    assert set(states.values()) == {"expired"}


def test_keys_of_another_gateway_go_on_to_work(gateway: Gateway, key: Run, tmp_path: Path) -> None:
    secrets = {f"key-{number}": f"sk-imported-{number}-8dK2mPq7" for number in range(3)}
    rows = [{"token": hashlib.sha256(s.encode()).hexdigest(), "key_alias": name} for name, s in secrets.items()]
    (tmp_path / "keys.json").write_text(json.dumps(rows))
    assert "imported 3: key-0, key-1, key-2" in key("import", str(tmp_path / "keys.json"))
    for secret in secrets.values():
        soon(gateway, secret, 200)
    assert status(gateway, rows[0]["token"]) == 401, "who knows the digest cannot call"


def test_no_secret_is_kept_anywhere(gateway: Gateway, key: Run, url: str) -> None:
    made = json.loads(key("create", "--name", "ci", "--json"))["key"]
    soon(gateway, made, 200)
    key("list")
    key("show", "ci")
    assert made not in gateway.log.read_text()
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            assert made.encode() not in file.read_bytes(), file


def test_a_change_that_does_not_fit_the_policy_is_refused_when_it_is_made(key: Run) -> None:
    assert "no alias `chta`; did you mean `chat`?" in key("create", "--alias", "chta", code=2)
    assert "shoe_size: unknown field" in key("create", "--limit", "shoe_size=42", code=2)
    assert "requests_per_minute: -1 is below 1" in key("create", "--limit", "requests_per_minute=-1", code=2)
    assert "budget.window: `hour` or `day` or" in key("create", "--usd", "5/fortnight", code=2)
    assert "expires: 2020-01-01 has passed" in key("create", "--expires", "2020-01-01", code=2)
    assert "there is no key `nobody` in the store" in key("revoke", "nobody", code=1)


def test_a_key_is_there_after_a_restart(
    gateway: Gateway, key: Run, launch: Launch, policy: Policy, environment: dict[str, str]
) -> None:
    made = json.loads(key("create", "--json"))["key"]
    gateway.stop()
    again = launch(policy, environment)
    assert status(again, made) == 200


def test_another_pepper_is_told_and_makes_no_key(
    gateway: Gateway, key: Run, launch: Launch, policy: Policy, environment: dict[str, str]
) -> None:
    key("create", "--name", "ci")
    environment["PEPPER"] = "another-pepper-9sKw2LmX7"
    assert "not the pepper" in key("create", "--name", "two", code=1)


def test_without_a_pepper_in_the_policy_one_is_made_beside_a_sqlite_file(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url, ledger="sqlite:///data/ledger.db"), ENVIRONMENT)
    home = gateway.log.parent
    assert gateway.ask("POST", "/v1/chat/completions", chat()).status == 200, "no key yet, and a loopback listener"
    ended = run("key", "create", "--json", "--policy", str(home / "policy.yaml"))
    soon(gateway, json.loads(ended.stdout)["key"], 200)
    assert stat.S_IMODE((home / "data/ledger.db.pepper").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "data/ledger.db").stat().st_mode) == 0o600


def test_a_key_of_the_policy_stands_beside_those_of_the_store(
    launch: Launch, policy: Policy, environment: dict[str, str]
) -> None:
    gateway = launch(policy | {"keys": [{"name": "file", "secret": "${env:CALLER_KEY}"}]}, environment)
    path = str(gateway.log.with_name("policy.yaml"))
    made = json.loads(
        run("key", "create", "--name", "made", "--json", "--policy", path, environment=environment).stdout
    )
    soon(gateway, made["key"], 200)
    assert status(gateway, CALLER_KEY) == 200
    taken = run("key", "create", "--name", "file", "--policy", path, environment=environment)
    assert "the policy has a key `file` of its own" in taken.stderr
    names = [
        row["name"]
        for row in json.loads(run("key", "list", "--json", "--policy", path, environment=environment).stdout)
    ]
    assert names == ["file", "made"]


def test_explain_knows_the_keys_of_the_store(gateway: Gateway, key: Run, environment: dict[str, str]) -> None:
    path = str(gateway.log.with_name("policy.yaml"))
    key("create", "--name", "narrow", "--alias", "chat")
    told = run("explain", path, "--model", "chat", "--key", "narrow", environment=environment)
    assert told.returncode == 0, told.stderr
    assert run("explain", path, "--model", "house/gpt-sim", "--key", "narrow", environment=environment).returncode == 1
    unknown = run("explain", path, "--model", "chat", "--key", "nobody", environment=environment)
    assert "there is no key `nobody`; the policy has: narrow" in unknown.stderr


def test_a_ledger_that_is_not_there_at_the_start_is_69(provider: Provider, closed_port: int, tmp_path: Path) -> None:
    from tests.harness.gateway import write

    policy = small(provider.url, ledger=f"postgresql://u:hunter2@127.0.0.1:{closed_port}/x")
    ended = run("serve", str(write(policy, tmp_path / "policy.yaml")))
    assert ended.returncode == 69
    assert "hunter2" not in ended.stderr
