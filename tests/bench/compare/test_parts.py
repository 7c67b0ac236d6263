"""Small parts: cells, what answers hold, slopes, what other programs print, and the planted regression."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.outside import Said, parse
from benchmarks.planted import is_told_apart, write_manifests
from headgate.bench.compare import strace
from headgate.bench.compare.calls import _stream, _whole
from headgate.bench.compare.cells import FULL, HEADLINE, select
from headgate.bench.compare.count import judged, rows
from headgate.bench.compare.document import Ratio
from headgate.bench.compare.manifest import read
from headgate.bench.compare.providers import body
from headgate.bench.compare.slope import slopes
from headgate.errors import GatewayError, UsageError

from .samples import CALM

SUMMARY = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 52.10    0.030000           5      6000           sendto
 47.70    0.020000           3      6060        60 recvfrom
  0.20    0.000100          10        10           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.050100           4     12070        60 total
"""


def test_cells_are_chosen_by_set_or_by_name_in_the_order_of_the_full_list() -> None:
    assert select("headline") == HEADLINE
    assert select("full") == FULL
    assert [cell.name for cell in select("sse-c64, 64b-c50")] == ["64b-c50", "sse-c64"]
    assert len({cell.name for cell in FULL}) == len(FULL) == 12


@pytest.mark.parametrize("wanted", ["", "64b-c5", "headline,nothing"])
def test_a_cell_that_does_not_exist_is_refused_with_those_that_do(wanted: str) -> None:
    with pytest.raises(UsageError, match="there are headline, full, 64b-c50"):
        select(wanted)


def test_a_body_names_its_model_behind_the_messages_and_has_a_prompt_of_the_size() -> None:
    text = body("m", 64, stream=True)
    assert text.index('"messages"') < text.index('"model":"m"')
    document = json.loads(text)
    assert len(document["messages"][0]["content"]) == 64
    assert document["stream_options"] == {"include_usage": True}
    assert len(body("mm", 102_400, stream=False)) == len(body("m", 102_400, stream=False)) + 1


def test_an_answer_is_read_as_a_caller_reads_it() -> None:
    answer = _whole('{"choices":[{"message":{"content":"hi"}}],"usage":{"total_tokens":9}}')
    assert (answer.text, answer.frames, answer.total_tokens) == ("hi", 0, 9)
    assert _whole("<html>").text is None
    events = ['{"choices":[{"delta":{"content":"h"}}]}', '{"choices":[{"delta":{"content":"i"}}],"usage":null}']
    end = 'data: {"choices":[],"usage":{"total_tokens":9}}\n\n'
    stream = "".join(f"data: {event}\n\n" for event in events) + end
    whole = _stream(stream + "data: [DONE]\n\n")
    assert (whole.text, whole.frames, whole.total_tokens) == ("hi", 3, 9)
    assert _stream(stream).text is None  # it was cut


def test_the_slope_is_between_1_and_400_kb() -> None:
    windows = [
        replace(CALM, cell="1kb-c8", cpu_us_per_call=20.0),
        replace(CALM, cell="400kb-c8", cpu_us_per_call=219.5),
        replace(CALM, cell="400kb-c8", target="haproxy"),
    ]
    [slope] = slopes(FULL, rows(judged(windows)))
    assert slope.target == "nginx"
    assert slope.us_per_kb == pytest.approx(0.5)


def test_the_summary_of_strace_is_read_with_and_without_errors() -> None:
    assert strace.parse(SUMMARY) == {"sendto": 6000, "recvfrom": 6060, "epoll_wait": 10}
    assert strace.parse("strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted") == {}


def test_what_wrk_prints_is_read_from_the_last_line() -> None:
    output = 'Running 3s test\n  1 threads\n{"calls": 90000, "wrong": 2, "p50_us": 480}\n'
    assert parse(output) == Said(90_000, 2, 480)
    with pytest.raises(GatewayError, match="wrk did not say what it saw: unable to connect"):
        parse("unable to connect to 127.0.0.1:1 Connection refused")


@pytest.mark.parametrize(
    ("again", "planted", "told_apart"),
    [
        ((0.99, 1.01), (1.03, 1.07), True),
        ((0.99, 1.01), (0.99, 1.07), False),
        ((1.01, 1.02), (1.03, 1.07), False),
    ],
)
def test_a_regression_is_told_apart_when_its_interval_alone_excludes_one(
    *, again: tuple[float, float], planted: tuple[float, float], told_apart: bool
) -> None:
    def ratio(name: str, bounds: tuple[float, float]) -> Ratio:
        return Ratio("64b-c50", name, "floor", "cpu", 12, sum(bounds) / 2, *bounds, 1.0)

    assert is_told_apart(ratio("again", again), ratio("planted", planted)) == told_apart


def test_the_floor_is_compared_with_itself_under_another_name(tmp_path: Path) -> None:
    write_manifests(tmp_path)
    floor, again = read(tmp_path / "floor.yaml"), read(tmp_path / "again.yaml")
    assert (floor.role, again.role) == ("floor", "peer")
    assert (floor.start, floor.program) == (again.start, again.program)
