"""Metrics: all families, and values that agree with the provider's own bill."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import BEARER, SECRETS, usual
from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.metrics import Metrics
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import Connection, chat, request

PATH = "/v1/chat/completions"
FAMILIES = [
    "headgate_calls",
    "headgate_call_seconds",
    "headgate_request_bytes",
    "headgate_response_bytes",
    "headgate_fallbacks",
    "headgate_attempts",
    "headgate_upstream_seconds",
    "headgate_time_to_first_token_seconds",
    "headgate_refusals",
    "headgate_overhead_seconds",
    "headgate_calls_in_flight",
    "headgate_streams_open",
    "headgate_connections",
    "headgate_pool_connections",
    "headgate_log_lines_dropped",
    "headgate_build_info",
    "headgate_plan_info",
    "headgate_ready",
    "headgate_reloads",
    "headgate_reload_last_success",
]


@pytest.fixture
def counted(launch: Launch, bill: Provider, closed_port: int) -> Gateway:
    """A gateway that has counted nothing yet."""
    return launch(usual(bill, closed_port), SECRETS)


def test_every_family_is_there_and_the_text_is_well_formed(counted: Gateway) -> None:
    assert counted.ask("POST", PATH, chat("safe", stream=True), BEARER).status == 200
    answer = counted.probe("/metrics")
    assert (answer.header("content-type") or "").startswith("application/openmetrics-text")
    metrics = Metrics.of(counted)
    assert metrics.families >= set(FAMILIES)
    assert metrics.text.endswith("# EOF\n")
    for family in metrics.families:
        assert f"# HELP {family} " in metrics.text, family


def test_counts_agree_with_the_providers_bill(counted: Gateway, bill: Provider) -> None:
    sent = got = 0
    bodies = [chat("chat"), chat("chat", "x" * 5000), chat("chat", stream=True), chat("safe"), chat("fast-x")]
    with Connection(counted.data) as connection:
        for body in bodies * 4:
            data = json.dumps(body).encode()
            answer = connection.ask("POST", PATH, data, BEARER)
            assert answer.status == 200
            sent, got = sent + len(data), got + len(answer.body)
        assert (
            connection.ask(
                "POST", PATH, json.dumps(chat()).encode(), {**BEARER, "x-sim-fault": "status;code=429"}
            ).status
            == 429
        )
        assert connection.ask("POST", PATH, b'{"model":"nope"}', BEARER).status == 404
        assert connection.ask("POST", PATH, json.dumps(chat("lost")).encode(), BEARER).status == 502
    until(lambda: Metrics.of(counted).sum("headgate_calls_in_flight") == 0, "no call is open")
    metrics, totals = Metrics.of(counted), bill.bill()["totals"]
    assert metrics.sum("headgate_calls_total", outcome="answered") == totals["calls"] == 21
    assert metrics.sum("headgate_calls_total", outcome="answered", status="2xx") == totals["by_status"]["200"] == 20
    assert metrics.sum("headgate_calls_total", stream="true") == totals["streams"] == 4
    assert metrics.sum("headgate_attempts_total", provider="house") == totals["calls"]
    assert metrics.sum("headgate_attempts_total", provider="dead", reason="provider_unreachable") == 5
    assert metrics.sum("headgate_fallbacks_total") == 4
    assert metrics.sum("headgate_fallbacks_total", alias="safe", reason="unavailable") == 4
    assert metrics.sum("headgate_refusals_total", reason="model_not_found") == 1
    assert metrics.sum("headgate_refusals_total", reason="provider_unreachable") == 1
    assert metrics.sum("headgate_calls_total", alias="lost", outcome="failed") == 1
    for alias in ("chat", "safe", "fast-*"):
        assert metrics.sum("headgate_calls_total", alias=alias, outcome="answered", status="2xx") > 0, alias
    assert metrics.sum("headgate_upstream_seconds_count", provider="house") == totals["calls"]
    assert metrics.sum("headgate_time_to_first_token_seconds_count") == 4
    ours = metrics.sum("headgate_response_bytes_total") - 0
    assert ours >= got
    assert metrics.sum("headgate_request_bytes_total") >= sent


def test_bytes_are_counted_exactly(counted: Gateway) -> None:
    sent = got = 0
    for stream in (False, True, False):
        body = json.dumps(chat(stream=stream)).encode()
        sent, got = sent + len(body), got + len(counted.ask("POST", PATH, body, BEARER).body)
    until(lambda: Metrics.of(counted).sum("headgate_calls_total") == 3, "all three are closed")
    metrics = Metrics.of(counted)
    assert metrics.sum("headgate_request_bytes_total", alias="chat") == sent
    assert metrics.sum("headgate_response_bytes_total", alias="chat") == got


def test_what_is_open_is_gauged_and_falls_back(counted: Gateway) -> None:
    with Connection(counted.data) as connection:
        body = json.dumps(chat(stream=True)).encode()
        connection.send(request("POST", PATH, body, {**BEARER, "x-sim-fault": "stall;at=3;ms=0"}))
        connection.read_until(b"data: ")
        metrics = Metrics.of(counted)
        assert metrics.sum("headgate_calls_in_flight") == metrics.sum("headgate_streams_open") == 1
        until(lambda: Metrics.of(counted).sum("headgate_connections") == 1, "one connection is open")
        until(lambda: Metrics.of(counted).sum("headgate_pool_connections", state="open") == 1, "one is in use")
    until(lambda: Metrics.of(counted).sum("headgate_calls_in_flight") == 0, "the call is closed")
    until(lambda: Metrics.of(counted).sum("headgate_connections") == 0, "the connection is closed")
    metrics = Metrics.of(counted)
    assert metrics.sum("headgate_streams_open") == 0
    assert metrics.sum("headgate_calls_total", outcome="client_gone") == 1


def test_models_that_callers_invent_make_no_series(counted: Gateway) -> None:
    for number in range(30):
        counted.ask("POST", PATH, chat(f"fast-{number}"), BEARER)
        counted.ask("POST", PATH, chat(f"invented-{number}"), BEARER)
        counted.ask("POST", PATH, chat(f"house/{number}"), BEARER)
    families = Metrics.of(counted).all
    aliases = {sample.labels["alias"] for family in families for sample in family.samples if "alias" in sample.labels}
    assert aliases == {"fast-*", "house/*"}


def test_stats_and_metrics_tell_the_same(counted: Gateway) -> None:
    assert counted.ask("POST", PATH, chat(), BEARER).status == 200
    until(lambda: Metrics.of(counted).sum("headgate_calls_total") == 1, "the call is closed")
    stats = json.loads(counted.probe("/stats").body)
    metrics = Metrics.of(counted)
    assert {family["name"] for family in stats["families"]} == metrics.families
    assert metrics.sum("headgate_plan_info", hash=stats["plan_hash"]) == 1
    assert (stats["ready"], stats["live"], stats["workers"]) == (True, True, 2)


def test_ops_answers_nothing_else(counted: Gateway) -> None:
    assert counted.probe("/v1/models").status == 404
    assert counted.probe("/metrics", "POST").status == 405
    assert counted.probe("/livez", "HEAD").status == 200
