"""The version is written once, in Cargo.toml; everything else reads it from there."""

import re
from importlib import metadata

import pytest

from .repository import ROOT, our_packages, toml

VERSION = toml("Cargo.toml")["workspace"]["package"]["version"]


def test_every_crate_has_the_version_of_the_workspace() -> None:
    assert {package["version"] for package in our_packages()} == {VERSION}


def test_the_python_package_takes_its_version_from_cargo() -> None:
    project = toml("pyproject.toml")["project"]
    assert "version" in project["dynamic"]
    assert "version" not in project


def test_no_python_file_writes_a_version() -> None:
    written = re.compile(r"""^\s*(__version__|VERSION)\s*[:=].*["']\d+\.\d+""", re.MULTILINE)
    assert [path for path in (ROOT / "python").rglob("*.py") if written.search(path.read_text())] == []


def test_what_is_installed_has_the_version_of_this_tree() -> None:
    native = pytest.importorskip("headgate._native", reason="the native module is not built: make native")
    assert native.version() == VERSION
    assert metadata.version("headgate") == VERSION
