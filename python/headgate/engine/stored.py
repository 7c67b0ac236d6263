"""What stands in the ledger's database beside the policy: keys; merged into it, and watched for changes.

Where the database is away, what was read last counts, and calls go on; only a start needs it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from headgate.errors import LedgerError

if TYPE_CHECKING:
    from headgate.config import Loaded
    from headgate.keys.merge import InStore, Merged
    from headgate.ledger.database import Database

LOOK_S: Final = 0.25
"""How often the counter of changes is looked at."""
_AWAY_S: Final = 2.0


class Stored:
    """The store that a policy names, opened when it is first asked for."""

    def __init__(self) -> None:
        self.database: Database | None = None
        self._url = ""
        self._found: InStore | None = None
        self._number = 0
        self._changed = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="headgate-store", daemon=True)

    def merged(self, loaded: Loaded) -> Merged:
        """The policy with what is stored. Raises `LedgerError` when that was never read; later the last counts."""
        from headgate.keys.merge import InStore, merge

        if loaded.policy.ledger is not None:
            self._read(loaded.policy.ledger.url)
        return merge(loaded, self._found or InStore(), time.time_ns())

    def watch(self) -> None:
        """Begins to look for changes, if there is a store."""
        if self.database is not None:
            self._thread.start()

    def changed(self) -> bool:
        """Whether something was changed since this was asked last."""
        was = self._changed.is_set()
        self._changed.clear()
        return was

    def close(self) -> None:
        """Ends the watch and closes the database."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1)
        if self.database is not None:
            self.database.close()

    def _read(self, url: str) -> None:
        from headgate.keys.merge import read
        from headgate.keys.store import change_number

        first = self.database is None
        try:
            database = self._open(url)
            with database.reading() as connection:
                self._number, self._found = change_number(connection), read(connection)
        except LedgerError:
            if first:
                raise

    def _open(self, url: str) -> Database:
        """Another `ledger:` counts after a restart, as the fold has to begin anew."""
        from headgate.ledger.database import Database
        from headgate.ledger.schema import migrate

        if self.database is None:
            opened = Database(url)
            try:
                migrate(opened)
            except BaseException:
                opened.close()
                raise
            self.database, self._url = opened, url
        return self.database

    def _watch(self) -> None:
        from headgate.keys.store import change_number

        database = self.database
        wait_s = LOOK_S
        while database is not None and not self._ending.wait(wait_s):
            try:
                with database.reading() as connection:
                    number = change_number(connection)
                wait_s = LOOK_S
            except LedgerError:
                wait_s = _AWAY_S  # the fold says so in the log
                continue
            if number != self._number:
                self._number = number
                self._changed.set()


def look(loaded: Loaded) -> Merged:
    """The policy with what is stored, for a question: nothing is made or migrated; a ledger that is away is told."""
    from headgate.config.problems import Problem
    from headgate.keys.merge import InStore, merge, read
    from headgate.ledger.opening import open_for_questions

    if loaded.policy.ledger is None:
        return merge(loaded, InStore(), time.time_ns())
    try:
        database, _ = open_for_questions(loaded.policy.ledger)
        try:
            with database.reading() as connection:
                return merge(loaded, read(connection), time.time_ns())
        finally:
            database.close()
    except LedgerError as error:
        merged = merge(loaded, InStore(), time.time_ns())
        place = loaded.places.of_key(("ledger",))
        text = f"its keys are left out here: {error}"
        return replace(merged, problems=[*merged.problems, Problem(place, ("ledger",), text, is_error=False)])
