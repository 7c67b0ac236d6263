"""A comparison as Markdown and as a page: all of it, in any state, without a network or markup from outside."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from headgate.bench import report
from headgate.bench.compare.document import Comparison, Ratio
from headgate.bench.report.compare import raw, tables
from headgate.bench.report.compare.headline import headline, headline_cell, shown_first
from headgate.bench.report.compare.plots import first_screen, window_boxes
from headgate.bench.report.compare.reasons import reasons_to_believe
from headgate.bench.report.compare.roles import Field
from headgate.bench.report.table import Table
from tests.bench import sample_documents as samples
from tests.bench.report.pages import read

STATES: dict[str, Callable[[], Comparison]] = {
    "full": samples.full,
    "no ratios": samples.no_ratios,
    "nothing": samples.nothing,
    "all void": samples.all_void,
    "hostile": samples.hostile,
    "no floor": lambda: samples.full(["nginx", "headgated"], samples.HEADLINE_CELLS),
    "only the floor": lambda: samples.full(["floor"], samples.HEADLINE_CELLS),
    "without headgate": lambda: samples.full(["floor", "nginx", "python"], samples.HEADLINE_CELLS),
}
TABLES = [
    tables.distances,
    tables.against,
    tables.costs,
    tables.latency,
    tables.streams,
    tables.slopes,
    tables.memory,
    tables.starts,
    tables.system_calls,
    tables.absent,
    raw.left_out,
    raw.ratios,
    raw.differences,
]


@pytest.fixture(scope="module", params=STATES)
def pair(request: pytest.FixtureRequest) -> tuple[Comparison, str]:
    """A document and its page."""
    document = STATES[request.param]()
    return document, report.compare_html(document)


def test_the_tags_of_the_page_fit_and_no_id_is_there_twice(pair: tuple[Comparison, str]) -> None:
    page = read(pair[1])
    assert page.misfits == []
    assert len(set(page.values("id"))) == len(page.values("id"))


def test_the_page_asks_the_network_for_nothing(pair: tuple[Comparison, str]) -> None:
    page = read(pair[1])
    assert [value for value in page.values("href") if not value.startswith("#")] == []
    assert {value[1:] for value in page.values("href")} <= set(page.values("id"))
    assert page.values("src") == page.values("srcset") == page.values("xlink:href") == []
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    styles = [*page.styles, *page.values("style"), *page.values("clip-path")]
    assert [one for one in styles if "@import" in one or re.search(r"url\((?!#)", one)] == []
    assert [one for one in [*page.scripts, *styles] if "http" in one] == []


def test_only_the_one_script_that_is_ours_may_run(pair: tuple[Comparison, str]) -> None:
    page = read(pair[1])
    [script] = page.scripts
    [policy] = [value for value in page.values("content") if "script-src" in value]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert [name for _, name, _ in page.attributes if name.startswith("on")] == []


def test_every_row_of_the_document_is_on_the_page(pair: tuple[Comparison, str]) -> None:
    document, html = pair
    field, rows = Field(document), read(html).rows
    for table in (*TABLES, raw.windows):
        assert [row for row in table(field).rows if tuple(row) not in rows] == []
    assert len(tables.costs(field).rows) == len(document.rows)
    assert len(raw.ratios(field).rows) == len(document.ratios)
    assert len(raw.differences(field).rows) == len(document.differences)
    assert len(raw.windows(field).rows) == len(document.windows)


def test_every_verdict_note_feature_and_warning_about_fairness_is_on_the_page(pair: tuple[Comparison, str]) -> None:
    document, html = pair
    page = read(html)
    said = {True: "met", False: "missed", None: "not measured"}
    for verdict in document.verdicts:
        assert (verdict.figure, verdict.wanted, verdict.measured, said[verdict.met]) in page.rows
    words = [
        *document.notes,
        document.command,
        *(w for t in document.targets for w in (*t.unfair, *t.features, t.command)),
    ]
    assert [one for one in words if one not in page.text] == []


def test_every_drawing_says_in_words_what_it_shows(pair: tuple[Comparison, str]) -> None:
    page = read(pair[1])
    labels = [value for tag, name, value in page.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) == page.tags.count("svg") == page.tags.count("figure")
    assert all(len(label) > 40 for label in labels)


def test_nothing_from_outside_becomes_markup() -> None:
    html = report.compare_html(samples.hostile())
    page = read(html)
    assert page.tags.count("script") == 1
    assert "evil.example" in page.text
    assert "<script src" not in html
    assert "<img" not in html
    assert "{{ 7 * 7 }}" in page.text


def test_nothing_from_outside_becomes_markup_in_markdown() -> None:
    text = report.compare_markdown(samples.hostile())
    assert re.search(r"(?<![\\`])<(script|img)", re.sub(r"(`+) .*? \1", "", text)) is None
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("# ")] == ["# Comparison of gateways"]
    heads = [at for at, line in enumerate(lines) if re.fullmatch(r"\|(-+:?\||-+\|)+", line.replace(" ", ""))]
    for at in heads:
        width = _columns(lines[at])
        body = [line for line in lines[at - 1 : at + 3] if line.startswith("|")]
        assert {_columns(line) for line in body} == {width}


def _columns(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line))


def test_every_row_is_in_the_markdown(pair: tuple[Comparison, str]) -> None:
    document = pair[0]
    text = _plain(report.compare_markdown(document))
    for table in TABLES:
        found = table(Field(document))
        assert [row for row in found.rows if _line(row) not in text] == []


def _line(row: object) -> str:
    assert isinstance(row, list)
    return _plain(f"| {' | '.join(' '.join(cell.split()) for cell in row)} |")


def _plain(text: str) -> str:
    return text.replace("\\", "").replace("**", "").replace("*", "")


def test_the_same_document_gives_the_same_bytes_in_another_process() -> None:
    targets = ["floor", "nginx", "headgated"]
    code = (
        "import sys; from headgate.bench import report; from tests.bench.sample_documents import full;"
        f"sys.stdout.write(report.compare_html(full({targets})) + report.compare_markdown(full({targets})))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path), "TZ": "Asia/Tokyo"}
    other = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    document = samples.full(targets)
    assert other.stdout == report.compare_html(document) + report.compare_markdown(document)


def test_a_document_survives_its_file_and_shows_the_same() -> None:
    document = samples.full(["floor", "headgated"], samples.HEADLINE_CELLS)
    again = Comparison.from_json(document.to_json())
    assert report.compare_markdown(again) == report.compare_markdown(document)


def test_the_headline_is_about_small_prompts_and_many_callers() -> None:
    field = Field(samples.full())
    cell = headline_cell(field)
    assert cell is not None
    assert cell.title == "64 B, c=50"
    ratio = field.over_plain(cell.name, "headgated")
    assert ratio is not None
    first, second, *_ = headline(field)
    assert first == (
        f"headgate costs {ratio.median:.2f}x of what the better plain proxy costs at 64 B, c=50, "
        f"key checked and model replaced [{ratio.low:.2f}, {ratio.high:.2f}]."
    )
    assert second.startswith("That is 1.28x the floor")


def test_where_the_better_proxy_was_not_taken_the_dearer_ratio_counts() -> None:
    medians = {"nginx": 0.9, "haproxy": 0.8}
    two = [Ratio("small", "headgated", over, "cpu", 5, *[median] * 4) for over, median in medians.items()]
    document = replace(samples.full(["floor", "nginx", "haproxy", "headgated"], samples.HEADLINE_CELLS), ratios=two)
    assert headline(Field(document))[0].startswith("headgate costs 0.90x of what nginx costs at 64 B, c=50")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (samples.nothing(), "Nothing was measured: floor, nginx"),
        (samples.all_void(), "No figure stands: of 120 windows, 120 are void"),
        (samples.no_ratios(), "headgate takes 15.9 µs of CPU for a call at 64 B, c=50"),
        (samples.full(["floor", "python"]), "Python baseline takes 404.8 µs"),
    ],
)
def test_the_headline_says_so_when_there_is_nothing_to_compare(document: Comparison, sentence: str) -> None:
    assert headline(Field(document))[0].startswith(sentence)


def test_the_first_screen_shows_four_loads_that_differ() -> None:
    field = Field(samples.full())
    assert [cell.name for cell in shown_first(field)] == ["small", "large", "stream", "one"]
    assert [plot.title for plot in first_screen(field)] == [cell.title for cell in shown_first(field)]


def test_the_reasons_count_what_was_left_out() -> None:
    said = dict(reasons_to_believe(Field(samples.full())))
    assert said["Windows"] == "237 of 3 s each; 3 left out (2 disturbed, 1 void)"
    assert said["Order"] == "5 rounds, all targets in each, in rotated order"
    assert said["Cores"].endswith("Not pinned: LiteLLM")
    assert said["Run"].endswith("seed 7")


def test_every_window_is_a_mark_whether_it_counts_or_not() -> None:
    document = samples.full()
    plots = {plot.title: plot for plot in window_boxes(Field(document))}
    small = [window for window in document.windows if window.cell == "small"]
    assert sum(window.void is not None or window.disturbed is not None for window in small) == 2
    svg = plots["64 B, c=50"].svg
    marks = re.findall(r"<use href=[^>]*opacity: 0.85", svg)
    assert len(marks) == len(small)
    assert "var(--bad)" in svg


def test_a_target_far_from_the_others_presses_nobody_together() -> None:
    svg = first_screen(Field(samples.full()))[0].svg
    assert ">595x<" in svg
    assert ">1.28x<" in svg
    assert ">1.4x<" in svg  # a tick between 1 and 1.5: the axis ends where the near ones do


def test_no_colour_of_a_drawing_stands_outside_the_theme() -> None:
    html = report.compare_html(samples.full(["floor", "nginx", "headgated"], samples.HEADLINE_CELLS))
    drawings = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", drawings)) == set()
    used = set(re.findall(r"var\(--(\w+)\)", drawings)) - {"wide"}
    [style] = read(html).styles
    themes = re.findall(r"--ink:[^}]*", style)
    assert len(themes) == 4  # light, dark by the system, dark by the button, paper
    assert all(f"--{name}:" in theme + style for name in used for theme in themes)


def test_an_interval_without_numbers_is_left_out_and_breaks_nothing() -> None:
    document = samples.full(["floor", "nginx", "headgated"], samples.HEADLINE_CELLS[:1])
    ratios = [replace(ratio, low=math.nan, high=math.inf) for ratio in document.ratios]
    assert "nan" not in report.compare_html(replace(document, ratios=ratios)).lower()


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    table = Table("t", ["name", "a#", "b#"], [["x", "-", "1"], ["y", "-", "-"]])
    assert table.without_empty_columns("-").heads == ["name", "b#"]
