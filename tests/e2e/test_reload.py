"""A policy that changes while calls run: all of the old or all of the new, and no call lost."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.harness import gateway as processes
from tests.harness.fixtures import Launch, compile_plan
from tests.harness.gateway import Gateway, Policy
from tests.harness.load import Load
from tests.harness.metrics import Metrics
from tests.harness.policies import ENVIRONMENT, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"


def asking_for(provider: Provider, model: str, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    policy = small(provider.url, **sections)
    policy["deployments"]["gpt"]["model"] = model
    return policy


def billed(gateway: Gateway, provider: Provider) -> str:
    """The provider's name of the model that the alias `chat` stands for now."""
    assert gateway.ask("POST", PATH, chat()).status == 200
    return str(provider.calls()[-1]["model"])


def rewrite(gateway: Gateway, policy: Policy) -> None:
    processes.write(policy, gateway.log.with_name("policy.yaml"))


def test_a_policy_that_is_written_anew_is_in_force_under_load_and_no_call_is_lost(
    launch: Launch, provider: Provider
) -> None:
    gateway = launch(asking_for(provider, "old-0"))
    with Load(gateway.data) as load:
        for number in range(1, 4):
            rewrite(gateway, asking_for(provider, f"new-{number}"))
            gateway.wait_for("reloaded", number)
            load.progress(50)
            assert billed(gateway, provider) == f"new-{number}"
    assert not load.lost
    assert Metrics.of(gateway).sum("headgate_reloads_total", outcome="taken") == 3


def test_a_sighup_reloads_under_load_and_no_call_is_lost(launch: Launch, provider: Provider) -> None:
    gateway = launch(asking_for(provider, "same"))
    with Load(gateway.data) as load:
        for number in range(1, 6):
            gateway.send(signal.SIGHUP)
            gateway.wait_for("reloaded", number)
            load.progress(20)
    assert not load.lost


def test_a_config_map_that_is_swapped_behind_its_links_is_taken_up(
    launch: Launch, provider: Provider, tmp_path: Path
) -> None:
    def version(name: str, model: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        processes.write(asking_for(provider, model), folder / "policy.yaml")
        return folder

    os.symlink(version("..1", "old"), tmp_path / "..data")
    os.symlink(Path("..data/policy.yaml"), tmp_path / "policy.yaml")
    gateway = processes.start(
        [*processes.headgate(), "serve", str(tmp_path / "policy.yaml")], tmp_path / "log", ENVIRONMENT
    )
    try:
        with Load(gateway.data) as load:
            os.symlink(version("..2", "new"), tmp_path / "..data_tmp")
            os.rename(tmp_path / "..data_tmp", tmp_path / "..data")
            gateway.wait_for("reloaded")
            load.progress(20)
            assert billed(gateway, provider) == "new"
        assert not load.lost
    finally:
        gateway.stop()


def test_a_call_keeps_the_plan_that_it_started_with(launch: Launch, bill: Provider) -> None:
    gateway = launch(asking_for(bill, "old"))
    with Connection(gateway.data) as connection:
        connection.send(
            request("POST", PATH, json.dumps(chat(stream=True)).encode(), {"x-sim-fault": "stall;at=3;ms=3000"})
        )
        connection.read_until(b"data: ")
        policy = small("http://127.0.0.1:9/v1")
        policy["aliases"] = {"chat": policy["aliases"]["chat"], "fresh": policy["aliases"]["chat"]}
        rewrite(gateway, policy)
        gateway.send(signal.SIGHUP)
        gateway.wait_for("reloaded")
        assert bill.bill()["open"] == 1, "the call began before the reload and still runs"
        assert connection.answer().events[-1] == "[DONE]"
    assert gateway.ask("POST", PATH, chat()).status == 502


HOUSE = "version: 1\nproviders: {house: {dialect: openai, endpoints: ['http://127.0.0.1:1/v1']}}\n"
BAD = {
    "not YAML": "version: [1",
    "an unknown section": "version: 1\nprovidres: {}\n",
    "a name that does not exist": HOUSE + "aliases: {a: {chain: [{use: [nothing]}]}}\n",
    "a secret that is not there": HOUSE + "keys: [{name: one, secret: '${env:NOT_SET_ANYWHERE}'}]\n",
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_policy_changes_nothing_and_shows_in_metrics_and_log(
    launch: Launch, provider: Provider, bad: str
) -> None:
    gateway = launch(asking_for(provider, "good"))
    before = json.loads(gateway.probe("/stats").body)["plan_hash"]
    with Load(gateway.data) as load:
        gateway.log.with_name("policy.yaml").write_text(BAD[bad], encoding="utf-8")
        line = gateway.wait_for("reload_refused")[0]
        load.progress(20)
    assert not load.lost
    assert "policy.yaml" in line["message"], "says where"
    assert line["level"] == "error"
    assert json.loads(gateway.probe("/stats").body)["plan_hash"] == before
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_reloads_total", outcome="refused") >= 1
    assert metrics.sum("headgate_reload_last_success") == 0
    assert metrics.sum("headgate_plan_info", hash=before) == 1
    rewrite(gateway, asking_for(provider, "better"))
    gateway.wait_for("reloaded")
    assert Metrics.of(gateway).sum("headgate_reload_last_success") == 1
    assert billed(gateway, provider) == "better"


def test_what_needs_a_restart_is_named(launch: Launch, provider: Provider) -> None:
    gateway = launch(asking_for(provider, "same"))
    rewrite(gateway, asking_for(provider, "same", workers=1))
    assert gateway.wait_for("restart_needed")[0]["sections"] == ["workers"]
    assert gateway.ask("POST", PATH, chat()).status == 200


def test_keys_change_with_a_reload(launch: Launch, provider: Provider, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hg-first-k8Jq2Lr5Nv1Xs7Wd4Tz9\n", encoding="ascii")
    gateway = launch(asking_for(provider, "same", keys=[{"name": "one", "secret": "${file:" + str(secret) + "}"}]))

    def status(key: str) -> int:
        return gateway.ask("POST", PATH, chat(), {"x-api-key": key}).status

    assert status("hg-first-k8Jq2Lr5Nv1Xs7Wd4Tz9") == 200
    secret.write_text("hg-second-P3mB6yC9fH2gK5nQ8rT1\n", encoding="ascii")
    gateway.send(signal.SIGHUP)
    until(lambda: status("hg-second-P3mB6yC9fH2gK5nQ8rT1") == 200, "the new key is known")
    assert status("hg-first-k8Jq2Lr5Nv1Xs7Wd4Tz9") == 401


def test_headgated_takes_up_a_new_plan_and_refuses_a_bad_one(launch: Launch, bill: Provider) -> None:
    gateway = launch(asking_for(bill, "old"), daemon=True)
    policy = gateway.log.with_name("policy.yaml")
    assert billed(gateway, bill) == "old"
    with Load(gateway.data) as load:
        compile_plan(processes.write(asking_for(bill, "new"), policy))
        gateway.wait_for("reloaded")
        load.progress(20)
        assert billed(gateway, bill) == "new"
        gateway.log.with_name("plan.json").write_text("{}", encoding="utf-8")
        gateway.wait_for("reload_refused")
        load.progress(20)
        assert billed(gateway, bill) == "new"
    assert not load.lost
