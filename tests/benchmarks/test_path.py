"""The gate on instructions and allocations: what it makes of its counts. The counting itself is `make gate`."""

from pathlib import Path

import pytest

from benchmarks.path import __main__ as command
from benchmarks.path import callgrind
from benchmarks.path.accepted import HOW_TO_ACCEPT, Accepted, Figures, Verdict, compare
from benchmarks.path.callgrind import Count, Unreadable

TOOLS = {"rustc": "rustc 1.95.0", "valgrind": "valgrind-3.19.0"}
ACCEPTED = Accepted("because", "2026-11-21", TOOLS, {"small": Figures(10_000, 8.0), "large": Figures(2_000_000, 26.0)})


def counted(*, instructions: float = 1.0, allocations: float = 0.0) -> Verdict:
    """The verdict on `small`, so much dearer than what was accepted."""
    small = Figures(round(10_000 * instructions), 8.0 + allocations)
    return compare({**ACCEPTED.cells, "small": small}, ACCEPTED, TOOLS)


def test_the_same_figures_pass_without_a_word() -> None:
    assert compare(ACCEPTED.cells, ACCEPTED, TOOLS) == Verdict([], [])


def test_three_percent_more_instructions_fail_and_the_line_says_how_to_accept_them() -> None:
    [line] = counted(instructions=1.03).failures
    assert line.startswith("small: 10,300 instructions, accepted 10,000 (+3.0%)")
    assert line.endswith(HOW_TO_ACCEPT)


def test_one_percent_more_passes() -> None:
    assert counted(instructions=1.01) == Verdict([], [])


def test_an_added_allocation_fails() -> None:
    [line] = counted(allocations=1).failures
    assert line.startswith("small: 9 allocations, accepted 8 (+1)")


def test_a_table_that_grows_once_in_a_hundred_calls_is_no_added_allocation() -> None:
    assert counted(allocations=0.01) == Verdict([], [])


def test_better_figures_pass_and_ask_to_be_kept() -> None:
    verdict = counted(instructions=0.97, allocations=-1)
    assert verdict.failures == []
    assert [line.split(",")[0] for line in verdict.notes] == ["small: 9", "small: 7 allocations"]


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({"small": ACCEPTED.cells["small"]}, "large: there is no measured figure"),
        ({**ACCEPTED.cells, "new": Figures(1, 1.0)}, "new: there is no accepted figure"),
    ],
)
def test_a_missing_cell_fails(cells: dict[str, Figures], what: str) -> None:
    [line] = compare(cells, ACCEPTED, TOOLS).failures
    assert line.startswith(what)


def test_another_compiler_is_named_beside_a_difference_and_only_there() -> None:
    others = {**TOOLS, "rustc": "rustc 1.96.0"}
    slower = {**ACCEPTED.cells, "small": Figures(11_000, 8.0)}
    [note] = compare(slower, ACCEPTED, others).notes
    assert note.startswith("rustc is rustc 1.96.0, but the accepted figures were made with rustc 1.95.0")
    assert compare(ACCEPTED.cells, ACCEPTED, others).notes == []


def test_what_was_accepted_is_read_as_it_was_written(tmp_path: Path) -> None:
    ACCEPTED.write(tmp_path / "accepted.json")
    assert Accepted.read(tmp_path / "accepted.json") == ACCEPTED


def test_the_committed_figures_are_of_the_cells_that_are_measured_and_have_a_reason() -> None:
    accepted = Accepted.read(command.ACCEPTED)
    assert accepted.cells.keys() == command.CALLS.keys()
    assert accepted.reason


GRAPH = """\
events: Ir
fn=tokio::runtime::task::core::Core<T,S>::poll
10 160
cfn=path::measure::{{closure}}
calls=3 20
11 140
cfn=listener::greet::greet::{{closure}}
calls=2 60
12 600
cfn=gateway::worker::turn_wheel::{{closure}}
calls=1 70
13 100
fn=path::measure::{{closure}}
20 60
cfn=path::outside::End::poll_read
calls=3 30
21 80
fn=path::outside::End::poll_read
30 20
cfn=<tokio::io::util::mem::DuplexStream as tokio::io::async_read::AsyncRead>::poll_read
calls=3 40
31 60
fn=listener::io::Io::poll_readable
50 100
cfn=<tokio::io::util::mem::DuplexStream as tokio::io::async_read::AsyncRead>::poll_read
calls=2 40
51 90
totals: 1000
"""


def test_the_gateway_is_told_from_both_ends_from_what_stands_for_sockets_and_from_the_runtime() -> None:
    count = Count.of(GRAPH.splitlines())
    assert count == Count(all=1000, tasks=600, ends=140, transport=90)
    assert (count.gateway, count.runtime) == (510, 260)
    twice = Count(all=2000, tasks=1200, ends=280, transport=180)
    assert twice - count == count


@pytest.mark.parametrize("part", ["DuplexStream", "path::", "task::core"])
def test_a_graph_in_which_they_cannot_be_told_apart_is_refused(part: str) -> None:
    with pytest.raises(Unreadable, match="renamed, or inlined"):
        Count.of(GRAPH.replace(part, "another").splitlines())


def test_without_valgrind_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(callgrind, "version", lambda: None)
    monkeypatch.setattr("sys.argv", ["path"])
    assert command.main() == 69
    assert "valgrind is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("reason", ["", "  "])
def test_figures_are_not_accepted_without_a_reason(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    monkeypatch.setattr("sys.argv", ["path", "--accept", reason])
    with pytest.raises(SystemExit, match="2"):
        command.main()
