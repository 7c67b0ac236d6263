"""Keys from the store as keys of the policy: what a policy's `keys:` would say, and then one way for both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from headgate.config.problems import Problem
from headgate.config.secrets import Secret
from headgate.config.sections import Key
from headgate.errors import UsageError
from headgate.keys.budgets import all_budgets, all_grants, spending
from headgate.keys.pepper import pepper_of
from headgate.keys.store import all_keys
from headgate.keys.words import reason
from headgate.plan import Beside
from headgate.plan.document import Grant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from headgate.config import Loaded
    from headgate.config.sections import Policy
    from headgate.keys.budgets import Granted, SetBudget
    from headgate.keys.store import SecretDigest, Settings, StoredKey

_MOST_FORMER: Final = 16
_KINDS: Final[dict[str, Any]] = {"secret": "digest", "sha256": "digest_of_sha256"}


@dataclass(frozen=True, slots=True)
class Merged:
    """A policy with the keys of the store, and what counts beside it; what was left out, and why.

    A key is needed to call, though there may be none, when there were some: revoking the last must not open a gateway.
    """

    policy: Policy
    problems: list[Problem]
    beside: Beside


@dataclass(frozen=True, slots=True)
class InStore:
    """What stands in a store."""

    keys: Sequence[StoredKey] = ()
    budgets: Sequence[SetBudget] = ()
    grants: Sequence[Granted] = ()


def read(connection: Connection) -> InStore:
    """All that stands in a store."""
    return InStore(all_keys(connection), all_budgets(connection), all_grants(connection))


def merge(loaded: Loaded, store: InStore, now_ns: int) -> Merged:
    """Adds what stands in a store. What does not fit the policy is left out with a warning; the rest counts."""
    with_keys = _with_keys(loaded, store.keys, now_ns)
    spendings = []
    for each in store.budgets:
        try:
            spendings.append(spending(each.settings, with_keys.policy))
        except UsageError as error:
            place = loaded.places.of_key(("ledger",))
            text = f"the budget `{each.slot}` of the ledger is left out: {error}"
            with_keys.problems.append(Problem(place, (), text, is_error=False))
    grants = tuple(Grant(each.approval, each.nano_usd) for each in store.grants)
    return replace(with_keys, beside=Beside(with_keys.beside.keyed, tuple(spendings), grants))


def _with_keys(loaded: Loaded, stored: Sequence[StoredKey], now_ns: int) -> Merged:
    policy = loaded.policy
    place = loaded.places.of_key(("ledger",))
    problems = []

    def warn(key: StoredKey, text: str) -> None:
        problems.append(Problem(place, (), f"the key `{key.name}` of the ledger {text}", is_error=False))

    if policy.listen.open:
        if stored:
            problems.append(
                Problem(place, (), "`listen.open` serves callers without a key: keys count for nothing", is_error=False)
            )
        return Merged(policy, problems, Beside())
    taken, added = {key.name for key in policy.keys}, []
    for key in stored:
        if key.revoked_ns is not None:
            continue
        if key.name in taken:
            warn(key, "is left out: the policy has a key of that name")
            continue
        try:
            made = as_section(key, policy, now_ns)
        except ValidationError as error:
            warn(key, f"is left out: {reason(error, key.settings, Key)}")
            continue
        if made is None:
            warn(key, "is left out: there is nothing more that it may ask for")
        else:
            added.append(made)
    fuller = policy.model_copy(update={"keys": [*policy.keys, *added], "pepper": pepper_of(policy)})
    return Merged(fuller, problems, Beside(keyed=bool(stored)))


def as_section(key: StoredKey, policy: Policy, now_ns: int) -> Key | None:
    """A key as the policy would say it; none where nothing is left that it may ask for. Raises `ValidationError`."""
    current = [secret for secret in key.secrets if secret.until_ns is None or secret.until_ns > now_ns]
    if not current:
        return None
    first, *former = sorted(current, key=lambda secret: secret.until_ns is not None)
    said = _within(key.settings, policy)
    made = Key.model_validate(
        said
        | {"name": key.name, "secret": _secret(first)}
        | {"former": [{"secret": _secret(each), "until": _iso(each.until_ns or 0)} for each in former[:_MOST_FORMER]]}
    )
    return None if made.aliases == [] and not made.passthrough else made


def _within(settings: Settings, policy: Policy) -> Settings:
    """The settings without aliases, a team and a passthrough that there are no more."""
    said = dict(settings)
    if said.get("team") not in policy.teams:
        said.pop("team", None)
    if said.get("aliases") is not None:
        said["aliases"] = [alias for alias in said["aliases"] if alias in policy.aliases]
    if policy.passthrough is None:
        said.pop("passthrough", None)
    return said


def _secret(digest: SecretDigest) -> Secret:
    return Secret(_KINDS[digest.of], digest.mac)


def _iso(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat()
