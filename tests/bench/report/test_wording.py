"""Numbers and names as words."""

from __future__ import annotations

import math

import pytest

from headgate.bench.report import markdown as md
from headgate.bench.report import wording
from headgate.bench.report.table import Table


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "-"),
        (0.0, "0"),
        (0.02704, "0.0270"),
        (8.4211, "8.42"),
        (16.34, "16.3"),
        (756.4, "756"),
        (60932.9, "60,933"),
        (-6.48, "-6.48"),
    ],
)
def test_three_digits_count(value: float | None, words: str) -> None:
    assert wording.plain(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0 %"), (0.0043, "0.430 %"), (0.5, "50 %"), (0.9997, "99.97 %"), (0.999999, "99.99 %"), (1.0, "100 %")],
)
def test_a_share_is_whole_only_when_it_is(value: float, words: str) -> None:
    assert wording.share(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(0.884, "0.88x"), (9.99, "9.99x"), (32.75, "32.8x"), (595.4, "595x"), (math.nan, "-")]
)
def test_a_ratio_has_two_decimals_while_they_matter(value: float, words: str) -> None:
    assert wording.times(value) == words


def test_times_and_sizes_have_the_unit_that_suits_them() -> None:
    assert [wording.duration(us) for us in (84.2, 1240.0, 2_310_000.0, None)] == ["84.2 µs", "1.24 ms", "2.31 s", "-"]
    assert [wording.size(number) for number in (64, 102_400, 5_662_310)] == ["64 B", "100 KB", "5.40 MiB"]
    assert [wording.seconds(value) for value in (3.0, 2.5, 1184.0, 7384.0)] == [
        "3 s",
        "2.50 s",
        "19 min 44 s",
        "2 h 03 min",
    ]


def test_a_moment_is_written_for_people_and_anything_else_stays() -> None:
    assert wording.moment("2026-11-20T09:14:02+00:00") == "2026-11-20 09:14 UTC"
    assert wording.moment("2026-11-20T09:14:02+09:00") == "2026-11-20 09:14 +09:00"
    assert wording.moment("yesterday") == "yesterday"


def test_words_are_listed_as_a_sentence_lists_them() -> None:
    assert [wording.listed(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("words", "escaped"),
    [
        ("a|b\nc", r"a\|b c"),
        ("<b>*x*</b>", r"\<b>\*x\*\</b>"),
        ("p99 <= 5 [1, 2]", "p99 <= 5 [1, 2]"),
        ("[x](y)", r"[x\](y)"),
        (r"\|", r"\\\|"),
    ],
)
def test_a_name_has_no_meaning_in_markdown(words: str, escaped: str) -> None:
    assert md.text(words) == escaped


def test_a_fence_is_longer_than_any_backticks_inside() -> None:
    assert md.code("a `` b") == "``` a `` b ```"
    assert md.code("plain") == "`plain`"


def test_the_row_that_the_reader_came_for_is_bold_at_its_name() -> None:
    table = Table("t", ["load", "target", "n#"], [["a", "x", "1"], ["a", "y", "2"]], strong=frozenset({1}))
    assert md.table(table) == [
        "| load | target | n |",
        "|---|---|--:|",
        "| a | x | 1 |",
        "| a | **y** | 2 |",
    ]
