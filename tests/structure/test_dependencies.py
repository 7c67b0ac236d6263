"""What others wrote and we link in: licences, bans and sources of rust/deny.toml, held without cargo-deny."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from .repository import cargo, our_packages, toml

POLICY = toml("rust/deny.toml")


class Linked(NamedTuple):
    """One crate of others, as it is linked on this machine."""

    name: str
    version: str
    licence: str


@cache
def linked() -> frozenset[Linked]:
    """What cargo really links, build scripts included and tests not; `cargo metadata` lists more than that."""
    edges = ["--all-features", "--edges", "normal,build"]
    printed = cargo("tree", "--workspace", "--offline", *edges, "--prefix", "none", "--format", "{p} | {l} |")
    lines = printed.splitlines()
    fields = [[*line.split()[:2], line.split("|")[1].strip()] for line in lines if line]
    crates = (Linked(name, version, licence) for name, version, licence in fields)
    ours = {package["name"] for package in our_packages()}
    return frozenset(crate for crate in crates if crate.name not in ours)


def is_allowed(expression: str, allowed: set[str]) -> bool:
    """Whether an SPDX expression can be met by licences of `allowed`; `A/B` is the old way to write `A OR B`."""
    tokens = iter([*re.findall(r"[()]|[^\s()]+", expression.replace(" WITH ", "+WITH+").replace("/", " OR ")), ")"])
    return _either({licence.replace(" WITH ", "+WITH+") for licence in allowed}, tokens)


def _either(allowed: set[str], tokens: Iterator[str]) -> bool:
    """Reads `a AND b OR c ...` up to its closing bracket; AND binds closer than OR."""
    one_met, all_met = False, True
    for token in tokens:
        match token:
            case "AND":
                pass
            case "OR":
                one_met, all_met = one_met or all_met, True
            case ")":
                break
            case "(":
                all_met = _either(allowed, tokens) and all_met
            case licence:
                all_met = licence in allowed and all_met
    return one_met or all_met


@pytest.mark.parametrize(
    ("expression", "met"),
    [
        ("MIT", True),
        ("GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("GPL-3.0/MIT", True),
        ("MIT AND GPL-3.0", False),
        ("GPL-3.0 AND MIT OR ISC", True),
        ("ISC AND (GPL-3.0 OR MIT)", True),
        ("(GPL-3.0 OR MIT) AND GPL-3.0", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0 WITH another-exception", False),
    ],
)
def test_a_licence_expression_is_read_as_spdx_says(*, expression: str, met: bool) -> None:
    assert is_allowed(expression, {"MIT", "ISC", "Apache-2.0 WITH LLVM-exception"}) == met


def test_every_licence_is_one_that_we_allow() -> None:
    allowed = set(POLICY["licenses"]["allow"])
    refused = {crate.name: crate.licence for crate in linked() if not is_allowed(crate.licence, allowed)}
    assert not refused


def test_no_crate_is_linked_in_two_versions() -> None:
    versions = defaultdict(set)
    for crate in linked():
        versions[crate.name].add(crate.version)
    skipped = {entry["crate"].partition("@")[0] for entry in POLICY["bans"]["skip"]}
    twice = {name: sorted(found) for name, found in versions.items() if len(found) > 1 and name not in skipped}
    assert not twice, f"raise or lower one of them, or list it in rust/deny.toml with its reason: {twice}"


def test_no_banned_crate_is_linked() -> None:
    banned = {entry["crate"]: entry["reason"] for entry in POLICY["bans"]["deny"]}
    found = {crate.name: banned[crate.name] for crate in linked() if crate.name in banned}
    assert not found


def test_every_crate_is_ours_or_comes_from_the_one_registry() -> None:
    ours = {package["name"] for package in our_packages()}
    sources = {package.get("source", "") for package in toml("Cargo.lock")["package"] if package["name"] not in ours}
    assert len(sources) == 1
    assert sources.pop().startswith("registry+")
