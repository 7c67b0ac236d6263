"""What is shown while a load runs."""

from __future__ import annotations

import io
import re
import sys

import pytest

from headgate.bench.run import progress as shows
from tests.bench.run.fake_load import progress


class Lines:
    """Lines on a clock of the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.written: list[str] = []
        self.watch = shows.Lines(self.written.append, lambda: self.now)


def test_lines_come_every_few_seconds_and_hold_the_last_second_s_rates() -> None:
    lines = Lines()
    lines.watch.begin("")
    for look in range(1, 31):
        lines.now = look / 5
        asked, good = 400 * look, 390 * look
        lines.watch.look(progress(elapsed_s=lines.now, asked=asked, sent=asked, good=good, failed=look))
    lines.watch.end()
    assert len(lines.written) == 2
    assert lines.written[0] == (
        "load 3/30 s asked 2,000/s achieved 1,950/s good 5,850 failed 15 p50 1.24 ms open 8 late 0"
    )


def test_a_probe_is_named() -> None:
    lines = Lines()
    lines.watch.begin("3: 200/s")
    assert lines.written == ["probe 3: 200/s"]


def test_trouble_is_said_at_once_and_once() -> None:
    lines = Lines()
    lines.watch.begin("")
    for _ in range(3):
        lines.watch.look(progress(late_calls=5000, good=0, failed=50))
    assert len(lines.written) == 2
    assert "calls are sent late" in lines.written[0]
    assert "no call has ended well yet" in lines.written[1]


def test_the_first_failure_of_each_class_is_said_at_once_with_what_to_do() -> None:
    lines = Lines()
    lines.watch.begin("")
    for _ in range(2):
        lines.watch.look(progress(failed=3, examples={"not_json": "HTTP 200: <html>"}))
    assert len(lines.written) == 1
    assert lines.written[0].startswith("failed: not_json: the answer is no JSON (HTTP 200: <html>): HTML comes from")


def test_a_long_example_leaves_room_for_the_advice() -> None:
    [said] = shows.warnings(progress(examples={"status": "HTTP 404: " + "x" * 300})).values()
    assert "x…): no such path or model" in said
    assert len(said) < 400


def test_silence_is_said_after_two_seconds_with_what_is_open() -> None:
    quiet = {"good": 0, "failed": 0, "open": 100, "p50_us": None, "timeout_ms": 60_000}
    assert shows.warnings(progress(**quiet, elapsed_s=1.9)) == {}
    assert shows.warnings(progress(**quiet, elapsed_s=2.0)) == {
        "silent": "nothing has come back yet: 100 calls are open without a whole answer; --timeout ends each after 1m"
    }
    assert shows.warnings(progress(**quiet | {"failed": 1}, elapsed_s=9.0)).keys() == {"failed"}


def test_a_terminal_gets_a_table_that_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    watch = shows.watch(shown=True)
    assert isinstance(watch, shows.OnTerminal)
    watch.begin("2: 100/s")
    watch.look(progress(ttft_p50_us=800.0))
    drawn = terminal.getvalue()
    assert re.search(r"\nload 4/30 s\s+asked", re.sub(r"\x1b\[[0-9;]*m", "", drawn)), "the table has lines of its own"
    for text in ("probe 2: 100/s", "1.24 ms", "TTFT", "800 µs", "Ctrl-C"):
        assert text in drawn
    watch.end()
    watch.end()
    assert terminal.getvalue().endswith("\x1b[2K"), "the last line is wiped"


def test_no_terminal_gets_lines_and_nobody_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(shows.watch(shown=True), shows.Lines)
    silent = shows.watch(shown=False)
    silent.begin("x")
    silent.look(progress())
    silent.end()
    assert capsys.readouterr() == ("", "")
