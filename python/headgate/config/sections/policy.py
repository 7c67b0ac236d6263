"""The whole policy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headgate.config.secrets import SecretRef
from headgate.config.sections.aliases import Alias
from headgate.config.sections.base import AliasName, Name, OneOrMore, Section
from headgate.config.sections.budgets import Budget
from headgate.config.sections.deployments import Deployment
from headgate.config.sections.drain import Drain
from headgate.config.sections.egress import Egress
from headgate.config.sections.http import Http
from headgate.config.sections.identity import Identity
from headgate.config.sections.journal import Journal
from headgate.config.sections.keys import Key
from headgate.config.sections.ledger import LedgerOrUrl
from headgate.config.sections.limits import Limit
from headgate.config.sections.listen import Listen
from headgate.config.sections.log import Log
from headgate.config.sections.providers import Provider
from headgate.config.sections.resilience import Resilience
from headgate.config.sections.teams import Team

MAX_WORKERS = 1024


def _version(value: Any) -> Literal[1]:  # noqa: ANN401 - whatever YAML holds
    if value == 1 and not isinstance(value, bool):
        return 1
    raise PydanticCustomError("version", "this headgate reads version 1, not {seen}", {"seen": str(value)[:40]})


def _workers(value: Any) -> int | Literal["auto"]:  # noqa: ANN401 - whatever YAML holds
    if value == "auto":
        return "auto"
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WORKERS:
        return value
    raise PydanticCustomError("workers", "`auto` or a number from 1 to {most} is needed", {"most": MAX_WORKERS})


_Version = Annotated[Literal[1], PlainValidator(_version), WithJsonSchema({"const": 1})]
_Workers = Annotated[
    int | Literal["auto"],
    PlainValidator(_workers),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": MAX_WORKERS}]}),
]


class Policy(Section):
    """What an operator writes."""

    version: _Version = Field(description="The version of this form.")
    include: Annotated[list[str], OneOrMore()] = Field(
        default=[], description="More files, relative to this one; `*` may stand in a name. Maps merge."
    )
    listen: Listen = Field(default_factory=Listen, description="Where to listen.")
    http: Http = Field(default_factory=Http, description="Limits of the data listener.")
    workers: _Workers = Field(
        default="auto", description="Threads; `auto`: the cores that the cgroup and the affinity give."
    )
    drain: Drain = Field(default_factory=Drain, description="How a stop proceeds.")
    egress: Egress = Field(default_factory=Egress, description="The way out to providers.")
    log: Log = Field(default_factory=Log, description="What is written to stderr.")
    passthrough: Name | None = Field(
        default=None, description="The provider of calls that name no model (files, batches, ...); absent: 404."
    )
    providers: dict[Name, Provider] = Field(min_length=1, description="Who answers calls.")
    deployments: dict[Name, Deployment] = Field(default={}, description="One model at one provider, each.")
    aliases: dict[AliasName, Alias] = Field(default={}, description="What callers ask for.")
    keys: list[Key] = Field(default=[], description="Virtual keys; absent: loopback alone is served, without keys.")
    ledger: LedgerOrUrl | None = Field(
        default=None, description="Where what calls used and cost is kept, and keys that are made with `headgate key`."
    )
    pepper: SecretRef | None = Field(
        default=None,
        description="What digests of the keys in the ledger are made under: ${env:NAME} or ${file:PATH}; absent: a "
        "file beside a SQLite ledger, which is made.",
    )
    teams: dict[Name, Team] = Field(default={}, description="Whom keys belong to.")
    identity: Identity = Field(default_factory=Identity, description="Where calls say who is behind them.")
    limits: list[Limit] = Field(default=[], description="How much of what may be used.")
    budgets: list[Budget] = Field(default=[], description="How much money may be spent in which time.")
    resilience: Resilience = Field(default_factory=Resilience, description="How calls are guarded, for every alias.")
    journal: Journal | None = Field(
        default=None,
        description="How it is written down what calls use; absent: it is not, and nothing is left behind.",
    )
