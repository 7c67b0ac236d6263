"""What calls used and cost: the provider's bill against the gateway's log and metrics, to the token and nano-dollar."""

from __future__ import annotations

import json
import signal
from decimal import Decimal
from typing import Any

import pytest

from tests.harness.charges import NEAR_TOKENS, attempts, billed, cost, priced, sides
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway, write
from tests.harness.metrics import Metrics
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Answer, Connection, chat, request

PATH = "/v1/chat/completions"
ASKS: dict[str, Any] = {"stream_options": {"include_usage": True}}


@pytest.fixture
def gateway(launch: Launch, provider: Provider, bill: Provider) -> Gateway:
    """A gateway of its own for each test: what it learns stays with it."""
    assert bill.bill()["totals"]["calls"] == 0
    return launch(priced(provider))


def form(model: str, **fields: str) -> tuple[bytes, dict[str, str]]:
    """A form with a second of sound."""
    sound = b"RIFF" + bytes(4_000)
    parts = [(f'name="{name}"', value.encode()) for name, value in {"model": model, **fields}.items()]
    parts.append(('name="file"; filename="a.wav"', sound))
    body = b"".join(
        b"--B\r\ncontent-disposition: form-data; " + name.encode() + b"\r\n\r\n" + value + b"\r\n"
        for name, value in parts
    )
    return body + b"--B--\r\n", {"content-type": "multipart/form-data; boundary=B"}


CALLS: list[tuple[str, dict[str, Any]]] = [
    (PATH, chat()),
    (PATH, chat(n=3)),
    (PATH, chat(text="reason " * 50, stream=True)),
    (PATH, chat(stream=True, **ASKS)),
    (PATH, chat(stream=True, stream_options={"include_usage": False})),
    (PATH, chat(stream=True, stream_options={})),
    ("/v1/completions", {"model": "chat", "prompt": "once upon a time"}),
    ("/v1/completions", {"model": "chat", "prompt": "once upon a time", "stream": True}),
    ("/v1/embeddings", {"model": "chat", "input": ["one", "two words"]}),
    ("/v1/responses", {"model": "chat", "input": "hello"}),
    ("/v1/responses", {"model": "chat", "input": "hello", "stream": True}),
    ("/v1/images/generations", {"model": "chat", "prompt": "a boat", "n": 2}),
]


@pytest.mark.parametrize(("path", "body"), CALLS, ids=lambda value: str(value)[:60])
def test_a_call_is_charged_what_its_provider_bills(
    gateway: Gateway, bill: Provider, path: str, body: dict[str, Any]
) -> None:
    assert gateway.ask("POST", path, body).status == 200
    (attempt,) = attempts(gateway)
    (entry,) = bill.calls()
    assert (attempt["basis"], sides(attempt)) == ("provider", billed(entry))
    assert attempt["usd"] == cost(attempt["tokens"])
    metrics = Metrics.of(gateway)
    for kind, count in attempt["tokens"].items():
        assert metrics.sum("headgate_tokens_total", deployment="gpt", **{"class": kind}) == count
    assert f"{Decimal(str(metrics.sum('headgate_spend_usd_total'))).normalize():f}" == attempt["usd"]
    assert metrics.sum("headgate_charges_total", basis="provider") == 1
    assert metrics.sum("headgate_usage_unsaid_total") == metrics.sum("headgate_unpriced_total") == 0


def test_sound_is_charged_by_tokens_or_by_its_length(gateway: Gateway, bill: Provider) -> None:
    body, headers = form("chat")
    assert gateway.ask("POST", "/v1/audio/transcriptions", body, headers).status == 200
    (attempt,) = attempts(gateway)
    assert (attempt["basis"], sides(attempt)) == ("provider", billed(bill.calls()[-1]))
    body, headers = form("chat", response_format="verbose_json")
    assert gateway.ask("POST", "/v1/audio/transcriptions", body, headers).status == 200
    (attempt,) = attempts(gateway, 2)
    assert (attempt["basis"], attempt["tokens"], attempt["usd"]) == ("provider", {}, None), "a minute has no price"
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_audio_seconds_total") == 1
    assert metrics.sum("headgate_unpriced_total", deployment="gpt") == 1


