"""Model names that callers may use without an alias."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from headgate.config import catalogue
from headgate.plan import document

if TYPE_CHECKING:
    from headgate.config import sections


def known(policy: sections.Policy) -> tuple[document.KnownModel, ...]:
    """Names that exactly one of the policy's providers is known for, sorted by their bytes.

    Left out is what a call can never mean: the name of an alias, and `PROVIDER/...` for a provider of the policy.
    """
    owners: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(policy.providers):
        if name in catalogue.providers():
            for model in catalogue.providers()[name].model_names:
                owners[model].append(number)
    single = [
        document.KnownModel(name=model, provider=numbers[0])
        for model, numbers in owners.items()
        if len(numbers) == 1 and model not in policy.aliases and not _names_provider(model, policy)
    ]
    return tuple(sorted(single, key=lambda each: each.name.encode()))


def _names_provider(model: str, policy: sections.Policy) -> bool:
    provider, slash, rest = model.partition("/")
    return bool(slash and rest) and provider in policy.providers
