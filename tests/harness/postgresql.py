"""A PostgreSQL server of its own for tests: from the Debian package, on a unix socket, without a network."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType

import pytest
from sqlalchemy import create_engine, text

from tests.harness.waiting import until

START_WITHIN_S = 30.0
_PORT = 5432


@contextmanager
def running() -> Iterator[str]:
    """A server with an empty data directory; yields the URL of its `postgres` database. Skips without the package."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    home = Path(tempfile.mkdtemp(prefix="headgate-pg-", dir="/tmp"))  # a socket's path must be short
    user = _user(home)
    try:
        initdb = [str(programs / "initdb"), "-D", str(home / "data"), "-U", "headgate", "-A", "trust", "-N"]
        subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=home)
        options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={home}", "-c", "fsync=off"]
        command = [str(programs / "postgres"), "-D", str(home / "data"), "-p", str(_PORT), *options]
        log = (home / "log").open("wb")
        with log, subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=home) as process:
            try:
                until(lambda: _answers(programs, home), "the server answers", START_WITHIN_S)
                yield f"postgresql://headgate@/postgres?host={home}&port={_PORT}"
            finally:
                process.send_signal(signal.SIGINT)  # ends sessions too
                process.wait(START_WITHIN_S)
    finally:
        shutil.rmtree(home, ignore_errors=True)


class Fresh(AbstractContextManager[str]):
    """An empty database of a server, for as long as the block lasts."""

    def __init__(self, server: str, name: str) -> None:
        self._server, self._name = server, name

    def __enter__(self) -> str:
        self._run(f"CREATE DATABASE {self._name}")
        return self._server.replace("/postgres?", f"/{self._name}?")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._run(f"DROP DATABASE {self._name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        url = self._server.replace("postgresql://", "postgresql+psycopg://")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


def _programs() -> Path | None:
    """The folder with the server's programs: those of the newest version, where Debian puts them, or on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if debian and (debian[-1] / "postgres").exists():
        return debian[-1]
    found = shutil.which("postgres")
    return Path(found).resolve().parent if found else None


def _user(home: Path) -> str | None:
    """The server refuses to run as root; the package made a user for it."""
    if os.geteuid() != 0:
        return None
    try:
        owner = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user `postgres`")
    os.chown(home, owner.pw_uid, owner.pw_gid)
    return "postgres"


def _answers(programs: Path, home: Path) -> bool:
    asked = [str(programs / "pg_isready"), "-q", "-h", str(home), "-p", str(_PORT)]
    return subprocess.run(asked, check=False).returncode == 0