def test_a_stream_says_what_it_used_to_those_who_asked_and_to_no_others(gateway: Gateway, bill: Provider) -> None:
    def stream(**options: Any) -> Answer:  # noqa: ANN401 - JSON
        return gateway.ask("POST", PATH, chat(stream=True, **options))

    asked, silent = stream(**ASKS), stream()
    said = [json.loads(event) for event in asked.events if event != "[DONE]"]
    assert (said[-1]["choices"], said[-1]["usage"]["total_tokens"]) == ([], sum(billed(bill.calls()[0])))
    heard = [json.loads(event) for event in silent.events if event != "[DONE]"]
    assert all(chunk["choices"] for chunk in heard), "some take the first choice of each chunk"
    assert len(heard) == len(said) - 1
    assert silent.events[-1] == "[DONE]"
    assert silent.whole


@pytest.mark.parametrize("fault", ["split", "drip;bytes=7;every_ms=1", "drip;bytes=900;every_ms=1"])
def test_what_is_withheld_is_withheld_however_the_answer_is_cut_up(
    gateway: Gateway, bill: Provider, fault: str
) -> None:
    answer = gateway.ask("POST", PATH, chat(stream=True), {"x-sim-fault": fault})
    assert '"choices":[]' not in answer.body.decode()
    assert answer.events[-1] == "[DONE]"
    assert sides(attempts(gateway)[0]) == billed(bill.calls()[0])


