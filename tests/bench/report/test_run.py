"""A run as Markdown and as a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from headgate.bench import report
from headgate.bench.report.run import plots, tables
from headgate.bench.report.run.headline import headline, warnings
from headgate.bench.report.run.spread import bins
from headgate.bench.run.document import Run
from tests.bench import hdr_logs
from tests.bench import sample_documents as samples
from tests.bench.report.pages import read

ATTACK = "</script><script>alert(1)</script>|**{{ x }}"


def _hostile() -> Run:
    run = samples.run()
    return replace(
        run,
        command=ATTACK,
        load={ATTACK: ATTACK, "target": ATTACK},
        notes=[ATTACK],
        result=replace(run.result, examples=dict.fromkeys(run.result.examples, ATTACK), failures={ATTACK: 3, "cut": 1}),
        thresholds=[replace(one, threshold=ATTACK, measured=ATTACK) for one in run.thresholds],
    )


STATES: dict[str, Callable[[], Run]] = {
    "run": samples.run,
    "capacity": samples.capacity,
    "empty": samples.empty_run,
    "hostile": _hostile,
    "one step": lambda: replace(
        samples.run(), result=replace(samples.load_result(), series=samples.load_result().series[:1])
    ),
    "no streams": lambda: replace(
        samples.run(), result=replace(samples.load_result(), streams=0, frames=0, tpot=None, gap=None, stamped=None)
    ),
    "steps without answers": lambda: replace(
        samples.run(),
        result=replace(
            samples.load_result(),
            series=[
                replace(step, good=0, p50_us=None, p99_us=None, ttft_p50_us=None)
                for step in samples.load_result().series
            ],
        ),
    ),
}


@pytest.fixture(scope="module", params=STATES)
def pair(request: pytest.FixtureRequest) -> tuple[Run, str]:
    """A document and its page."""
    run = STATES[request.param]()
    return run, report.run_html(run)


def test_the_page_is_whole_and_asks_the_network_for_nothing(pair: tuple[Run, str]) -> None:
    page = read(pair[1])
    assert page.misfits == []
    assert len(set(page.values("id"))) == len(page.values("id"))
    assert [value for value in page.values("href") if not value.startswith("#")] == []
    assert page.values("src") == []
    assert page.tags.count("script") == 1
    assert page.tags.count("svg") == page.tags.count("figure")


def test_every_row_is_on_the_page_and_in_the_markdown(pair: tuple[Run, str]) -> None:
    run, html = pair
    rows, text = read(html).rows, report.run_markdown(run).replace("\\", "").replace("**", "")
    made = [tables.distributions, tables.errors, tables.counts, tables.probes, tables.health]
    for table in made:
        found = table(run).rows
        assert [row for row in found if tuple(row) not in rows] == []
        assert [row for row in found if " | ".join(cell.replace("**", "") for cell in row) not in text] == []
    for one in run.thresholds:
        assert (one.threshold, one.measured, "met" if one.met else "missed") in rows
    if len(run.result.series) > 1:
        assert [row for row in tables.series(run).rows if tuple(row) not in rows] == []


def test_the_same_run_gives_the_same_page() -> None:
    assert report.run_html(samples.run()) == report.run_html(Run.from_json(samples.run().to_json()))


def test_the_headline_counts_and_never_rounds_a_failure_away() -> None:
    first, missed = headline(samples.run())
    assert first.startswith("59,722 of 60,000 calls ended well: 1,991 calls per second of 2,000 asked, p50 ")
    assert missed == "Missed: errors<0.1% (measured 0.46%)."


def test_the_headline_of_a_search_is_the_capacity() -> None:
    assert headline(samples.capacity())[0] == "The capacity is 6,169 calls per second; 6,727 were not kept."
    bound = replace(samples.capacity(), capacity_is_lower_bound=True)
    assert headline(bound)[0] == "The capacity is at least 6,169 calls per second: this machine could not send more."
    none_kept = replace(samples.capacity(), capacity_per_second=None)
    assert headline(none_kept)[0] == "No rate was kept: the lowest that was tried is 1,000 calls per second."


def test_a_run_without_an_answer_says_so() -> None:
    assert headline(samples.empty_run())[0] == "No call was answered well."


def test_a_load_that_was_late_is_a_warning_above_the_figures() -> None:
    run = samples.capacity()
    [warning] = warnings(run)
    assert warning == (
        "The load did not keep its schedule. The load's own thread was stalled for 21 ms: its core was taken by "
        "something else. 412 of 60,000 calls left more than 1 ms late."
    )
    html = report.run_html(run)
    assert html.index("did not keep its schedule") < html.index("<svg")
    assert "**Warning.** The load did not keep its schedule" in report.run_markdown(run)
    assert warnings(samples.run()) == []


def test_what_a_note_says_of_the_schedule_is_said_once() -> None:
    run = samples.capacity()
    note = f"The schedule was not kept: {run.result.health.reason}. The figures are a lower bound."
    run = replace(run, notes=[note, "Something else."])
    assert warnings(run) == [f"{note} 412 of 60,000 calls left more than 1 ms late."]
    text = report.run_markdown(run)
    assert text.count("was stalled for 21 ms") == 1
    assert "> Something else." in text


def test_an_interrupted_run_is_a_warning() -> None:
    assert warnings(replace(samples.run(), interrupted=True)) == [
        "The run was interrupted: these are the figures up to then."
    ]
    open_calls = replace(samples.load_result(), open=50)
    [warning] = warnings(replace(samples.run(), interrupted=True, result=open_calls))
    assert warning.endswith("up to then, and 50 calls were still open.")


def test_a_few_late_calls_of_a_schedule_that_was_kept_are_no_warning() -> None:
    result = samples.load_result()
    run = replace(samples.run(), result=replace(result, health=replace(result.health, late_calls=22, reason=None)))
    assert warnings(run) == []
    for page in (report.run_html(run), report.run_markdown(run)):
        assert "did not keep its schedule" not in page


def test_the_rate_is_not_drawn_to_fall_where_the_last_step_was_cut_short() -> None:
    result = samples.load_result()
    cut = replace(result.series[-1], at_ms=31_000.0, sent=20, good=20)
    tail = replace(cut, at_ms=32_000.0, sent=0)
    for after in ([cut], [cut, tail], [replace(tail, at_ms=31_000.0)]):
        run = replace(samples.run(), result=replace(result, series=[*result.series, *after], elapsed_s=30.1))
        assert plots.sending(run) == result.series
    assert plots.sending(replace(samples.run(), result=replace(result, series=[cut]))) == [cut]


def test_calls_that_were_not_sent_have_a_row() -> None:
    rows = tables.counts(replace(samples.run(), result=replace(samples.load_result(), asked=339, sent=289))).rows
    assert ["not sent", "50"] in [list(row) for row in rows]


def test_a_failure_stands_with_its_meaning_its_example_and_what_to_do() -> None:
    [status, *_] = tables.errors(samples.run()).rows
    assert status[:2] == ["status", "247"]
    assert status[4].startswith("HTTP 429: ")
    assert "lower --rate" in status[5]


def test_the_bars_of_a_histogram_hold_all_but_the_last_thousandth() -> None:
    hist = samples.hist(1240)
    found = bins(hist)
    assert sum(share for _, _, share in found) == pytest.approx(0.999, abs=2e-3)
    assert found[0][0] == pytest.approx(hist.min_us)
    assert found[-1][1] == pytest.approx(hist.p999_us)
    assert all(share >= 0 for _, _, share in found)


def test_a_distribution_of_one_value_is_one_bar() -> None:
    one = replace(samples.hist(5.0), min_us=5.0, p999_us=5.0, max_us=5.0, curve=[(0.0, 5.0), (1.0, 5.0)])
    assert [share for _, _, share in bins(one)] == [1.0]


def test_the_bars_are_those_of_the_full_log_where_there_is_one() -> None:
    hist = hdr_logs.hist([100.0] * 60 + [400.0] * 40)
    shares = [share for _, _, share in bins(hist)]
    assert shares[0] == pytest.approx(0.6, abs=0.02)
    assert shares[-1] == pytest.approx(0.4, abs=0.02)
    assert sum(shares) == pytest.approx(1.0)
    assert max(shares[1:-1]) == pytest.approx(0.0, abs=0.01)
