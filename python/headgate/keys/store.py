"""Keys in the database: every change in one transaction with the counter that `headgate serve` looks at."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from headgate.errors import GatewayError
from headgate.keys import tables
from headgate.ledger.database import upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from headgate.ledger.database import Database

Settings = dict[str, Any]
"""Fields of a key in the policy, as it writes them, without `name` and `secret`."""
_STORE: Final = "store"
_PEPPER: Final = "pepper"


@dataclass(frozen=True, slots=True)
class SecretDigest:
    """A digest of a secret; `hint` is how its secret begins, for people. Refused from `until_ns` on."""

    mac: str
    of: Literal["secret", "sha256"]
    hint: str
    created_ns: int
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key; the newest secret stands first."""

    name: str
    settings: Settings
    created_ns: int
    revoked_ns: int | None
    secrets: tuple[SecretDigest, ...]


def all_keys(connection: Connection) -> list[StoredKey]:
    """All keys by their names, those that were revoked too."""
    secrets: dict[str, list[SecretDigest]] = {}
    newest = select(tables.secrets).order_by(tables.secrets.c.created_ns.desc(), tables.secrets.c.mac)
    for row in connection.execute(newest):
        digest = SecretDigest(row.mac, row.of, row.hint, row.created_ns, row.until_ns)
        secrets.setdefault(row.key, []).append(digest)
    found = connection.execute(select(tables.keys).order_by(tables.keys.c.name))
    return [
        StoredKey(row.name, json.loads(row.settings), row.created_ns, row.revoked_ns, tuple(secrets.get(row.name, ())))
        for row in found
    ]


def change_number(connection: Connection) -> int:
    """How often anything was changed."""
    query = select(tables.changes.c.number).where(tables.changes.c.what == _STORE)
    return connection.scalar(query) or 0


def changed(connection: Connection, database: Database) -> None:
    """Says that something was changed; part of each change."""
    insert = upsert(database, tables.changes).values(what=_STORE, number=1, value="")
    number = tables.changes.c.number + 1
    connection.execute(insert.on_conflict_do_update(index_elements=["what"], set_={"number": number}))


def check_pepper(connection: Connection, fingerprint: str, database: Database) -> None:
    """Raises `GatewayError` for a pepper other than the one that the stored digests were made under."""
    insert = upsert(database, tables.changes).values(what=_PEPPER, number=0, value=fingerprint)
    connection.execute(insert.on_conflict_do_nothing())
    if pepper_fingerprint(connection) != fingerprint:
        raise GatewayError(
            "this is not the pepper that the keys in the store were made under: with it none of them would be taken; "
            "name the former one in `pepper`"
        )


def pepper_fingerprint(connection: Connection) -> str | None:
    """What tells the pepper of the stored digests from others; none before the first key."""
    return connection.scalar(select(tables.changes.c.value).where(tables.changes.c.what == _PEPPER))


def create(connection: Connection, database: Database, key: StoredKey) -> None:
    """Adds a key with its secrets. Raises `GatewayError` where the name is taken, also by one that was revoked."""
    settings = json.dumps(key.settings, sort_keys=True)
    known = connection.execute(select(tables.keys).where(tables.keys.c.name == key.name)).one_or_none()
    if known is not None:
        was = ", and was revoked" if known.revoked_ns is not None else ""
        raise GatewayError(f"the key `{key.name}` exists already{was}: choose another name")
    connection.execute(tables.keys.insert().values(name=key.name, settings=settings, created_ns=key.created_ns))
    for secret in key.secrets:
        _add(connection, key.name, secret)
    changed(connection, database)


def revoke(connection: Connection, database: Database, name: str, now_ns: int) -> None:
    """Ends a key at once and for good; its name stays taken, so that no other is mistaken for it."""
    key = require(connection, name)
    if key.revoked_ns is None:
        where = tables.keys.c.name == name
        connection.execute(update(tables.keys).where(where).values(revoked_ns=now_ns))
        connection.execute(delete(tables.secrets).where(tables.secrets.c.key == name))
        changed(connection, database)


def rotate(connection: Connection, database: Database, name: str, secret: SecretDigest, until_ns: int) -> None:
    """Adds a secret; those of before are refused from `until_ns` on, or from when they were to be anyway."""
    if require(connection, name).revoked_ns is not None:
        raise GatewayError(f"the key `{name}` was revoked; make another with `headgate key create`")
    table = tables.secrets
    connection.execute(delete(table).where(table.c.key == name, table.c.until_ns <= secret.created_ns))
    earlier = (table.c.until_ns.is_(None)) | (table.c.until_ns > until_ns)
    connection.execute(update(table).where(table.c.key == name, earlier).values(until_ns=until_ns))
    _add(connection, name, secret)
    changed(connection, database)


def require(connection: Connection, name: str) -> StoredKey:
    """The key of a name. Raises `GatewayError`."""
    known = {key.name: key for key in all_keys(connection)}
    if name not in known:
        from headgate.config.near import hint

        raise GatewayError(f"there is no key `{name}` in the store{hint(name, known)}")
    return known[name]


def _add(connection: Connection, name: str, secret: SecretDigest) -> None:
    try:
        connection.execute(tables.secrets.insert().values(key=name, **asdict(secret)))
    except IntegrityError:
        raise GatewayError(f"the secret of the key `{name}` is that of another key too") from None
