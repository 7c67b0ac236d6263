"""The log: one JSON object a line, calls as asked for, and never a secret."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.conftest import BEARER, LIMITED_KEY, SECRETS, usual
from tests.harness.fixtures import Launch
from tests.harness.policies import CALLER_KEY, PROVIDER_KEY, small
from tests.harness.provider import Provider
from tests.harness.wire import Connection, chat

PATH = "/v1/chat/completions"


@pytest.mark.parametrize(("wanted", "statuses"), [("off", []), ("errors", [404, 429]), ("all", [200, 404, 429])])
def test_calls_have_a_line_as_the_policy_says(
    launch: Launch, provider: Provider, wanted: str, statuses: list[int]
) -> None:
    gateway = launch(small(provider.url, log={"calls": wanted}, workers=1))
    gateway.ask("POST", PATH, chat())
    gateway.ask("POST", PATH, chat("nope"))
    gateway.ask("POST", PATH, chat(), {"x-sim-fault": "status;code=429"})
    gateway.probe("/drain", "POST")
    assert gateway.wait() == 0
    assert [line["status"] for line in gateway.lines("call")] == statuses


def test_every_line_is_an_object_with_a_time_a_level_and_an_event(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url))
    gateway.ask("POST", PATH, chat())
    gateway.probe("/drain", "POST")
    assert gateway.wait() == 0
    lines = [json.loads(line) for line in gateway.log.read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["serving", "draining", "call", "stopped"] or {
        line["event"] for line in lines
    } == {"serving", "call", "draining", "stopped"}
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["time"])
        assert line["level"] in ("debug", "info", "warn", "error")


def test_a_line_tells_what_became_of_a_call(launch: Launch, provider: Provider, closed_port: int) -> None:
    gateway = launch(usual(provider, closed_port), SECRETS)
    served = gateway.ask("POST", PATH, chat("safe"), BEARER)
    gateway.ask("POST", PATH, chat(stream=True), {**BEARER, "x-sim-fault": "cut;at=600"})
    lines = {line["alias"]: line for line in gateway.wait_for("call", 2)}
    safe, cut = lines["safe"], lines["chat"]
    assert (safe["outcome"], safe["status"], safe["key"], safe["stream"]) == ("answered", 200, "all", False)
    assert safe["id"] == served.header("headgate-request-id")
    assert [(attempt["provider"], attempt["status"], attempt["fault"]) for attempt in safe["attempts"]] == [
        ("dead", None, "provider_unreachable"),
        ("house", 200, None),
    ]
    assert safe["response_bytes"] == len(served.body)
    assert (cut["outcome"], cut["fault"], cut["stream"]) == ("cut", "stream_cut", True)
    assert cut["first_token_ms"] is not None


CANARIES = [f"canary{number}x{word}" for number, word in enumerate(("Qp7", "Vz2", "Lk9", "Ht4", "Mw6", "Bd1", "Rs8"))]


def test_no_secret_and_no_prompt_comes_out_anywhere(launch: Launch, provider: Provider, closed_port: int) -> None:
    prompt, wrong, cookie, query, name, field, organisation = CANARIES
    policy = usual(provider, closed_port)
    policy["log"] = {"level": "debug", "calls": "all"}
    gateway = launch(policy, SECRETS)
    secrets = [PROVIDER_KEY, CALLER_KEY, LIMITED_KEY, prompt, wrong, cookie, query, field, organisation]
    private = {**BEARER, "cookie": f"s={cookie}", "openai-organization": organisation}
    answers = []
    for fault in (
        "",
        "status;code=401",
        "status;code=500",
        "reset-before-head",
        "garbage-head",
        "cut;at=30",
        "error-event",
    ):
        headers = {**private, **({"x-sim-fault": fault} if fault else {})}
        for body in (chat("chat", prompt), chat("chat", prompt, stream=True), chat("lost", prompt), chat(name, prompt)):
            answers.append(gateway.ask("POST", f"{PATH}?q={query}", body, headers))
    for shown in ({"authorization": f"Bearer {wrong}"}, {"x-api-key": wrong}, {"api-key": wrong}):
        answers.append(gateway.ask("POST", PATH, chat("chat", prompt), shown))
    for raw in (
        f'{{"model":"chat","x":"{field}"'.encode(),
        f'{{"model":7,"x":"{field}"}}'.encode(),
        f'{{"a":"{field}","a":"{field}","model":"chat"}}'.encode(),
    ):
        answers.append(gateway.ask("POST", PATH, raw, private))
    with Connection(gateway.data) as connection:
        connection.send(f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncookie : {cookie}\r\n\r\n".encode())
        answers.append(connection.answer())
    ops = gateway.probe("/metrics").body + gateway.probe("/stats").body
    gateway.probe("/drain", "POST")
    assert gateway.wait() == 0
    told = b"\n".join(answer.body + repr(answer.lines).encode() for answer in answers if answer.status >= 400)
    log = gateway.log.read_bytes()
    assert len(gateway.lines("call")) >= len(answers) - 1
    for secret in secrets:
        for where, text in (("log", log), ("ops", ops), ("errors", told)):
            assert secret.encode() not in text, (where, secret)
