"""Loads on a target that speaks TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.bench.run.document import Run
from tests.bench.run import rude
from tests.harness.certificates import Authority
from tests.harness.fixtures import run

ANSWER = rude.whole(b'{"object": "chat.completion", "usage": {"total_tokens": 2}}', "application/json")
SHORT = ("--rate", "20", "--for", "200ms", "--warmup", "0s", "--json")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One that nobody trusts unless told to."""
    return Authority.make(tmp_path)


@pytest.fixture
def target(authority: Authority) -> Iterator[str]:
    """The base URL of a server with a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue())

    def answer(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as secured:
            rude.saying(ANSWER)(secured)

    with rude.server(answer) as url:
        yield url.replace("http://127.0.0.1", "https://localhost")


def test_an_authority_that_is_named_is_trusted(target: str, authority: Authority) -> None:
    ended = run("bench", "run", "--url", target, "--ca-file", str(authority.roots), *SHORT)
    assert ended.returncode == 0, ended.stderr
    assert Run.from_json(ended.stdout).result.good == 4


def test_any_certificate_will_do_when_that_is_asked_for(target: str) -> None:
    ended = run("bench", "run", "--url", target, "--insecure", *SHORT)
    assert Run.from_json(ended.stdout).result.good == 4, ended.stderr


def test_a_certificate_that_is_not_trusted_is_said_at_once_with_what_to_do(target: str) -> None:
    ended = run("bench", "run", "--url", target, *SHORT)
    assert (ended.returncode, ended.stdout) == (69, "")
    (line,) = ended.stderr.splitlines()
    assert "--ca-file" in line
    assert "--insecure" in line


def test_a_file_that_holds_no_certificate_is_said_at_once(target: str, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    ended = run("bench", "run", "--url", target, "--ca-file", str(tmp_path / "empty.pem"), *SHORT)
    assert ended.returncode in (1, 2)
    assert "empty.pem" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
