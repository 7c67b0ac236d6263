"""A gateway that is full refuses what is too much, at once and in words, and serves on what is open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.metrics import Metrics
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"
LONG = "x" * 40_000


@pytest.mark.parametrize(
    ("http", "held", "refused"),
    [
        ({"max_calls": 2}, {}, {}),
        ({"max_calls": 10, "max_streams": 2}, {"stream": True}, {"stream": True}),
        ({"max_calls": 2}, {"model": "low"}, {"model": "low"}),
        ({"max_body": "100KiB", "max_buffered": "100KiB"}, {"text": LONG}, {"text": LONG}),
    ],
    ids=["calls", "streams", "low priority", "bodies"],
)
def test_what_is_too_much_is_refused_and_the_rest_goes_on(
    launch: Launch,
    provider: Provider,
    bill: Provider,
    http: dict[str, Any],
    held: dict[str, Any],
    refused: dict[str, Any],
) -> None:
    aliases = {"chat": alias("gpt"), "low": alias("gpt", priority="low")}
    gateway = launch(small(provider.url, workers=1, http=http, aliases=aliases))
    body = json.dumps(chat(**held)).encode()
    fault = "stall;at=3;ms=0" if "stream" in held else "never-head"
    with Connection(gateway.data) as one, Connection(gateway.data) as two:
        for connection in (one, two):
            connection.send(request("POST", PATH, body, {"x-sim-fault": fault}))
        until(lambda: bill.bill()["open"] == (1 if held.get("model") == "low" else 2), "what is let in is open")
        answer = gateway.ask("POST", PATH, chat(**refused))
        assert (answer.status, answer.code) == (503, "overloaded")
        assert 1 <= int(answer.header("retry-after") or 0) <= 3
        assert answer.header("x-should-retry") == "true"
        assert gateway.probe("/readyz").status == 200, "ops are never full"
    until(lambda: bill.bill()["open"] == 0, "what was open is over")
    assert gateway.ask("POST", PATH, chat(**refused)).status == 200
    assert Metrics.of(gateway).sum("headgate_buffered_bytes") == 0
