"""From the name of a model to the places where a call may go, in the order in which they are tried."""

from __future__ import annotations

import random
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.baseline.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.baseline.metrics import AttemptSeries, Meters
    from benchmarks.baseline.upstream import Upstream
    from headgate.plan.document import Alias, Key, Plan, Timeouts


@dataclass
class Provider:
    """A provider with its endpoints; each is first in its turn."""

    id: str
    endpoints: tuple[Upstream, ...]
    direct: AttemptSeries
    """Where calls are counted that name no deployment."""
    turn: int = 0

    def in_turn(self) -> Iterator[Upstream]:
        """The endpoints in the order of this call."""
        many = len(self.endpoints)
        first, self.turn = self.turn, (self.turn + 1) % many
        return (self.endpoints[(first + step) % many] for step in range(many))


@dataclass(frozen=True)
class Deployment:
    """One model at one provider; `{1}` in its name is what an alias's star stood for."""

    provider: Provider
    model: str
    series: AttemptSeries


class Candidate(NamedTuple):
    """One place where a call may go; `step` is that of the chain, from 0."""

    provider: Provider
    series: AttemptSeries
    model: str
    step: int


@dataclass(frozen=True)
class Route:
    """Where a call goes: along an alias's chain, or to the one provider of a model that is named outright."""

    label: str
    timeouts: Timeouts
    chain: tuple[tuple[tuple[Deployment, int], ...], ...] = ()
    """Of each step, deployments with their weights."""
    star: str = ""
    outright: Candidate | None = None

    def candidates(self) -> Iterator[Candidate]:
        """The places, drawn by weight within a step, without replacement."""
        if self.outright is not None:
            yield self.outright
        for number, shares in enumerate(self.chain):
            left = list(shares)
            while left:
                at = _draw(left)
                deployment, _ = left.pop(at)
                model = deployment.model.replace("{1}", self.star)
                yield Candidate(deployment.provider, deployment.series, model, number)


class Routes:
    """All that can be asked for under one plan."""

    def __init__(self, plan: Plan, providers: tuple[Provider, ...], meters: Meters) -> None:
        self._plan = plan
        self._providers = providers
        self._by_id = {provider.id: provider for provider in providers}
        self._known = {known.name: providers[known.provider] for known in plan.models}
        self._deployments = tuple(
            Deployment(providers[each.provider], each.model, meters.attempts_of(providers[each.provider].id, each.id))
            for each in plan.deployments
        )
        self._aliases = tuple((*alias.name.partition("*"), self._route(alias)) for alias in plan.aliases)
        self._exact = {
            alias.name: (number, self._aliases[number][3])
            for number, alias in enumerate(plan.aliases)
            if "*" not in alias.name
        }

    def find(self, model: str, key: Key | None) -> Route:
        """The route of a call. Raises model_not_found; what the caller may not use is as unknown as the rest."""
        scope = None if key is None else key.aliases
        route = self._alias(model, scope) or (self._direct(model) if scope is None else None)
        if route is None:
            raise self._unknown(model, key)
        return route

    def passthrough(self) -> Route:
        """The route of calls that name no model."""
        if self._plan.passthrough is None:
            raise Fault(
                "unknown_path",
                "Calls to this path name no model, and the policy names no provider for them: "
                "set `passthrough: PROVIDER`",
            )
        return self._outright(self._providers[self._plan.passthrough], "")

    def names(self, key: Key | None) -> list[str]:
        """What a caller may ask for, sorted, without patterns."""
        scope = None if key is None else key.aliases
        aliases = {alias.name for index, alias in enumerate(self._plan.aliases) if scope is None or index in scope}
        known = set(self._known) if scope is None else set()
        return sorted(name for name in aliases | known if "*" not in name)

    def _alias(self, model: str, scope: tuple[int, ...] | None) -> Route | None:
        found = self._exact.get(model)
        if found is not None and (scope is None or found[0] in scope):
            return found[1]
        for index, (before, star, after, route) in enumerate(self._aliases):
            if not star or (scope is not None and index not in scope):
                continue
            if len(model) >= len(before) + len(after) and model.startswith(before) and model.endswith(after):
                return Route(route.label, route.timeouts, route.chain, model[len(before) : len(model) - len(after)])
        return None

    def _direct(self, model: str) -> Route | None:
        provider, slash, name = model.partition("/")
        if slash and name and provider in self._by_id:
            return self._outright(self._by_id[provider], name)
        known = self._known.get(model)
        return None if known is None else self._outright(known, model)

    def _outright(self, provider: Provider, model: str) -> Route:
        candidate = Candidate(provider, provider.direct, model, 0)
        return Route(f"{provider.id}/*", self._plan.resilience.timeouts, outright=candidate)

    def _route(self, alias: Alias) -> Route:
        chain = tuple(
            tuple((self._deployments[share.deployment], share.weight) for share in step.shares) for step in alias.chain
        )
        return Route(alias.name, alias.resilience.timeouts, chain)

    def _unknown(self, model: str, key: Key | None) -> Fault:
        near = get_close_matches(model, self.names(key), n=3, cutoff=0.6)
        hint = "GET /v1/models lists what this key may use"
        if near:
            hint = f"did you mean {' or '.join(f'`{name}`' for name in near)}?"
        shown = "".join(filter(str.isprintable, model[:100]))
        return Fault("model_not_found", f"There is no model `{shown}` here; {hint}", param="model")


def _draw(shares: list[tuple[Deployment, int]]) -> int:
    if len(shares) == 1:
        return 0
    return random.choices(range(len(shares)), [weight for _, weight in shares])[0]
