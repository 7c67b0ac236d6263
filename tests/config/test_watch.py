"""Seeing that a policy changed."""

from __future__ import annotations

import os
from pathlib import Path

from headgate.compile import compile_file
from headgate.engine.watch import Watch
from tests.config.policy_files import HEAD, write
from tests.harness.waiting import until


def test_an_edit_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD)
    with Watch(compile_file(path, {})) as watch:
        write(tmp_path, HEAD + "workers: 2\n")
        until(watch.changed, "the edit")
        assert not watch.changed(), "once"


def test_the_swap_of_a_config_map_is_seen(tmp_path: Path) -> None:
    def version(number: int, text: str) -> None:
        write(tmp_path / f"..v{number}", text)
        (tmp_path / "..tmp").symlink_to(f"..v{number}")
        os.replace(tmp_path / "..tmp", tmp_path / "..data")

    version(1, HEAD)
    (tmp_path / "policy.yaml").symlink_to("..data/policy.yaml")
    with Watch(compile_file(str(tmp_path / "policy.yaml"), {})) as watch:
        version(2, HEAD + "workers: 2\n")
        until(watch.changed, "the swap")


def test_a_new_file_that_a_pattern_includes_is_seen(tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    path = write(tmp_path, HEAD + "include: [teams/*.yaml]\n")
    with Watch(compile_file(path, {})) as watch:
        write(tmp_path, "workers: 2\n", "teams/a.yaml")
        until(watch.changed, "the new file")


def test_a_secret_that_is_renewed_is_seen(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "openai").write_text("one")
    path = write(tmp_path, 'version: 1\nproviders: {openai: {credential: "${file:keys/openai}"}}\n')
    with Watch(compile_file(path, {})) as watch:
        (tmp_path / "keys" / "openai").write_text("another")
        until(watch.changed, "the new secret")
