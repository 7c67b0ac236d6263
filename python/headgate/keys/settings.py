"""What a key of the store may do: from the words of the command line, checked as the policy's own `keys:` are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from headgate.config import yaml12
from headgate.config.near import hint
from headgate.config.secrets import Secret
from headgate.config.sections import Key
from headgate.errors import UsageError
from headgate.keys.words import reason

if TYPE_CHECKING:
    from headgate.config.sections import Policy
    from headgate.keys.store import Settings

_USD = re.compile(r"\$?([0-9][0-9_]*(?:\.[0-9]+)?)/([a-z]+|[0-9]+(?:m|h|d))")


def budget_of(text: str, what: str = "--usd: ") -> dict[str, Any]:
    """`50/day` as a budget of the policy. Raises `UsageError`, which begins with `what`."""
    found = _USD.fullmatch(text)
    if not found:
        raise UsageError(
            f"{what}`{text[:40]}`: an amount and a window are needed: 50/day, 2000/month, 20/7d (rolling), 5/lifetime"
        )
    window: Any = {"rolling": found[2]} if found[2][0].isdecimal() else found[2]
    return {"usd": amount_of(found[1]), "window": window}


def amount_of(text: str) -> float | int:
    """An amount of dollars as YAML has it."""
    digits = text.removeprefix("$").replace("_", "")
    try:
        return float(digits) if "." in digits else int(digits)
    except ValueError:
        raise UsageError(f"`{text[:40]}` is not an amount of US dollars, such as 50 or 2.5") from None


def limits_of(pairs: list[str]) -> Settings:
    """`requests_per_minute=600` and the like, with values as YAML has them. Raises `UsageError`."""
    limits: Settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--limit: `{pair[:40]}`: NAME=VALUE is needed, such as requests_per_minute=600")
        limits[name] = yaml12.parse(value, "--limit").checked()
    return limits


def check(name: str, settings: Settings, policy: Policy) -> None:
    """Raises `UsageError` for what a policy would refuse in its `keys:`."""
    if any(key.name == name for key in policy.keys):
        raise UsageError(f"the policy has a key `{name}` of its own: choose another name")
    try:
        made = Key.model_validate(settings | {"name": name, "secret": Secret("digest", "")})
    except ValidationError as error:
        raise UsageError(reason(error, settings, Key)) from None
    if made.team is not None and made.team not in policy.teams:
        raise UsageError(f"no team `{made.team}` in the policy's `teams`{hint(made.team, policy.teams)}")
    for alias in made.aliases or []:
        if alias not in policy.aliases:
            raise UsageError(f"no alias `{alias}`{hint(alias, policy.aliases)}")
    if made.passthrough and policy.passthrough is None:
        raise UsageError("the policy has no `passthrough:` provider, so --passthrough can never apply")
    if policy.listen.open:
        raise UsageError("the policy says `listen: {open: true}`: callers need no key; take that out first")
