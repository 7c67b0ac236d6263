"""Manifests of peers: those of the tree are good, and what is wrong in one is told with its place."""

import os
import re
from pathlib import Path

import pytest

from headgate.bench.compare.document import Absent
from headgate.bench.compare.find import Peer, find, render
from headgate.bench.compare.manifest import find as find_manifest
from headgate.bench.compare.manifest import read
from headgate.bench.compare.options import PEERS, TARGETS, CompareOptions
from headgate.errors import PolicyError, UsageError

NAMES = sorted(path.stem for path in PEERS.glob("*.yaml"))
SMALLEST = """
title: A target
install: {how: by hand}
program: {name: no-such-program-here}
version: [echo, "1"]
start: ["@PROGRAM@", "@PORT@"]
provider: as_sent
verbatim: true
keys: false
alias: false
"""


def wrong(tmp_path: Path, text: str) -> str:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError) as error:
        read(path)
    return str(error.value).removeprefix(str(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_every_manifest_of_the_tree_can_be_read_and_names_no_address_of_a_registry(name: str) -> None:
    manifest = read(PEERS / f"{name}.yaml")
    commands = " ".join(word for command in manifest.install.commands for word in command)
    assert not re.search(r"https?://|--index-url|--registry", commands)
    for streams in (False, True):
        for features in (False, True):
            assert manifest.under(streams=streams, features=features).start


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_of_a_manifest_is_one_that_the_harness_knows(name: str, tmp_path: Path) -> None:
    manifest = read(PEERS / f"{name}.yaml")
    program = tmp_path / "program"
    program.write_text("")
    peer = find(name, CompareOptions(programs={name: program}))
    assert isinstance(peer, Peer)
    known = {**peer.variables, **manifest.variables, **dict.fromkeys(("PORT", "OPS", "UPSTREAM", "FOLDER"), "")}
    texts = [manifest.model, *manifest.start, *manifest.files.values(), *manifest.headers.values()]
    for text in [*texts, *manifest.environment.values(), *manifest.features_off.files.values()]:
        render(text, known)


def test_the_targets_that_are_measured_when_none_is_named_have_manifests() -> None:
    assert set(TARGETS) <= set(NAMES)


def test_ours_is_another_name_of_the_target_that_says_so() -> None:
    assert find_manifest("ours", PEERS) == ("headgated", PEERS / "headgated.yaml")


def test_an_unknown_field_is_told_with_its_place_and_what_was_meant(tmp_path: Path) -> None:
    said = wrong(tmp_path, SMALLEST + "featurs: [a]\n")
    assert said == "/bad.yaml:11:1: featurs: unknown field; did you mean `features`?"


def test_what_is_missing_or_of_the_wrong_kind_is_told_all_at_once(tmp_path: Path) -> None:
    said = wrong(tmp_path, SMALLEST.replace("title: A target\n", "").replace("keys: false", "keys: no"))
    assert "/bad.yaml:2:1: `title` is missing" in said
    assert ":8:7: keys: input should be a valid boolean" in said


def test_a_name_without_a_manifest_is_refused_with_those_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no target `nginxx`; there are .*nginx"):
        find("nginxx", CompareOptions())
    with pytest.raises(UsageError, match="no manifest in"):
        find("nginx", CompareOptions(peers=tmp_path))


def test_a_program_that_is_not_there_makes_the_target_absent_and_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SMALLEST)
    assert find("mine", CompareOptions(peers=tmp_path)) == Absent("mine", "not installed: by hand")


def test_nothing_is_installed_unless_it_is_asked_for(tmp_path: Path) -> None:
    there = tmp_path / "home" / "mine" / "there"
    text = SMALLEST.replace("{how: by hand}", "{how: by hand, commands: [[touch, there]]}")
    (tmp_path / "mine.yaml").write_text(text)
    find("mine", CompareOptions(peers=tmp_path, peers_home=tmp_path / "home"))
    assert not there.exists()
    find("mine", CompareOptions(peers=tmp_path, peers_home=tmp_path / "home", install=True, say=lambda _: None))
    assert there.exists()


def test_an_installation_that_fails_says_why(tmp_path: Path) -> None:
    text = SMALLEST.replace("by hand}", "by hand, commands: [[sh, -c, 'echo no network >&2; exit 3']]}")
    (tmp_path / "mine.yaml").write_text(text)
    options = CompareOptions(peers=tmp_path, peers_home=tmp_path / "home", install=True, say=lambda _: None)
    assert find("mine", options) == Absent("mine", "could not be installed (sh exits with 3: no network): by hand")


def test_the_newest_program_of_several_is_taken_and_one_that_is_given_comes_first(tmp_path: Path) -> None:
    folders = "[build/*/out], on_path: false".replace("build", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(SMALLEST.replace("no-such-program-here}", f"prog, folders: {folders}}}"))
    for number, name in enumerate(("old", "new")):
        program = tmp_path / name / "out" / "prog"
        program.parent.mkdir(parents=True)
        program.write_text("")
        os.utime(program, (number, number))
    peer = find("mine", CompareOptions(peers=tmp_path))
    assert isinstance(peer, Peer)
    assert peer.program == tmp_path / "new/out/prog"
    given = find("mine", CompareOptions(peers=tmp_path, programs={"mine": tmp_path / "old/out/prog"}))
    assert isinstance(given, Peer)
    assert given.program == tmp_path / "old/out/prog"
    assert find("mine", CompareOptions(peers=tmp_path, programs={"mine": tmp_path / "none"})) == Absent(
        "mine", f"{tmp_path}/none: no such file"
    )
