"""Unix sockets: towards callers, probes and providers."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.harness.fixtures import Launch
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.wire import chat

PATH = "/v1/chat/completions"


def test_calls_and_probes_over_sockets_in_the_file_system(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    data, ops = tmp_path / "data.sock", tmp_path / "ops.sock"
    gateway = launch(small(bill.url, listen={"data": f"unix:{data}", "ops": f"unix:{ops}"}))
    assert gateway.data == f"unix:{data}"
    answer = gateway.ask("POST", PATH, chat(), {"host": "any.example"})
    assert answer.status == 200, "whoever can open the file is on this machine"
    assert gateway.ask("POST", PATH, chat(stream=True)).events[-1] == "[DONE]"
    assert gateway.probe("/livez").status == 200
    assert gateway.probe("/drain", "POST").status == 202
    assert gateway.wait() == 0
    assert not data.exists(), "the file goes with its listener"
    assert bill.bill()["totals"]["calls"] == 2


def test_a_provider_behind_a_unix_socket_is_called(launch: Launch, bill: Provider, tmp_path: Path) -> None:
    inner = launch(small(bill.url, listen={"data": f"unix:{tmp_path}/inner.sock", "ops": "127.0.0.1:0"}))
    policy = small(f"unix:{tmp_path}/inner.sock:/v1")
    policy["deployments"]["gpt"]["model"] = "chat"
    outer = launch(policy)
    assert outer.ask("POST", PATH, chat()).status == 200
    assert outer.ask("POST", PATH, chat(stream=True)).events[-1] == "[DONE]"
    assert [call["model"] for call in bill.calls()] == ["gpt-sim", "gpt-sim"]
    inner.stop()
    gone = outer.ask("POST", PATH, chat())
    assert (gone.status, gone.code) == (502, "provider_unreachable")


def test_a_socket_file_that_a_crash_left_behind_is_taken_over(
    launch: Launch, provider: Provider, tmp_path: Path
) -> None:
    policy = small(provider.url, listen={"data": f"unix:{tmp_path}/data.sock", "ops": f"unix:{tmp_path}/ops.sock"})
    first = launch(policy)
    first.send(signal.SIGKILL)
    first.wait()
    second = launch(policy)
    assert second.ask("POST", PATH, chat()).status == 200
