"""The figures in README.md and docs/benchmarks.md are those of the last full report."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import figures
from tests.bench import sample_documents as samples


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with both pages, of which one has the comments."""
    (tmp_path / "benchmarks/reports").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"# before\n\n{figures.BEGIN}\nold\n{figures.END}\n\nafter\n")
    (tmp_path / "docs/benchmarks.md").write_text("# nothing to fill in\n")
    return tmp_path


def full_report(root: Path) -> None:
    """Commits a full report."""
    (root / f"{figures.REPORT}.json").write_text(samples.full().to_json())
    (root / f"{figures.REPORT}.md").write_text("the report\n")


def test_without_a_full_report_the_page_says_that_none_is_committed(root: Path) -> None:
    assert figures.refresh(root, check=False) == ["README.md"]
    text = (root / "README.md").read_text()
    assert text == f"# before\n\n{figures.BEGIN}\n{figures.NO_REPORT}\n{figures.END}\n\nafter\n"


def test_a_full_report_gives_the_headline_a_row_for_each_target_and_where_it_is_from(root: Path) -> None:
    full_report(root)
    figures.refresh(root, check=False)
    text = (root / "README.md").read_text()
    assert "headgate costs 0.90x of what the better plain proxy costs" in text
    assert "| **headgate** | 1.28x | 1.24x | 1.28x | 1.27x | 5.40 | 15.0 |" in text
    assert all(f"| {target.title} |" in text for target in samples.TARGETS if target.name != "headgated")
    assert "2026-11-20: [the whole report](benchmarks/reports/full.md)." in text
    assert "Absent: busbar and portkey." in text
    assert text.startswith("# before\n")
    assert text.endswith("\nafter\n")


def test_a_page_in_a_folder_links_from_there(root: Path) -> None:
    full_report(root)
    (root / "docs/benchmarks.md").write_text(f"{figures.BEGIN}\n{figures.END}\n")
    figures.refresh(root, check=False)
    assert "(../benchmarks/reports/full.md)" in (root / "docs/benchmarks.md").read_text()


def test_a_check_names_stale_pages_and_changes_none(root: Path) -> None:
    figures.refresh(root, check=False)
    assert figures.refresh(root, check=True) == []
    full_report(root)
    was = (root / "README.md").read_text()
    assert figures.refresh(root, check=True) == ["README.md"]
    assert (root / "README.md").read_text() == was


def test_a_figure_that_was_typed_is_stale(root: Path) -> None:
    full_report(root)
    figures.refresh(root, check=False)
    page = root / "README.md"
    page.write_text(page.read_text().replace("1.28x", "1.08x"))
    assert figures.refresh(root, check=True) == ["README.md"]


@pytest.mark.parametrize(
    "text",
    [figures.BEGIN, figures.END, f"{figures.END} {figures.BEGIN}", f"{figures.BEGIN}{figures.END}" * 2],
)
def test_comments_that_do_not_pair_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a page needs one"):
        figures.put(text, "")


def test_the_command_fails_for_a_stale_page_and_for_a_broken_report(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figures, "ROOT", root)
    assert figures.main(["--check"]) == 1
    assert "README.md is stale" in capsys.readouterr().err
    assert figures.main([]) == 0
    assert figures.main(["--check"]) == 0
    assert figures.main(["--what"]) == 2
    (root / f"{figures.REPORT}.json").write_text('{"kind": "compare", "format": 1}')
    assert figures.main(["--check"]) == 1
    assert "not the result of a comparison" in capsys.readouterr().err
