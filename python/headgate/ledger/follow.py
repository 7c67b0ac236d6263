"""Folding in the background: a thread of its own, beside the data plane's, and never in its way.

Calls go on whatever becomes of the ledger: the journal holds what was not folded yet, and the fold goes on where it
stopped once its database is back.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from headgate.errors import LedgerError
from headgate.ledger.fold import BATCH
from headgate.ledger.keep import forget

if TYPE_CHECKING:
    from headgate.ledger.database import Database
    from headgate.ledger.fold import Fold
    from headgate.ledger.keep import Keep

LOOK_S: Final = 0.5
"""How often the journal is looked at when there was nothing new."""
FORGET_S: Final = 600.0
_PATIENCE_S: Final = (1.0, 30.0)
"""How long is waited after an error of the database: at first, and at most."""
_NICE: Final = 10

Tell = Callable[[str, str, dict[str, Any]], None]
"""Takes a level, the name of an event and its fields, for the log."""


class Follower:
    """Folds a journal until it is stopped, and then what is left of it."""

    def __init__(self, database: Database, fold: Fold, keep: Keep, tell: Tell) -> None:
        self._database = database
        self._fold = fold
        self._keep = keep
        self._tell = tell
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="headgate-ledger", daemon=True)
        self._forgotten_s = float("-inf")
        self._wait_s = 0.0
        self.regularly: list[Callable[[], None]] = []
        """What is done each minute besides; a `LedgerError` of it is like one of the fold."""
        self._done_s = float("-inf")

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self, within_s: float) -> bool:
        """Folds what there is and ends; whether that was done in time. What is left is folded after the next start."""
        self._ending.set()
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with suppress(OSError):  # where the system lets no thread be nice, all are alike
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._ending.is_set():
            self._ending.wait(self._turn())
        self._last()

    def _turn(self) -> float:
        """One step; how long to wait before the next."""
        try:
            done = self._fold.step()
            self._tend()
        except LedgerError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - the edge: whatever it is, calls go on, and so does the next turn
            return self._failed(LedgerError(f"the ledger stands still: {type(error).__name__}: {error}"))
        if self._wait_s:
            self._wait_s = 0.0
            self._tell("info", "ledger_goes_on", {})
        return 0.0 if done >= BATCH else LOOK_S

    def _failed(self, error: LedgerError) -> float:
        if not self._wait_s:
            self._tell("error", "ledger_stands_still", {"message": str(error)})
        first, most = _PATIENCE_S
        self._wait_s = min(self._wait_s * 2 or first, most)
        return self._wait_s

    def _tend(self) -> None:
        now_s = time.monotonic()
        if now_s - self._done_s >= 60:
            self._done_s = now_s
            for task in self.regularly:
                task()
        if now_s - self._forgotten_s >= FORGET_S:
            self._forgotten_s = now_s
            forget(self._database, self._keep, int(time.time()))

    def _last(self) -> None:
        try:
            self._fold.to_the_end()
        except LedgerError as error:
            self._tell("warn", "ledger_not_flushed", {"message": f"{error}; the journal holds what is missing"})
        except Exception as error:  # noqa: BLE001 - the edge: the program ends all the same
            self._tell("warn", "ledger_not_flushed", {"message": f"{type(error).__name__}: {error}"})
