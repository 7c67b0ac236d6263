"""What is done with keys: each a step that makes or changes them in the store, given a policy."""

from __future__ import annotations

import json
import re
import secrets
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from headgate.config.near import hint
from headgate.engine import native
from headgate.errors import UsageError
from headgate.keys import budgets, store
from headgate.keys.budgets import Granted, SetBudget
from headgate.keys.form import fresh
from headgate.keys.merge import InStore, merge, read
from headgate.keys.pepper import pepper_for_writing
from headgate.keys.settings import check
from headgate.keys.store import SecretDigest, StoredKey
from headgate.ledger.database import Database
from headgate.ledger.schema import migrate
from headgate.plan.lower.providers import secret as lowered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from headgate.config import Loaded
    from headgate.config.sections import Policy
    from headgate.keys.imported import Imported
    from headgate.keys.store import Settings

HINT_LENGTH: Final = 9
"""Characters of a secret that are kept for people: `hg_` and 6 of 43."""
_FINGERPRINT: Final = "which pepper is this?"
_DIGITS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Made:
    """A key that was made, with its secret: this is the only time that it is there to be shown."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"Made({self.name!r})"


@contextmanager
def opened(policy: Policy) -> Iterator[Database]:
    """The store of a policy, with the newest schema. Raises `UsageError` where there is none."""
    if policy.ledger is None:
        raise UsageError(
            "the policy has no ledger, where keys would stand: add `ledger: sqlite:///data/headgate.db` to it"
        )
    database = Database(policy.ledger.url)
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def create(policy: Policy, name: str | None, settings: Settings, now_ns: int) -> Made:
    """Makes a key. Raises `GatewayError`."""
    chosen = name or _name(settings)
    check(chosen, settings, policy)
    expires = settings.get("expires")
    if expires is not None and _seconds(expires) * 1_000_000_000 <= now_ns:
        raise UsageError(f"expires: {expires} has passed")
    secret, pepper = fresh(), _Pepper(policy)
    digest = SecretDigest(pepper.digest(secret), "secret", secret[:HINT_LENGTH], now_ns)
    with opened(policy) as database, database.writing() as connection:
        pepper.check(connection, database)
        store.create(connection, database, StoredKey(chosen, settings, now_ns, None, (digest,)))
    return Made(chosen, secret)


def rotate(policy: Policy, name: str, overlap_s: int, now_ns: int) -> Made:
    """Gives a key another secret; the one before is taken for so long."""
    secret, pepper = fresh(), _Pepper(policy)
    digest = SecretDigest(pepper.digest(secret), "secret", secret[:HINT_LENGTH], now_ns)
    with opened(policy) as database, database.writing() as connection:
        pepper.check(connection, database)
        store.rotate(connection, database, name, digest, now_ns + overlap_s * 1_000_000_000)
    return Made(name, secret)


def revoke(policy: Policy, names: Sequence[str], now_ns: int) -> None:
    """Ends keys; all of them or, where one is not there, none."""
    with opened(policy) as database, database.writing() as connection:
        for name in names:
            _require_stored(policy, name)
            store.revoke(connection, database, name, now_ns)


def add_imported(policy: Policy, imported: Sequence[Imported], now_ns: int) -> None:
    """Adds keys whose SHA-256 is known; all of them or none."""
    pepper = _Pepper(policy)
    with opened(policy) as database, database.writing() as connection:
        pepper.check(connection, database)
        for each in imported:
            check(each.name, each.settings, policy)
            digest = SecretDigest(pepper.digest(each.sha256, sha256=True), "sha256", each.hint, now_ns)
            store.create(connection, database, StoredKey(each.name, each.settings, now_ns, None, (digest,)))


def set_budget(loaded: Loaded, settings: Settings, now_ns: int) -> str:
    """Sets a budget; what it is called. Raises `UsageError` for what a policy would refuse in its `budgets:`."""
    with opened(loaded.policy) as database, database.writing() as connection:
        spending = budgets.spending(settings, merge(loaded, read(connection), now_ns).policy)
        slot = budgets.slot_of(spending)
        budgets.set_budget(connection, database, SetBudget(slot, settings, now_ns))
    return slot


def unset_budget(policy: Policy, slot: str) -> None:
    """Takes a budget out of the store. Raises `UsageError` where there is none."""
    with opened(policy) as database, database.writing() as connection:
        if not budgets.unset_budget(connection, database, slot):
            known = [each.slot for each in budgets.all_budgets(connection)]
            raise UsageError(f"no budget `{slot}` was set{hint(slot, known)}")


def grant(policy: Policy, approval: str, nano_usd: int, now_ns: int) -> None:
    """Grants so much more under the id of a refusal."""
    with opened(policy) as database, database.writing() as connection:
        budgets.grant(connection, database, Granted(approval, nano_usd, now_ns))


def in_store(policy: Policy) -> InStore:
    """All that stands in the store."""
    with opened(policy) as database, database.reading() as connection:
        return read(connection)


def listed(policy: Policy) -> list[StoredKey]:
    """All keys of the store."""
    with opened(policy) as database, database.reading() as connection:
        return store.all_keys(connection)


def state(key: StoredKey, now_ns: int) -> str:
    """Whether a key is taken, in a word or two."""
    if key.revoked_ns is not None:
        return "revoked"
    expires = key.settings.get("expires")
    if expires is not None and _seconds(expires) * 1_000_000_000 <= now_ns:
        return "expired"
    former = [each.until_ns for each in key.secrets if each.until_ns is not None and each.until_ns > now_ns]
    return "rotating" if former else "active"


def fingerprint(policy: Policy) -> str | None:
    """What tells the policy's pepper from others; none where it cannot be read."""
    from headgate.errors import GatewayError
    from headgate.keys.pepper import pepper_of

    pepper = pepper_of(policy)
    try:
        reference = None if pepper is None else json.dumps(asdict(lowered(pepper))).encode()
        return None if reference is None else native.key_digest(reference, _FINGERPRINT, sha256=False)
    except GatewayError:
        return None


def now_ns() -> int:
    """The time, as it is written down."""
    return time.time_ns()


def _seconds(moment: str) -> float:
    from headgate.ledger.times import parse_time

    return parse_time(moment, 0, "expires")


def _require_stored(policy: Policy, name: str) -> None:
    if any(key.name == name for key in policy.keys):
        raise UsageError(f"`{name}` stands in the policy: take it out there")


def _name(settings: Settings) -> str:
    """A name for a key that was given none: its team, and four characters that tell it apart."""
    lead = re.sub(r"[^A-Za-z0-9_.-]", "-", str(settings.get("team") or settings.get("user") or "key"))
    return f"{lead[:80]}-{''.join(secrets.choice(_DIGITS) for _ in range(4))}"


class _Pepper:
    """The pepper of a policy, which the data plane alone reads."""

    def __init__(self, policy: Policy) -> None:
        self._reference = json.dumps(asdict(lowered(pepper_for_writing(policy)))).encode()

    def digest(self, shown: str, *, sha256: bool = False) -> str:
        return native.key_digest(self._reference, shown, sha256=sha256)

    def check(self, connection: Connection, database: Database) -> None:
        store.check_pepper(connection, self.digest(_FINGERPRINT), database)
