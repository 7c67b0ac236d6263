"""Keys in the database, on both kinds: what a change leaves, and that each is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headgate.errors import GatewayError
from headgate.keys import store
from headgate.keys.store import SecretDigest, StoredKey
from headgate.ledger.database import Database
from tests.ledger.conftest import database, server, url

__all__ = ["database", "server", "url"]

FIRST = SecretDigest("aa", "secret", "hg_first", 1_000)
SECOND = SecretDigest("bb", "secret", "hg_second", 2_000)
KEY = StoredKey("ci", {"aliases": ["smart"]}, 1_000, None, (FIRST,))


@pytest.fixture
def stored(database: Database) -> Database:
    """A database with one key."""
    with database.writing() as connection:
        store.create(connection, database, KEY)
    return database


def keys(database: Database) -> list[StoredKey]:
    """All keys."""
    with database.reading() as connection:
        return store.all_keys(connection)


def number(database: Database) -> int:
    """The counter of changes."""
    with database.reading() as connection:
        return store.change_number(connection)


def test_a_key_reads_back(stored: Database) -> None:
    assert keys(stored) == [KEY]
    assert number(stored) == 1


def test_a_name_is_taken_also_by_a_key_that_was_revoked(stored: Database) -> None:
    with pytest.raises(GatewayError, match="`ci` exists already: choose"), stored.writing() as connection:
        store.create(connection, stored, replace(KEY, secrets=(SECOND,)))
    with stored.writing() as connection:
        store.revoke(connection, stored, "ci", 5_000)
    with pytest.raises(GatewayError, match="exists already, and was revoked"), stored.writing() as connection:
        store.create(connection, stored, replace(KEY, secrets=(SECOND,)))


def test_a_revoked_key_has_no_secret_any_more(stored: Database) -> None:
    with stored.writing() as connection:
        store.revoke(connection, stored, "ci", 5_000)
        store.revoke(connection, stored, "ci", 6_000)
    assert keys(stored) == [replace(KEY, revoked_ns=5_000, secrets=())]
    assert number(stored) == 2, "the second time nothing was changed"


def test_a_rotated_key_has_both_secrets_for_a_while(stored: Database) -> None:
    with stored.writing() as connection:
        store.rotate(connection, stored, "ci", SECOND, until_ns=9_000)
    assert keys(stored)[0].secrets == (SECOND, replace(FIRST, until_ns=9_000))


def test_a_second_rotation_never_makes_an_old_secret_live_longer(stored: Database) -> None:
    third = SecretDigest("cc", "secret", "hg_third", 3_000)
    with stored.writing() as connection:
        store.rotate(connection, stored, "ci", SECOND, until_ns=4_000)
        store.rotate(connection, stored, "ci", third, until_ns=9_000)
    assert [secret.until_ns for secret in keys(stored)[0].secrets] == [None, 9_000, 4_000]
    fourth = SecretDigest("dd", "secret", "hg_fourth", 5_000)
    with stored.writing() as connection:
        store.rotate(connection, stored, "ci", fourth, until_ns=5_000)
    ends = {secret.hint: secret.until_ns for secret in keys(stored)[0].secrets}
    assert ends == {"hg_fourth": None, "hg_third": 5_000, "hg_second": 5_000}, "what had ended is gone"


def test_a_secret_belongs_to_one_key(stored: Database) -> None:
    with pytest.raises(GatewayError, match="is that of another key too"), stored.writing() as connection:
        store.create(connection, stored, replace(KEY, name="other"))
    assert [key.name for key in keys(stored)] == ["ci"]
    assert number(stored) == 1


def test_a_name_that_is_not_there_is_told_with_the_nearest(stored: Database) -> None:
    for change in (store.revoke, store.require):
        with pytest.raises(GatewayError, match="there is no key `cii` in the store; did you mean `ci`"):
            _try(stored, change)


def _try(database: Database, change: object) -> None:
    with database.writing() as connection:
        if change is store.revoke:
            store.revoke(connection, database, "cii", 1)
        else:
            store.require(connection, "cii")


def test_another_pepper_is_refused_before_anything_is_written(stored: Database) -> None:
    with stored.writing() as connection:
        store.check_pepper(connection, "one", stored)
        store.check_pepper(connection, "one", stored)
    with pytest.raises(GatewayError, match="not the pepper"), stored.writing() as connection:
        store.check_pepper(connection, "other", stored)
