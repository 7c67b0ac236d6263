"""What calls are served by under one plan. A call keeps the one that it began with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.baseline import secret
from benchmarks.baseline.admission import Admission, Keys
from benchmarks.baseline.egress import Sessions
from benchmarks.baseline.routing import Provider, Routes
from benchmarks.baseline.upstream import Upstream
from headgate.errors import PlanError

if TYPE_CHECKING:
    from benchmarks.baseline.metrics import Meters
    from headgate.plan import document
    from headgate.plan.document import Plan


@dataclass(frozen=True)
class Snapshot:
    """A plan at work."""

    plan: Plan
    admission: Admission
    routes: Routes
    sessions: Sessions
    meters: Meters

    @staticmethod
    def of(compiled: Plan, meters: Meters, before: Snapshot | None = None) -> Snapshot:
        """Puts a plan to work, within the event loop. Raises `PlanError` for what this gateway cannot do.

        Connections to providers are kept over a reload that does not change the way out.
        """
        keys = Keys(secret.read(f"keys.{key.name}.secret", key.secret) for key in compiled.keys)
        same_way = before is not None and before.plan.egress == compiled.egress
        sessions = before.sessions if before is not None and same_way else Sessions(compiled.egress)
        providers = tuple(_provider(each, sessions, meters) for each in compiled.providers)
        meters.plan.clear()
        meters.plan.labels(compiled.hash).set(1)
        return Snapshot(
            compiled,
            Admission(compiled.callers, keys, compiled.http.origins),
            Routes(compiled, providers, meters),
            sessions,
            meters,
        )


def _provider(provider: document.Provider, sessions: Sessions, meters: Meters) -> Provider:
    if provider.http == "http2":
        raise PlanError(f"providers.{provider.id}.http: this gateway speaks HTTP/1.1 to providers")
    place = f"providers.{provider.id}.credential"
    credentials = [secret.read(place, reference) for reference in provider.credentials]
    endpoints = tuple(Upstream(provider, endpoint, credentials, sessions) for endpoint in provider.endpoints)
    return Provider(provider.id, endpoints, meters.attempts_of(provider.id, "*"))
