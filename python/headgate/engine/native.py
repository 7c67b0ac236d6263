"""The door to the compiled module: its calls with our types and our exceptions. Imports it when first called."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headgate.errors import GatewayError, NativeMissing, PlanError, ReloadError, StartError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate import _native


def version() -> str:
    """The version of the data plane."""
    with _translated():
        from headgate import _native

        return _native.version()


def explain(plan: bytes, query: dict[str, Any]) -> dict[str, Any]:
    """Where a call would go, which limits it meets, and which way a `trial` would take.

    What may be asked stands in `rust/gateway/src/explain/query.rs`.

    Raises `PlanError` for a key, a target or an outcome that there is not.
    """
    with _translated():
        from headgate import _native

        answer: dict[str, Any] = json.loads(_native.explain(plan, json.dumps(query).encode()))
        return answer


def resolve(plan: bytes) -> list[dict[str, Any]]:
    """Tries every secret of a plan: a list of `place`, `problem`, `weak`."""
    with _translated():
        from headgate import _native

        findings: list[dict[str, Any]] = json.loads(_native.resolve(plan))
        return findings


def key_digest(pepper: bytes, shown: str, *, sha256: bool) -> str:
    """The digest under which a virtual key is kept in a store, as hex digits; `pepper` is a reference as in a plan.

    `sha256`: `shown` is not the key but its SHA-256, as hex digits. Raises `PlanError` where the pepper cannot be read.
    """
    with _translated():
        from headgate import _native

        return _native.key_digest(pepper, shown, sha256)


def start(plan: bytes) -> _native.Gateway:
    """Starts to serve a plan."""
    with _translated():
        from headgate import _native

        return _native.Gateway.start(plan)


def reload(gateway: _native.Gateway, plan: bytes) -> None:
    """Puts a plan in force; `ReloadError`: it was refused, counted and logged, and nothing has changed."""
    with _translated():
        gateway.reload(plan)


def start_simulator(options: dict[str, Any]) -> _native.Simulator:
    """Starts a simulated provider; `options` are those of `rust/sim/src/options.rs`."""
    with _translated():
        from headgate import _native

        return _native.Simulator.start(json.dumps(options).encode())


def start_load(spec: dict[str, Any]) -> _native.Load:
    """Starts a load; `spec` is that of `rust/load/src/spec.rs`.

    `PlanError`: the spec is wrong. `StartError`: the target cannot be reached, or too few descriptors are allowed.
    """
    with _translated():
        from headgate import _native

        return _native.Load.start(json.dumps(spec).encode())


def start_simulation(plans: list[bytes], job: dict[str, Any]) -> _native.Simulation:
    """Starts worlds in virtual time; `job` is that of `rust/simulate/src/job.rs`. `PlanError`: it does not fit."""
    with _translated():
        from headgate import _native

        return _native.Simulation.start(plans, json.dumps(job).encode())


def open_journal(directory: str) -> _native.Journal:
    """Opens a journal to read it; `GatewayError` where there is no directory that can be read."""
    with _translated():
        from headgate import _native

        try:
            return _native.Journal.open(directory)
        except FileNotFoundError:
            raise GatewayError(
                f"{directory}: there is no journal yet; a gateway whose policy has one makes it when it starts"
            ) from None
        except OSError as error:
            raise GatewayError(f"{directory}: no journal can be read there: {error.strerror or error}") from None


@contextmanager
def _translated() -> Iterator[None]:
    """Turns the exceptions of the compiled module into ours."""
    try:
        from headgate import _native
    except ImportError as error:
        text = f"the compiled part of headgate is missing ({error}); install headgate with pip, or run `make run`"
        raise NativeMissing(text) from None
    try:
        yield
    except _native.PlanError as error:
        raise PlanError(str(error)) from None
    except _native.ReloadError as error:
        raise ReloadError(str(error)) from None
    except _native.StartError as error:
        code, message = error.args
        raise StartError(code, message) from None
