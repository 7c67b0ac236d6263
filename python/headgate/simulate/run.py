"""Running worlds: Rust's threads do it, and this one waits so that Ctrl-C is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.engine import native
from headgate.errors import PlanError
from headgate.simulate import result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.compile import Compiled
    from headgate.simulate.read import Loaded

TICK_MS = 100


def run(
    loaded: Loaded, policies: Sequence[Compiled], job: dict[str, Any], watch: Callable[[int, int], None]
) -> result.Result:
    """Runs a job; `watch` hears now and then how many worlds are done, of how many.

    Ctrl-C ends it early, and what is done by then is the result: fewer worlds than were asked for.
    """
    try:
        simulation = native.start_simulation([policy.document for policy in policies], job)
    except PlanError as error:
        raise loaded.at(error) from None
    try:
        while not simulation.wait(TICK_MS):
            watch(*simulation.progress())
    except KeyboardInterrupt:
        simulation.stop()
        while not simulation.wait(TICK_MS):
            pass
    watch(*simulation.progress())
    return result.read(simulation.result())
