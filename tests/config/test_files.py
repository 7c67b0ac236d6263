"""Reading files, including more, and files that are no policies."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate import config
from headgate.errors import PolicyError
from tests.config.policy_files import HEAD, errors, good, write


def refusal(path: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        config.load(str(path), {})
    assert len(caught.value.problems) == 1, "one clear error"
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"- a\n- b\n", "a policy is a map"),
        (b"just a text", "a policy is a map"),
        (b"\x7fELF\x02\x01\x01\x00\x00\xff\xfe", "not text"),
        (b"a: \xff\xfe", "not text in UTF-8: byte 3 is 0xff"),
        (b"a: b\x00", "zero byte"),
        ("a: b".encode("utf-16"), "not text"),
        (b"x" * (4 * 1024 * 1024 + 1), "at most 4 MiB"),
    ],
)
def test_a_file_that_is_no_policy_has_one_clear_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    assert reason in refusal(path)


def test_a_file_that_is_absent_or_a_folder_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.yaml").endswith("absent.yaml: cannot be read: no such file or directory")
    assert "is a directory" in refusal(tmp_path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    with path.open("wb") as stream:
        stream.truncate(50 * 1024 * 1024)
    assert "50.0 MiB; a policy has at most 4 MiB" in refusal(path)


def test_included_files_merge(tmp_path: Path) -> None:
    write(
        tmp_path,
        "deployments: {b: {provider: sim, model: echo}}\nkeys: [{name: two, secret: '${env:TWO}'}]",
        "teams/b.yaml",
    )
    write(tmp_path, "version: 1\nkeys: [{name: three, secret: '${file:three}'}]", "teams/c.yaml")
    policy = good(
        tmp_path,
        """
        version: 1
        include: [teams/*.yaml]
        providers: {sim: {}}
        deployments: {a: {provider: sim, model: chat}}
        aliases: {x: {chain: [{use: [a, b]}]}}
        keys: [{name: one, secret: "${env:ONE}"}]
        """,
    )
    assert list(policy.deployments) == ["a", "b"]
    assert [key.name for key in policy.keys] == ["one", "two", "three"]
    assert policy.keys[2].secret.value == str(tmp_path / "teams" / "three"), "relative to the file that names it"


def test_a_name_in_two_files_names_both_places(tmp_path: Path) -> None:
    more = write(tmp_path, "providers:\n  sim: {}\nlog: {level: warn}\n", "more.yaml")
    found = errors(tmp_path, "version: 1\ninclude: [more.yaml]\nproviders: {sim: {}}\nlog: {level: info}\n")
    main = tmp_path / "policy.yaml"
    assert found == [
        f"more.yaml:2:3: providers.sim: also in {main}:3:13; a name is written in one file only",
        f"more.yaml:3:7: log.level: also in {main}:4:7; a name is written in one file only",
    ]
    assert more


def test_an_error_in_an_included_list_names_its_file(tmp_path: Path) -> None:
    write(tmp_path, "keys:\n  - {name: two, secret: '${env:TWO}', aliases: [nope]}\n", "more.yaml")
    found = errors(tmp_path, HEAD + "include: [more.yaml]\nkeys: [{name: one, secret: '${env:ONE}'}]\n")
    assert found == ["more.yaml:2:49: keys[1].aliases[0]: no alias `nope`"]


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "include: [../policy.yaml]\n", "teams/a.yaml")
    found = errors(tmp_path, HEAD + "include: [teams/a.yaml]\n")
    assert len(found) == 1
    assert "includes itself" in found[0]


def test_an_included_file_that_is_absent_is_an_error_at_its_line(tmp_path: Path) -> None:
    found = errors(tmp_path, HEAD + "include:\n  - absent.yaml\n")
    assert found == [f"policy.yaml:4:5: include[0]: there is no file `{tmp_path}/absent.yaml`"]


def test_a_pattern_that_fits_no_file_is_fine(tmp_path: Path) -> None:
    assert errors(tmp_path, HEAD + "include: [teams/*.yaml]\n") == []
