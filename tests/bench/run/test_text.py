"""The printed result."""

from __future__ import annotations

from dataclasses import replace

from headgate.bench.figures import show_bytes, show_count, show_share, show_us
from headgate.bench.result import LoadResult
from headgate.bench.run import hints, text
from headgate.bench.run.document import Run
from tests.bench import sample_documents

RUN = sample_documents.run()


def printed(result: LoadResult | None = None) -> str:
    """The lines, without their styles."""
    document: Run = RUN if result is None else replace(RUN, result=result)
    return "\n".join(line for _, line in text.lines(document))


def table(page: str) -> list[str]:
    lines = page.splitlines()
    start = next(number for number, line in enumerate(lines) if "p99.99" in line)
    return lines[start : lines.index("", start)]


def test_the_table_of_times_is_aligned_and_complete() -> None:
    rows = table(printed())
    assert len({len(row) for row in rows}) == 1
    assert rows[0].split() == ["p50", "p90", "p99", "p99.9", "p99.99", "max", "mean", "count"]
    labels = [row[:18].strip() for row in rows[1:]]
    assert labels == ["latency", "from the send", "first token", "per later token", "between events", "event's delay"]


def test_answers_in_one_piece_have_no_first_token() -> None:
    plain = replace(RUN.result, streams=0, tpot=None, gap=None, stamped=None)
    assert [row[:18].strip() for row in table(printed(plain))[1:]] == ["latency", "from the send"]


def test_each_class_of_failures_has_its_count_its_example_and_what_to_do() -> None:
    page = printed()
    for kind, count in RUN.result.failures.items():
        if count:
            assert f"{count:,}  {kind}: {hints.meaning(kind)}" in page
            assert RUN.result.examples[kind] in page
            assert hints.advice(kind, RUN.result.examples[kind]) in page
    assert "refused" not in page, "a class without a call is not shown"


def test_a_load_that_got_nothing_is_printed_too() -> None:
    nothing = replace(
        RUN.result,
        latency=None,
        service=None,
        ttft=None,
        tpot=None,
        gap=None,
        stamped=None,
        late=None,
        good=0,
        answered=0,
        sent=0,
        elapsed_s=0.0,
        statuses={},
        examples={},
        failures={"refused": 5},
    )
    page = printed(nothing)
    assert "5 failed (100 %)" in page
    assert "p99" not in page.partition("MISSED")[0].partition("met ")[0]


def test_a_schedule_that_was_not_kept_stands_before_the_figures_and_at_the_engine() -> None:
    health = replace(RUN.result.health, reason="all connections were busy", late_calls=77)
    page = "\n".join(
        line for _, line in text.lines(replace(RUN, notes=["NOTED"], result=replace(RUN.result, health=health)))
    )
    assert page.index("note: NOTED") < page.index("p99.99")
    assert "did not keep its schedule: 77 calls" in page


def test_one_is_not_spoken_of_as_many() -> None:
    usage = replace(RUN.result.usage, answers=1)
    page = printed(replace(RUN.result, usage=usage, streams=1, frames=1))
    assert "stated by 1 answer\n" in page
    assert "1 event in 1 stream\n" in page


def test_calls_that_were_not_sent_are_counted() -> None:
    assert "339 asked, 289 sent (50 were not), " in printed(replace(RUN.result, asked=339, sent=289))


def test_calls_that_an_interrupt_found_open_are_told_with_what_to_do_if_none_ended() -> None:
    some = "\n".join(line for _, line in text.lines(replace(RUN, interrupted=True, result=replace(RUN.result, open=5))))
    assert "5 calls were still open\n" in some
    nothing = replace(RUN.result, open=1, good=0, failures={})
    none = "\n".join(line for _, line in text.lines(replace(RUN, interrupted=True, result=nothing)))
    assert f"1 call was still open, and none has ended: {hints.advice('timeout')}\n" in none


def test_a_capacity_that_this_machine_bounds_is_called_at_least() -> None:
    found = sample_documents.capacity()
    assert "capacity  6,169/s" in "\n".join(line for _, line in text.lines(found))
    bound = replace(found, capacity_is_lower_bound=True)
    page = "\n".join(line for _, line in text.lines(bound))
    assert "capacity  at least 6,169/s: this machine could not send more" in page


def test_figures_have_three_digits_and_a_unit() -> None:
    shown = [show_us(value) for value in (0.1, 9.87, 412, 1234, 61_340, 614_000, 999_960, 2_500_000, None)]
    assert shown == ["0.1 µs", "9.87 µs", "412 µs", "1.23 ms", "61.3 ms", "614 ms", "1.00 s", "2.50 s", "-"]
    assert [show_share(*pair) for pair in ((0, 5), (1, 3), (1, 10**7), (0, 0))] == ["0 %", "33.3 %", "< 0.001 %", "0 %"]
    assert [show_count(value) for value in (5, 1999.7, 12_345.6, 50.0)] == ["5", "1,999.7", "12,346", "50"]
    assert [show_bytes(value) for value in (400, 20_480, 5 << 30)] == ["400 B", "20 KiB", "5 GiB"]


def test_a_bad_status_is_explained_by_its_number() -> None:
    assert "--key" in hints.advice("status", "HTTP 401: no")
    assert "/v1" in hints.advice("status", "HTTP 404: no")
    assert "log" in hints.advice("status", "HTTP 502: no")
    assert hints.advice("status", "HTTP 418: no") == hints.CLASSES["status"][1]
    assert (hints.meaning("new_class"), hints.advice("new_class")) == ("new class", "")
