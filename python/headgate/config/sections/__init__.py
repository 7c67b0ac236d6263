"""What an operator may write: one model per section of the policy, and `Policy`, which holds them all.

Defaults stand here and nowhere else. The models say which values are good by themselves; what must fit together
(`headgate.config.checks`) and what it means for the data plane (`headgate.plan`) stand elsewhere.
"""

from headgate.config.sections.aliases import Alias, Step
from headgate.config.sections.breaker import Breaker, ProviderBreaker
from headgate.config.sections.budgets import Budget, OwnBudget, Rolling, Use
from headgate.config.sections.deployments import Deployment
from headgate.config.sections.drain import Drain
from headgate.config.sections.egress import Egress
from headgate.config.sections.http import Http
from headgate.config.sections.identity import Identity, Source
from headgate.config.sections.journal import Journal
from headgate.config.sections.keys import Former, Key
from headgate.config.sections.ledger import Ledger
from headgate.config.sections.limits import Limit, Rates
from headgate.config.sections.listen import Listen, Tls
from headgate.config.sections.log import Log
from headgate.config.sections.policy import Policy
from headgate.config.sections.price import Price
from headgate.config.sections.providers import Provider
from headgate.config.sections.resilience import AliasResilience, Hedge, Resilience, Resume
from headgate.config.sections.retry import AliasRetry, ProviderRetry, Retry
from headgate.config.sections.teams import Team
from headgate.config.sections.timeouts import AliasTimeouts, Timeouts

__all__ = [
    "Alias",
    "AliasResilience",
    "AliasRetry",
    "AliasTimeouts",
    "Breaker",
    "Budget",
    "Deployment",
    "Drain",
    "Egress",
    "Former",
    "Hedge",
    "Http",
    "Identity",
    "Journal",
    "Key",
    "Ledger",
    "Limit",
    "Listen",
    "Log",
    "OwnBudget",
    "Policy",
    "Price",
    "Provider",
    "ProviderBreaker",
    "ProviderRetry",
    "Rates",
    "Resilience",
    "Resume",
    "Retry",
    "Rolling",
    "Source",
    "Step",
    "Team",
    "Timeouts",
    "Tls",
    "Use",
]
