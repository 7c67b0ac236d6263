"""The profile of stages: switched on and off while calls come, and read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.fixtures import Launch
from tests.harness.gateway import Gateway
from tests.harness.policies import small
from tests.harness.provider import Provider
from tests.harness.waiting import until
from tests.harness.wire import chat

PATH = "/v1/chat/completions"
WORKS = ["head", "admission", "read", "route", "send", "answer", "forward", "close", "write"]
WAITS = ["body_wait", "connect_wait", "wait", "piece_wait"]
Page = dict[str, Any]


@pytest.fixture(params=[False, True], ids=["serve", "headgated"], scope="module")
def profiled(request: pytest.FixtureRequest, launch_for_file: Launch, provider: Provider) -> Gateway:
    """A gateway of one worker, whose calls nobody else makes."""
    return launch_for_file(small(provider.url, workers=1), daemon=request.param)


def switch(gateway: Gateway, word: str) -> None:
    """Switches it."""
    answer = gateway.probe(f"/stages?{word}", "POST")
    assert (answer.status, answer.body) == (200, f"stages: {word}\n".encode())


def counts(page: Page) -> dict[str, int]:
    """How often each stage was passed."""
    return {row["stage"]: row["count"] for row in page["stages"]}


def read(gateway: Gateway, calls: int) -> Page:
    """The profile, once so many calls have been closed and the last write is counted."""

    def look() -> Page:
        page: Page = gateway.probe("/stages").json()
        return page if page["calls"] >= calls and counts(page)["write"] >= calls else {}

    return until(look, f"{calls} calls in the profile")


def test_calls_are_counted_stage_by_stage_while_it_is_on(profiled: Gateway) -> None:
    switch(profiled, "on")
    for _ in range(5):
        assert profiled.ask("POST", PATH, chat()).status == 200
    page = read(profiled, 5)
    assert (page["on"], page["calls"]) == (True, 5)
    assert sorted(counts(page)) == sorted(WORKS + WAITS)
    for stage in ("admission", "read", "route", "send", "answer", "forward", "close", "write"):
        assert counts(page)[stage] == 5, stage
    assert counts(page)["wait"] <= 5, "an answer may be there as soon as its request has gone"
    for row in page["stages"]:
        assert row["waits"] == (row["stage"] in WAITS)
        assert row["what"]
        if row["count"]:
            assert row["p50_ns"] <= row["p99_ns"]
            assert row["mean_ns"] == row["total_ns"] // row["count"]
        else:
            assert row["mean_ns"] is None
    works = [row for row in page["stages"] if not row["waits"]]
    assert sum(row["total_ns"] for row in works) == page["working_ns"]
    assert sum(row["share"] for row in works) == pytest.approx(1)


def test_switched_on_again_it_starts_anew_and_switched_off_it_counts_nothing(profiled: Gateway) -> None:
    switch(profiled, "on")
    profiled.ask("POST", PATH, chat())
    read(profiled, 1)
    switch(profiled, "on")
    assert profiled.probe("/stages").json()["calls"] == 0
    profiled.ask("POST", PATH, chat())
    before = read(profiled, 1)
    switch(profiled, "off")
    for _ in range(3):
        profiled.ask("POST", PATH, chat())
    page = profiled.probe("/stages").json()
    assert page["on"] is False
    assert counts(page) == counts(before)


def test_a_streams_pieces_and_a_refused_call_are_counted_too(profiled: Gateway) -> None:
    switch(profiled, "on")
    answer = profiled.ask("POST", PATH, chat(stream=True), {"x-sim-gap-ms": "5", "x-sim-tokens": "4"})
    assert answer.status == 200
    assert counts(read(profiled, 1))["forward"] >= 4
    switch(profiled, "on")
    assert profiled.ask("POST", PATH, chat("unknown")).status == 404
    page = read(profiled, 1)
    assert (counts(page)["read"], counts(page)["send"], counts(page)["answer"]) == (1, 0, 1)


def test_only_a_post_with_a_word_switches_it(profiled: Gateway) -> None:
    switch(profiled, "off")
    for path in ("/stages", "/stages?maybe"):
        assert profiled.probe(path, "POST").status == 400
    assert profiled.probe("/stages?on").json()["on"] is False, "a scrape must not switch it"
    answer = profiled.probe("/stages?on", "PUT")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD, POST")


def test_a_gateway_that_was_never_looked_at_shows_nothing(launch: Launch, provider: Provider) -> None:
    gateway = launch(small(provider.url), daemon=True)
    gateway.ask("POST", PATH, chat())
    page = gateway.probe("/stages").json()
    assert (page["on"], page["calls"], page["working_ns"], page["elapsed_ms"]) == (False, 0, 0, 0)
