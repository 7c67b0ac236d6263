"""Starts that fail: what is said, and with which code."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch, compile_plan, run
from tests.harness.gateway import Policy
from tests.harness.policies import ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.wire import chat


def serve(policy: Policy, folder: Path, *, daemon: bool = False) -> subprocess.CompletedProcess[str]:
    """Serves a policy that cannot be served."""
    path = processes.write(policy, folder / "policy.yaml")
    command = (
        [processes.headgated(), str(compile_plan(path))] if daemon else [*processes.headgate(), "serve", str(path)]
    )
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=20, env=processes.clean(ENVIRONMENT)
    )


@pytest.mark.parametrize("daemon", [False, True], ids=["serve", "headgated"])
@pytest.mark.parametrize("which", ["data", "ops"])
def test_an_address_in_use_exits_69_and_is_named_also_when_another_headgate_holds_it(
    launch: Launch, provider: Provider, tmp_path: Path, which: str, *, daemon: bool
) -> None:
    holder = launch(small(provider.url))
    taken = {"data": holder.data, "ops": holder.ops}[which]
    listen = {"data": "127.0.0.1:0", "ops": "127.0.0.1:0", which: taken}
    ended = serve(small(provider.url, listen=listen), tmp_path, daemon=daemon)
    assert ended.returncode == 69, ended.stderr
    assert taken in ended.stderr
    assert f"listen.{which}" in ended.stderr
    assert "serving" not in ended.stderr
    for _ in range(20):
        assert holder.ask("POST", "/v1/chat/completions", chat()).status == 200, "the holder keeps all of its traffic"


def test_an_address_that_another_program_holds_exits_69(provider: Provider, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        ended = serve(small(provider.url, listen={"data": taken, "ops": "127.0.0.1:0"}), tmp_path)
        assert ended.returncode == 69
        assert taken in ended.stderr
        again = run("sim", "--listen", taken)
        assert again.returncode == 69
        assert f"{taken} is in use by another program: stop it, or choose another --listen" in again.stderr


def test_a_bad_policy_exits_78_with_every_error_and_its_place(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "version: 1\nproviders:\n  house: {dialect: openai, endpoints: ['http://127.0.0.1:1/v1']}\n"
        "deployments:\n  gpt: {provider: hose, model: m}\nlog: {level: loud}\n",
        encoding="utf-8",
    )
    ended = run("serve", str(path))
    assert ended.returncode == 78
    lines = ended.stderr.splitlines()
    assert any(line.startswith(f"{path}:5:") and "house" in line for line in lines), ended.stderr
    assert any(line.startswith(f"{path}:6:") and "log.level" in line for line in lines), ended.stderr


def test_a_missing_secret_exits_78_and_names_its_place(provider: Provider, tmp_path: Path) -> None:
    path = processes.write(small(provider.url), tmp_path / "policy.yaml")
    ended = run("serve", str(path), environment={})
    assert ended.returncode == 78
    assert "PROVIDER_KEY" in ended.stderr
    assert str(path) in ended.stderr


def test_a_plan_that_is_none_exits_78(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text('{"format": 1}', encoding="utf-8")
    ended = subprocess.run([processes.headgated(), str(plan)], capture_output=True, text=True, check=False, timeout=20)
    assert ended.returncode == 78
    assert str(plan) in ended.stderr


def test_wrong_usage_exits_2() -> None:
    assert run("serve", "a.yaml", "b.yaml").returncode == 2
    assert run("sevre").returncode == 2
    assert subprocess.run([processes.headgated()], capture_output=True, check=False, timeout=20).returncode == 2


def test_a_policy_that_listens_elsewhere_without_keys_is_refused(provider: Provider, tmp_path: Path) -> None:
    ended = serve(small(provider.url, listen={"data": "0.0.0.0:0", "ops": "127.0.0.1:0"}), tmp_path)
    assert ended.returncode == 78
    assert "open: true" in ended.stderr
