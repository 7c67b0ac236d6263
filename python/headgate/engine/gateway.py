"""Serving a policy: start, compile again when it changes, hand over, until the data plane has stopped."""

from __future__ import annotations

import signal
from contextlib import nullcontext
from typing import TYPE_CHECKING

from headgate.engine import native, secrets
from headgate.engine.watch import Watch
from headgate.errors import LedgerError, PlanError, PolicyError, ReloadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from headgate import _native
    from headgate.compile import Compiled
    from headgate.config.problems import Problem

LOOK_MS = 200
"""How soon a change that the watch saw is acted upon."""


class Hooks:
    """What the caller of `serve` wants to hear; does nothing by itself."""

    def doubtful(self, problems: list[Problem]) -> None:
        """Warnings, before the start."""

    def started(self, gateway: _native.Gateway) -> None:
        """Both listeners take connections."""


class Beside:
    """What runs beside the data plane in the same process; does nothing by itself."""

    def started(self, gateway: _native.Gateway, compiled: Compiled) -> None:
        """Calls are served from now on."""

    def changed(self) -> bool:
        """Whether to compile again, for something that stands in no file; asked several times a second."""
        return False

    def ended(self) -> None:
        """The data plane has stopped."""


def serve(compile_policy: Callable[[], Compiled], hooks: Hooks, *, watched: bool, beside: Beside | None = None) -> None:
    """Serves until the data plane has stopped. Raises `PolicyError`, `PlanError` or `StartError` before the start.

    `compile_policy` is called again for each reload: at SIGHUP, when the files changed if `watched`, and when `beside`
    says so.
    """
    beside = beside or Beside()
    compiled = compile_policy()
    found = secrets.problems(compiled)
    _refuse_errors(found)
    hooks.doubtful([*compiled.loaded.warnings, *found])
    _leave_signals_to_the_data_plane()
    gateway = native.start(compiled.document)
    hooks.started(gateway)
    beside.started(gateway, compiled)
    watch: AbstractContextManager[Watch | None] = Watch(compiled) if watched else nullcontext()
    with watch as watcher:
        _follow(gateway, compile_policy, watcher, beside)
    beside.ended()


def _follow(
    gateway: _native.Gateway, compile_policy: Callable[[], Compiled], watch: Watch | None, beside: Beside
) -> None:
    while (event := gateway.next_event(LOOK_MS)) != "stopped":
        changed = [event == "reload", watch is not None and watch.changed(), beside.changed()]
        if any(changed):
            fresh = _reload(gateway, compile_policy)
            if fresh is not None and watch is not None:
                watch.follow(fresh)


def _reload(gateway: _native.Gateway, compile_policy: Callable[[], Compiled]) -> Compiled | None:
    """Compiles and hands over. Whatever is wrong is counted and logged by the data plane, and nothing changes."""
    try:
        compiled = compile_policy()
        _refuse_errors(secrets.problems(compiled))
        native.reload(gateway, compiled.document)
    except ReloadError:
        return None  # the data plane has said why
    except (PolicyError, PlanError, LedgerError) as error:
        gateway.report_bad_policy(str(error))
        return None
    except Exception as error:  # noqa: BLE001 - the edge: a defect here must not end a gateway that serves
        gateway.report_bad_policy(f"the policy could not be compiled: {type(error).__name__}: {error}")
        return None
    return compiled


def _refuse_errors(problems: list[Problem]) -> None:
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise PolicyError(errors)


def _leave_signals_to_the_data_plane() -> None:
    """Takes Python's handler of Ctrl-C away: the data plane hears signals itself, also while Python is busy."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
