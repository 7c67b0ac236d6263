"""`headgate bench stages`: from what a gateway says of its stages to a table."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from headgate.bench.stages import ops
from headgate.bench.stages.stages import Profile, StageTable, look, stages
from headgate.errors import GatewayError, StartError, UsageError


def row(stage: str, count: int, total_ns: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever JSON holds
    """One stage as the ops listener writes it."""
    mean = total_ns // count if count else None
    times = {"mean_ns": mean, "p50_ns": mean, "p99_ns": mean}
    return {
        "stage": stage,
        "what": f"do {stage}",
        "waits": False,
        "count": count,
        "total_ns": total_ns,
        **times,
        **more,
    }


PAGE = {
    "on": True,
    "elapsed_ms": 2500,
    "calls": 1000,
    "working_ns": 12_500_000,
    "waiting_ns": 3_000_000_000,
    "stages": [
        row("send", 1000, 10_000_000, share=0.8),
        row("forward", 2500, 2_500_000, share=0.2),
        row("connect_wait", 0, 0, share=0.0, waits=True),
        row("wait", 1000, 3_000_000_000, share=1.0, waits=True),
    ],
}


class Ops:
    """An ops listener that answers as it is told, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.page: Any = PAGE

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """One request."""
        self.asked.append(f"{handler.command} {handler.path}")
        text = json.dumps(self.page).encode() if handler.command == "GET" else b"said so\n"
        handler.send_response(self.status)
        handler.send_header("content-length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)


def handler(told: Ops) -> type[BaseHTTPRequestHandler]:
    """The class that the server makes one of for each connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.answer(self)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

        def address_string(self) -> str:
            return "somebody"

    return Handler


@pytest.fixture
def listener() -> Iterator[tuple[Ops, str]]:
    """It, and its address."""
    told = Ops()
    with HTTPServer(("127.0.0.1", 0), handler(told)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield told, f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_table_shows_what_a_call_cost_and_what_it_waited_for() -> None:
    text = StageTable([Profile.of(PAGE, "50 callers")]).to_text()
    assert text.splitlines() == [
        "50 callers: 1,000 calls in 2.5 s, each 12.50 µs of the gateway's own time",
        "                                  a call    mean µs     p50 µs     p99 µs      share",
        "send          do send               1.00      10.00      10.00      10.00     80.0 %",
        "forward       do forward            2.50       1.00       1.00       1.00     20.0 %",
        "and 3,000.00 µs of waiting for others",
        "connect_wait  do connect_wait       0.00          -          -          -      0.0 %",
        "wait          do wait               1.00   3,000.00   3,000.00   3,000.00    100.0 %",
    ]


def test_the_document_holds_every_figure_of_the_table() -> None:
    document = json.loads(StageTable([Profile.of(PAGE, "1 caller")]).to_json())
    assert document["format"] == 1
    profile = document["profiles"][0]
    assert (profile["load"], profile["calls"], profile["per_call_us"]) == ("1 caller", 1000, 12.5)
    assert profile["waited_per_call_us"] == 3000
    assert profile["stages"][1] == {
        "name": "forward",
        "what": "do forward",
        "waits": False,
        "count": 2500,
        "mean_us": 1.0,
        "p50_us": 1.0,
        "p99_us": 1.0,
        "share": 0.2,
    }


def test_a_profile_without_calls_says_so() -> None:
    page = {**PAGE, "calls": 0, "working_ns": 0, "waiting_ns": 0, "stages": [row("send", 0, 0, share=0.0)]}
    assert StageTable([Profile.of(page, "as it came")]).to_text() == "as it came: no call ended within 2.5 s"


def test_a_gateway_that_runs_is_switched_on_read_and_switched_off(listener: tuple[Ops, str]) -> None:
    told, address = listener
    table = stages(0.01, 50, 400, stream=False, ops=f"http://{address}/")
    assert table.profiles[0].calls == 1000
    assert told.asked == ["POST /stages?on", "GET /stages", "POST /stages?off"]


def test_it_is_switched_off_when_it_cannot_be_read(listener: tuple[Ops, str]) -> None:
    told, address = listener
    told.page = {"something": "else"}
    with pytest.raises(GatewayError, match="not headgate's ops listener"):
        look(address, 0.0)
    assert told.asked[-1] == "POST /stages?off"


@pytest.mark.parametrize(("status", "sentence"), [(403, "said so"), (404, "no /stages there")])
def test_a_refusal_is_passed_on(listener: tuple[Ops, str], status: int, sentence: str) -> None:
    told, address = listener
    told.status = status
    with pytest.raises(GatewayError, match=sentence):
        look(address, 0.0)


def test_an_address_is_a_host_and_a_port_or_a_socket_and_somebody_has_to_answer(tmp_path: Path) -> None:
    for address in ("", "localhost", "127.0.0.1:ops", "https://127.0.0.1:9"):
        with pytest.raises(UsageError, match="host:port"):
            look(address, 0.0)
    with socketserver.TCPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_address[1]
    for address in (f"127.0.0.1:{port}", f"unix:{tmp_path}/none"):
        with pytest.raises(StartError) as raised:
            look(address, 0.0)
        assert raised.value.exit_code == 69


def test_an_ops_listener_on_a_unix_socket_is_asked_too(tmp_path: Path) -> None:
    told = Ops()

    class Server(socketserver.UnixStreamServer):
        def get_request(self) -> tuple[Any, Any]:
            connection, _ = super().get_request()
            return connection, ("unix", 0)

    path = str(tmp_path / "ops")
    with Server(path, handler(told)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert ops.profile(f"unix:{path}") == PAGE
        server.shutdown()


@pytest.mark.parametrize("stream", [False, True])
def test_a_gateway_of_its_own_is_measured_alone_and_under_load(*, stream: bool) -> None:
    table = stages(0.3, 3, 200, stream=stream, ops=None)
    assert [profile.load for profile in table.profiles] == ["1 caller", "3 callers"]
    for profile in table.profiles:
        assert profile.calls > 0
        assert profile.per_call_us
        passed = {stage.name: stage.count for stage in profile.stages}
        assert min(passed[name] for name in ("admission", "read", "route", "send", "answer", "close", "write")) > 0
        if stream:
            assert passed["forward"] > 10 * profile.calls, "events come one by one"
