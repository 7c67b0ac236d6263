"""Running a load against a made-up engine: what is kept, the search, and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from typing import Any

import pytest

from headgate.bench.result import LoadResult
from headgate.bench.run import progress as shows
from headgate.bench.run.document import Run
from headgate.bench.run.drive import Bench
from headgate.bench.run.job import build
from headgate.bench.run.options import RunOptions
from headgate.bench.run.run import last_word, missed, run
from headgate.cli.bench_run import exit_code
from headgate.errors import StartError
from tests.bench import sample_documents
from tests.bench.run.fake_load import Engine, answered

URL = "http://127.0.0.1:1/v1"


def ran(engine: Engine, watch: Any = None, **given: Any) -> Run:  # noqa: ANN401 - see `RunOptions`
    """A whole run on a made-up engine."""
    job = build(RunOptions(**{"url": URL, **given}), {})
    return run(job, Bench(watch or shows.Silent(), "headgate bench run", engine.start))


def test_a_run_keeps_what_was_asked_and_what_came() -> None:
    engine = Engine()
    document = ran(engine, rate=2000.0, slo="p99<1s,errors<0.01%")
    assert document.result == sample_documents.load_result()
    assert document.asked_per_second == 2000
    assert [one.met for one in document.thresholds] == [True, False]
    assert [one.threshold for one in missed(document)] == ["errors<0.01%"]
    assert engine.specs[0]["arrivals"] == {"kind": "constant", "per_second": 2000.0}
    assert exit_code(document) == 99
    assert Run.from_json(document.to_json()) == document


def test_keys_are_taken_out_of_what_the_target_said() -> None:
    def tell(_: dict[str, Any]) -> LoadResult:
        text = "HTTP 401: the key sk-secret-key is not known"
        return replace(sample_documents.load_result(), examples={"status": text})

    seen: list[str] = []
    document = ran(Engine(tell), shows.Lines(seen.append), key="sk-secret-key")
    assert document.result.examples == {"status": "HTTP 401: the key *** is not known"}
    assert "the key *** is not known" in seen[0]
    assert "sk-secret-key" not in document.to_json() + "".join(seen)


def test_nothing_good_exits_1_and_some_failures_without_a_threshold_exit_0() -> None:
    some = ran(Engine())
    assert (exit_code(some), some.result.failed > 0) == (0, True)
    none = ran(Engine(lambda _: replace(sample_documents.load_result(), good=0)))
    assert exit_code(none) == 1


def test_a_schedule_that_was_not_kept_is_the_first_note() -> None:
    whole = sample_documents.load_result()
    slow = replace(whole, health=replace(whole.health, reason="busy: raise max_connections", own=True))
    document = ran(Engine(lambda _: slow))
    assert document.notes[0].startswith("The schedule was not kept: busy: raise --connections. ")
    assert "the target was no slower than they say" in document.notes[0], "all was sent"
    part = replace(slow, sent=slow.asked - 5000)
    assert "lower bound" in ran(Engine(lambda _: part)).notes[0]


def up_to(most: float) -> Engine:
    """A target that is quick up to a rate."""
    return Engine(lambda spec: answered(spec["arrivals"]["per_second"], p99_us=1e3 if rate(spec) <= most else 1e6))


def rate(spec: dict[str, Any]) -> float:
    return float(spec["arrivals"]["per_second"])


def test_a_search_ends_with_a_window_at_the_rate_that_it_found() -> None:
    engine = up_to(1000)
    document = ran(engine, find_capacity=True, slo="p99<50ms", rate=200.0)
    assert document.capacity_per_second is not None
    assert 950 <= document.capacity_per_second <= 1000
    assert document.asked_per_second == document.capacity_per_second == rate(engine.specs[-1])
    assert [one.per_second for one in document.probes] == [rate(spec) for spec in engine.specs]
    assert {spec["duration_ms"] for spec in engine.specs} == {5000}
    assert [one.kept for one in document.probes if one.per_second > 1000] != []
    assert not any(one.kept for one in document.probes if one.per_second > 1000)
    assert exit_code(document) == 0


def test_a_search_keeps_the_kind_of_schedule() -> None:
    engine = up_to(100)
    ran(engine, find_capacity=True, slo="p99<50ms", poisson=True)
    assert {spec["arrivals"]["kind"] for spec in engine.specs} == {"poisson"}


def test_a_search_in_vain_exits_99() -> None:
    document = ran(up_to(0), find_capacity=True, slo="p99<50ms")
    assert document.capacity_per_second is None
    assert exit_code(document) == 99


def test_a_rate_that_was_not_really_sent_is_not_kept() -> None:
    def half(spec: dict[str, Any]) -> LoadResult:
        slow = answered(min(rate(spec), 300))
        reason = "one thread sends no more" if rate(spec) > 300 else None
        return replace(slow, health=replace(slow.health, reason=reason, own=reason is not None))

    document = ran(Engine(half), find_capacity=True, slo="p99<50ms")
    assert document.capacity_per_second is not None
    assert 285 <= document.capacity_per_second <= 310
    assert any("could not be sent" in note for note in document.notes)
    assert document.capacity_is_lower_bound
    assert exit_code(document) == 0
    assert json.loads(document.to_json())["capacity_is_lower_bound"] is True


def test_a_rate_whose_calls_waited_for_the_target_is_the_target_s_limit() -> None:
    def full(spec: dict[str, Any]) -> LoadResult:
        slow = answered(min(rate(spec), 300))
        reason = "all 8 connections were in use: the target answered too slowly" if rate(spec) > 300 else None
        return replace(slow, health=replace(slow.health, reason=reason))

    document = ran(Engine(full), find_capacity=True, slo="p99<50ms")
    assert document.capacity_per_second is not None
    assert not document.capacity_is_lower_bound


def test_a_late_window_that_sent_all_and_met_every_threshold_is_kept() -> None:
    def late(spec: dict[str, Any]) -> LoadResult:
        whole = answered(rate(spec), p99_us=1e3 if rate(spec) <= 1000 else 1e6)
        busy = replace(whole.health, own=True, reason="no core" if rate(spec) <= 1000 else None)
        return replace(whole, health=busy)

    document = ran(Engine(late), find_capacity=True, slo="p99<50ms")
    assert document.capacity_per_second is not None
    assert 950 <= document.capacity_per_second <= 1000
    assert not document.capacity_is_lower_bound, "the target's own times stopped the search"
    assert len([one for one in document.probes if one.per_second == 50]) == 1


def test_thresholds_that_only_late_windows_missed_give_a_lower_bound() -> None:
    def late(spec: dict[str, Any]) -> LoadResult:
        whole = answered(rate(spec), p99_us=1e3 if rate(spec) <= 400 else 1e6)
        busy = replace(whole.health, own=True, reason="core full" if rate(spec) > 400 else None)
        return replace(whole, health=busy)

    document = ran(Engine(late), find_capacity=True, slo="p99<50ms")
    assert (document.capacity_is_lower_bound, exit_code(document)) == (True, 0)


def test_many_failures_that_no_threshold_judges_are_the_last_word() -> None:
    whole = sample_documents.load_result()
    many = replace(whole, good=20, failures={"status": 4980})
    said = "4,980 of 5,000 calls failed; --slo 'errors<1%' makes that an exit code"
    assert last_word(ran(Engine(lambda _: many))) == last_word(ran(Engine(lambda _: many), slo="p99<9s")) == said
    assert last_word(ran(Engine(lambda _: many), slo="errors<100%")) == ""
    assert last_word(ran(Engine())) == "", "less than 1 % failed"


def test_a_run_without_a_good_call_says_why_in_one_line() -> None:
    whole = replace(sample_documents.load_result(), good=0)
    failed = replace(whole, failures={"timeout": 7, "not_json": 9}, examples={"not_json": "HTTP 200: <html>"})
    said = last_word(ran(Engine(lambda _: failed)))
    assert said.startswith("no call ended well; 9 of 16 failed: not_json: the answer is no JSON (HTTP 200: <html>): ")
    hung = last_word(ran(Engine(lambda _: replace(whole, failures={}, open=50))))
    assert hung.startswith("no call ended well; 50 calls were still open, and none has ended: ")
    assert "--for" in last_word(ran(Engine(lambda _: replace(whole, failures={}))))


def test_a_window_in_which_something_else_had_the_machine_is_tried_again() -> None:
    windows = 0

    def disturbed(spec: dict[str, Any]) -> LoadResult:
        nonlocal windows
        windows += 1
        whole = answered(rate(spec), p99_us=1e3 if rate(spec) <= 1000 else 1e6)
        reason = "the engine did not get its core" if windows % 3 else None
        return replace(whole, health=replace(whole.health, reason=reason, own=reason is not None))

    document = ran(Engine(disturbed), find_capacity=True, slo="p99<50ms")
    assert document.capacity_per_second is not None
    assert 950 <= document.capacity_per_second <= 1000


def test_a_target_whose_answers_queue_up_does_not_carry_the_rate() -> None:
    def queue(spec: dict[str, Any]) -> LoadResult:
        whole = answered(rate(spec))
        most = [replace(step, good=min(step.good, 150)) for step in whole.series]  # 300/s, in steps of half a second
        return replace(whole, series=most)

    document = ran(Engine(queue), find_capacity=True, slo="errors<1%")
    assert document.capacity_per_second is not None
    assert 285 <= document.capacity_per_second <= 345
    assert any("in its second half" in reason for one in document.probes for reason in one.missed)


def test_answers_that_take_longer_than_the_window_are_told_from_those_that_queue_up() -> None:
    def late(spec: dict[str, Any]) -> LoadResult:
        whole = answered(min(rate(spec), 400))
        return replace(
            whole, elapsed_s=12.0, series=[replace(step, good=0) for step in whole.series[:5]] + whole.series[5:]
        )

    document = ran(Engine(late), find_capacity=True, slo="errors<1%")
    assert document.capacity_per_second is not None
    assert document.capacity_per_second >= 380


def test_a_target_that_dies_ends_the_search_and_keeps_its_probes() -> None:
    def die(spec: dict[str, Any]) -> LoadResult:
        if rate(spec) > 150:
            raise StartError(69, "nothing can be reached")
        return answered(rate(spec))

    document = ran(Engine(die), find_capacity=True, slo="errors<1%")
    assert [one.per_second for one in document.probes] == [50, 100]
    assert document.notes[0] == "the search ended with the target: nothing can be reached"
    assert exit_code(document) == 99
    with pytest.raises(StartError):
        ran(Engine(die), find_capacity=True, slo="errors<1%", rate=200.0)


class Interrupting(shows.Silent):
    """Presses Ctrl-C at the n-th look."""

    def __init__(self, look: int) -> None:
        self.left = look

    def look(self, progress: dict[str, Any]) -> None:
        """Counts down."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_load_and_keeps_what_was_measured(number: signal.Signals) -> None:
    engine = Engine(looks=1000)
    before = signal.getsignal(number)
    document = ran(engine, Interrupting(3), slo="p99<1us")
    assert engine.loads[0].stopped
    assert document.interrupted
    assert document.result.good > 0
    assert exit_code(document) == 130
    assert signal.getsignal(number) == before


def test_ctrl_c_ends_a_search_and_keeps_its_probes() -> None:
    document = ran(up_to(1000), Interrupting(9), find_capacity=True, slo="p99<50ms")
    assert document.interrupted
    assert document.capacity_per_second is None
    assert [one.per_second for one in document.probes] == [50, 100, 200, 400]
    assert "the search was interrupted" in document.notes


def test_ctrl_c_in_the_first_window_of_a_search_keeps_that_window() -> None:
    document = ran(up_to(1000), Interrupting(1), find_capacity=True, slo="p99<50ms")
    assert (document.interrupted, document.probes, document.result.good) == (True, [], 250)