def test_a_provider_that_refuses_to_be_asked_is_left_alone(launch: Launch, provider: Provider, bill: Provider) -> None:
    policy = priced(provider)
    policy["providers"]["house"]["stream_usage"] = "leave"
    gateway = launch(policy)
    echo = gateway.ask("POST", PATH, chat(stream=True), {"x-sim-echo-request": "1"})
    assert "stream_options" not in echo.body.decode()
    assert gateway.ask("POST", PATH, chat(stream=True)).whole
    (attempt,) = attempts(gateway, 2)
    prompt, completion = billed(bill.calls()[-1])
    assert attempt["basis"] == "counted"
    assert abs(sides(attempt)[1] - completion) <= NEAR_TOKENS
    assert attempt["usd"] == cost(attempt["tokens"])
    assert Metrics.of(gateway).sum("headgate_usage_unsaid_total", reason="missing") >= 1
    assert prompt > 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [("missing", "missing"), ("null", "missing"), ("negative", "garbled"), ("huge", "garbled"), ("string", "garbled")],
)
def test_usage_that_is_not_said_or_cannot_be_is_counted(
    gateway: Gateway, bill: Provider, fault: str, reason: str, *, stream: bool
) -> None:
    for number in range(1, 6):  # what was said before teaches how many tokens bytes are
        assert gateway.ask("POST", PATH, chat(text=f"hello {number} " * 20, stream=stream)).status == 200
    gateway.ask("POST", PATH, chat(text="hello x " * 20, stream=stream), {"x-sim-fault": f"usage;as={fault}"})
    (attempt,) = attempts(gateway, 6)
    assert attempt["basis"] == "counted"
    for ours, theirs in zip(sides(attempt), billed(bill.calls()[-1]), strict=True):
        assert abs(ours - theirs) <= max(NEAR_TOKENS, theirs // 10)
    assert attempt["usd"] == cost(attempt["tokens"])
    assert Metrics.of(gateway).sum("headgate_usage_unsaid_total", reason=reason) == 1


@pytest.mark.parametrize("stream", [False, True])
def test_no_tokens_are_a_number_too_and_what_is_said_twice_counts_once(
    gateway: Gateway, bill: Provider, *, stream: bool
) -> None:
    gateway.ask("POST", PATH, chat(stream=stream), {"x-sim-fault": "usage;as=zero"})
    (nothing,) = attempts(gateway)
    assert (nothing["basis"], nothing["tokens"], nothing["usd"]) == ("provider", {}, "0")
    gateway.ask("POST", PATH, chat(stream=stream), {"x-sim-fault": "usage;as=twice"})
    (once,) = attempts(gateway, 2)
    assert (once["basis"], sides(once)) == ("provider", billed(bill.calls()[-1]))


def test_each_attempt_has_its_own_charge(launch: Launch, provider: Provider, bill: Provider) -> None:
    gateway = launch(priced(provider, resilience={"retry": {"max_attempts": 3, "base": "1ms"}}))
    gateway.ask("POST", PATH, chat(), {"x-sim-fault": "status;code=503"})
    failed = attempts(gateway)
    assert [(each["basis"], each["usd"]) for each in failed] == [("void", "0")] * 3
    gateway.ask("POST", PATH, chat(stream=True), {"x-sim-fault": "error-event;at=first"})
    for attempt, entry in zip(attempts(gateway, 2), bill.calls()[3:], strict=True):
        assert attempt["basis"] == "counted", "a provider that begins to answer has taken the prompt"
        assert sides(attempt)[1] == entry["completion_tokens"] == 0
        assert sides(attempt)[0] > 0
    assert Metrics.of(gateway).sum("headgate_charges_total", basis="void") == 3


@pytest.mark.parametrize("fault", ["cut-head", "garbage-head", "ambiguous-head", "huge-head", "1xx-flood"])
def test_an_answer_that_cannot_be_read_may_be_billed_all_the_same(gateway: Gateway, bill: Provider, fault: str) -> None:
    gateway.ask("POST", PATH, chat(text="hello " * 50))
    gateway.ask("POST", PATH, chat(text="hello " * 50), {"x-sim-fault": fault})
    (attempt,) = attempts(gateway, 2)
    assert attempt["basis"] == "counted"
    assert abs(sides(attempt)[0] - bill.calls()[-1]["prompt_tokens"]) <= NEAR_TOKENS
    assert attempt["usd"] == cost(attempt["tokens"])


@pytest.mark.parametrize("fault", ["close-before-head", "reset-before-head"])
def test_a_provider_that_says_nothing_at_all_bills_nothing(gateway: Gateway, bill: Provider, fault: str) -> None:
    gateway.ask("POST", PATH, chat(), {"x-sim-fault": fault})
    (attempt,) = attempts(gateway)
    assert (attempt["basis"], attempt["usd"]) == ("void", "0")
    assert billed(bill.calls()[-1]) == (0, 0)


def left(gateway: Gateway, after: bytes, **fields: Any) -> None:  # noqa: ANN401 - JSON
    """A caller that leaves once it has read so far."""
    with Connection(gateway.data) as connection:
        body = json.dumps(chat(stream=True, **fields)).encode()
        connection.send(request("POST", PATH, body, {"x-sim-gap-ms": "5", "x-sim-tokens": "200"}))
        connection.read_until(after)


def test_a_caller_that_leaves_pays_for_what_had_come(gateway: Gateway, bill: Provider) -> None:
    gateway.ask("POST", PATH, chat(stream=True))
    left(gateway, b"data: ")
    entry = bill.wait(lambda bill: bill["open"] == 0 and len(bill["calls"]) == 2, "the call is over")["calls"][-1]
    (attempt,) = attempts(gateway, 2)
    assert attempt["basis"] == "counted"
    prompt, completion = sides(attempt)
    assert entry["cancelled"]
    assert abs(prompt - entry["prompt_tokens"]) <= NEAR_TOKENS
    assert 0 <= entry["completion_tokens"] - completion <= 20, "what was on the way is the provider's to bill"


def test_the_rest_that_is_read_for_its_usage_is_charged_exactly(
    launch: Launch, provider: Provider, bill: Provider
) -> None:
    gateway = launch(priced(provider, resilience={"on_disconnect": "drain"}))
    left(gateway, b"data: ")
    entry = bill.wait(lambda bill: bill["open"] == 0 and bill["calls"], "the call is over")["calls"][-1]
    (attempt,) = attempts(gateway)
    assert (attempt["basis"], sides(attempt)) == ("provider", billed(entry))


def test_a_caller_that_leaves_before_an_answer_has_an_attempt_all_the_same(gateway: Gateway, bill: Provider) -> None:
    with Connection(gateway.data) as connection:
        body = json.dumps(chat(stream=True)).encode()
        connection.send(request("POST", PATH, body, {"x-sim-ttft-ms": "60000"}))
        until(lambda: bill.bill()["open"] == 1, "the provider has the call")
    (attempt,) = attempts(gateway)
    assert (attempt["class"], attempt["basis"], attempt["status"]) == ("ours", "counted", None)
    assert sides(attempt)[0] > 0
    assert sides(attempt)[1] == 0


def test_a_cut_stream_pays_for_what_had_come(gateway: Gateway, bill: Provider) -> None:
    gateway.ask("POST", PATH, chat(stream=True))
    for number, at in enumerate((1_500, 2_500, 4_000), 2):
        gateway.ask("POST", PATH, chat(stream=True), {"x-sim-fault": f"cut;at={at}", "x-sim-tokens": "100"})
        (attempt,) = attempts(gateway, number)
        assert attempt["basis"] == "counted"
        for ours, theirs in zip(sides(attempt), billed(bill.calls()[-1]), strict=True):
            assert abs(ours - theirs) <= NEAR_TOKENS


def test_a_second_try_that_is_outrun_is_charged_for_its_prompt(launch: Launch, bill: Provider) -> None:
    slow = Provider.start(
        grace_ms=0, ttft_ms={"fixed": 30_000}, scenario=[{"match": {"first": 20}, "ttft_ms": {"fixed": 0}}]
    )
    try:
        policy = priced(slow, resilience={"hedge": {"after": "50ms", "max_share": 0.1}})
        policy["providers"]["other"] = {**policy["providers"]["house"], "endpoints": [bill.url]}
        policy["deployments"]["spare"] = {**policy["deployments"]["gpt"], "provider": "other"}
        policy["aliases"]["chat"] = {"chain": [{"use": {"gpt": 1_000_000, "spare": 1}}]}
        gateway = launch(policy)
        for _ in range(20):
            gateway.ask("POST", PATH, chat(stream=True))
        assert gateway.ask("POST", PATH, chat(stream=True)).status == 200
        outrun, won = attempts(gateway, 21)
        assert (outrun["class"], outrun["basis"]) == ("hedge_lost", "counted")
        assert sides(outrun) == (sides(won)[0], 0), "as many tokens as the twenty before had"
        assert (won["basis"], sides(won)) == ("provider", billed(bill.calls()[-1]))
    finally:
        slow.stop()


def test_what_has_no_price_is_said_to_have_none(gateway: Gateway) -> None:
    gateway.ask("POST", PATH, chat("free"))
    (attempt,) = attempts(gateway)
    assert (attempt["basis"], attempt["usd"]) == ("provider", None)
    assert gateway.lines("call")[-1]["usd"] is None
    metrics = Metrics.of(gateway)
    assert metrics.sum("headgate_unpriced_total", deployment="free") == 1
    assert metrics.sum("headgate_spend_usd_total", deployment="free") == 0
    assert metrics.sum("headgate_tokens_total", deployment="free") > 0


def test_models_that_are_named_outright_have_prices_too(launch: Launch, provider: Provider) -> None:
    policy = priced(provider)
    policy["providers"]["house"]["price"] = {"input_per_million_usd": 2, "output_per_million_usd": 3}
    gateway = launch(policy)
    gateway.ask("POST", PATH, chat("house/gpt-sim"))
    (attempt,) = attempts(gateway)
    prompt, completion = sides(attempt)
    assert attempt["deployment"] == "*"
    assert Decimal(attempt["usd"]) == (2 * Decimal(prompt) + 3 * Decimal(completion)) / 1_000_000


def test_what_was_learnt_survives_a_reload(launch: Launch, provider: Provider) -> None:
    policy = priced(provider)
    gateway = launch(policy)
    for _ in range(5):
        gateway.ask("POST", PATH, chat(text="hello " * 30))
    gateway.wait_for("call", 5)
    learnt = Metrics.of(gateway).sum("headgate_bytes_per_token", deployment="gpt")
    assert 3 < learnt < 8
    policy["log"] = {"calls": "errors"}
    write(policy, gateway.log.with_name("policy.yaml"))
    gateway.send(signal.SIGHUP)
    gateway.wait_for("reloaded")
    assert Metrics.of(gateway).sum("headgate_bytes_per_token", deployment="gpt") == learnt


def test_a_call_that_names_no_model_costs_nothing(launch: Launch, provider: Provider) -> None:
    gateway = launch(priced(provider, passthrough="house"))
    assert gateway.ask("GET", "/v1/files").status == 200
    (attempt,) = attempts(gateway)
    assert (attempt["basis"], attempt["usd"]) == ("void", "0")
