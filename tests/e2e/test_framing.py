"""The framing vectors of `tests/framing`, through a real socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.gateway import ROOT, Gateway
from tests.harness.policies import alias, small
from tests.harness.provider import Provider
from tests.harness.wire import Answer, Connection, chat, request

VECTORS: list[dict[str, Any]] = json.loads((ROOT / "tests/framing/vectors.json").read_text(encoding="utf-8"))
REFUSED = [vector for vector in VECTORS if vector["expect"] != "accept"]
BODY_FIRST = {"chunk extension: too many"}
"""The chunks before the one at fault are read by then, and are no JSON: that may be said first."""
ACCEPTED = [vector for vector in VECTORS if vector["expect"] == "accept"]


@pytest.fixture(scope="module")
def bare(launch_for_file: Launch, provider: Provider) -> Gateway:
    """No keys, so that the vectors need none; the alias that they name exists."""
    policy = small(provider.url, listen={"data": "127.0.0.1:0", "ops": "127.0.0.1:0", "open": True})
    policy["aliases"]["smart"] = alias("gpt")
    return launch_for_file(policy)


def answers(connection: Connection) -> list[Answer]:
    """All answers until the connection ends."""
    found = []
    while connection.buffer or connection.more():
        found.append(connection.answer())
    return found


def test_every_refused_vector_gets_its_error_and_a_closed_connection_and_reaches_nobody(
    bare: Gateway, bill: Provider
) -> None:
    wrong = {}
    for vector in REFUSED:
        with Connection(bare.data) as connection:
            connection.send(vector["bytes"].encode("latin-1"))
            last = answers(connection)[-1]
        codes = {
            "bad_framing": 400,
            "version_unsupported": 505,
            "expectation_failed": 417,
            "target_too_long": 414,
            "head_too_large": 431,
        }
        if vector["name"] in BODY_FIRST and last.code == "invalid_json":
            continue
        if (last.status, last.code) != (codes[vector["expect"]], vector["expect"]) or not last.whole:
            wrong[vector["name"]] = (last.status, last.code)
    assert not wrong
    assert bill.bill()["totals"]["calls"] == 0, "a refused message reached the provider"


def test_every_accepted_vector_gets_an_answer_that_is_not_about_framing(bare: Gateway) -> None:
    wrong = {}
    for vector in ACCEPTED:
        with Connection(bare.data) as connection:
            connection.send(vector["bytes"].encode("latin-1"))
            answer = connection.answer(to_head=vector["bytes"].lstrip("\r\n").startswith("HEAD"))
        if answer.status in (408, 413, 414, 417, 431, 505) or (
            answer.status >= 400 and answer.body and answer.code == "bad_framing"
        ):
            wrong[vector["name"]] = (answer.status, answer.body[:200])
    assert not wrong


def test_a_refused_message_behind_a_sound_one_does_not_harm_it(bare: Gateway, bill: Provider) -> None:
    sound = request("POST", "/v1/chat/completions", json.dumps(chat("smart")).encode())
    smuggled = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    with Connection(bare.data) as connection:
        connection.send(sound + smuggled + b"0\r\n\r\n" + sound)
        found = answers(connection)
    assert [answer.status for answer in found] == [200, 400]
    assert bill.bill()["totals"]["calls"] == 1


def test_a_gateway_that_was_sent_every_vector_still_serves(bare: Gateway) -> None:
    assert bare.ask("POST", "/v1/chat/completions", chat("smart")).status == 200
    assert bare.probe("/livez").status == 200
