"""requirements.txt: hashes for everything, nothing about where it came from, and in step with pyproject.toml."""

import re

from packaging.requirements import Requirement

from .repository import ROOT, toml

TEXT = (ROOT / "requirements.txt").read_text()
PINNED = dict(re.findall(r"^([\w.-]+)==([\w.!+-]+)", TEXT, re.MULTILINE))


def test_what_pyproject_asks_for_is_pinned_within_its_bounds() -> None:
    project = toml("pyproject.toml")["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = [Requirement(line) for group in groups for line in group]
    assert [str(want) for want in wanted if PINNED.get(want.name.lower(), "0") not in want.specifier] == []


def test_every_pin_has_hashes() -> None:
    pins = re.split(r"^(?=[\w.-]+==)", TEXT, flags=re.MULTILINE)[1:]
    assert {pin.partition("==")[0] for pin in pins} == set(PINNED)  # a name has several where Pythons differ
    assert [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin] == []


def test_no_address_of_an_index_is_written_down() -> None:
    assert "://" not in TEXT
    assert not re.search(r"^\s*(-i|-f|--index-url|--extra-index-url|--find-links)\b", TEXT, re.MULTILINE)
