"""The ledger beside a data plane: its keys merged into the policy, its fold in the background."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from headgate.engine import native
from headgate.engine.gateway import Beside
from headgate.engine.stored import Stored

if TYPE_CHECKING:
    from headgate import _native
    from headgate.compile import Compiled
    from headgate.config import Loaded
    from headgate.config.sections import Ledger, Policy
    from headgate.keys.merge import Merged
    from headgate.ledger.follow import Follower

FLUSH_S: Final = 8.0
"""How long the last fold may take after the drain."""


class WithLedger(Beside):
    """Nothing, for a policy without a ledger; and then none of its libraries is imported."""

    def __init__(self) -> None:
        self._stored = Stored()
        self._gateway: _native.Gateway | None = None
        self._follower: Follower | None = None

    def merge(self, loaded: Loaded) -> Merged:
        """The policy with what stands in its ledger."""
        merged = self._stored.merged(loaded)
        if self._gateway is not None:
            for problem in merged.problems:
                self._tell("warn", "policy_doubtful", {"message": str(problem)})
        return merged

    def started(self, gateway: _native.Gateway, compiled: Compiled) -> None:
        """Begins to look for changes, and to fold."""
        self._gateway = gateway
        self._stored.watch()
        section = compiled.loaded.policy.ledger
        if section is not None:
            self._follow(compiled, section)

    def changed(self) -> bool:
        """Whether anything in the store was changed."""
        return self._stored.changed()

    def ended(self) -> None:
        """Folds what the last calls left."""
        if self._follower is not None and not self._follower.stop(FLUSH_S):
            text = f"the last fold took longer than {FLUSH_S:.0f} s; the next start goes on with it"
            self._tell("warn", "ledger_not_flushed", {"message": text})

    def close(self) -> None:
        """Lets go of the database."""
        self._stored.close()

    def _follow(self, compiled: Compiled, section: Ledger) -> None:
        from headgate.ledger.fold import Fold
        from headgate.ledger.follow import Follower
        from headgate.ledger.journal import Directory
        from headgate.ledger.lookout import Lookout
        from headgate.ledger.opening import keep_of

        directory = journal_directory(compiled.loaded.policy)
        if directory is None or self._stored.database is None:
            return
        journal = Directory(directory, native.open_journal(directory), self._damaged)
        fold = Fold(self._stored.database, journal, section.max_series)
        self._follower = Follower(self._stored.database, fold, keep_of(section), self._tell)
        self._follower.regularly.append(Lookout(self._stored.database, self._tell).look)
        self._follower.start()

    def _damaged(self, place: dict[str, Any]) -> None:
        if place["what"] != "torn_tail":  # that is what a killed process leaves: nothing is missing
            self._tell("error", "journal_damaged", place)

    def _tell(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if self._gateway is not None:
            self._gateway.log(level, event, json.dumps(fields).encode())


def journal_directory(policy: Policy) -> str | None:
    """Where the data plane writes its journal; none where the policy says that there is none."""
    return None if policy.journal is None else policy.journal.dir
