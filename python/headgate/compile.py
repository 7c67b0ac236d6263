"""From the file of a policy to its plan, and what to watch for a change."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headgate import config, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headgate.config.problems import Path, Problem
    from headgate.keys.merge import Merged

    Merge = Callable[[config.Loaded], Merged]  # adds to a policy what stands elsewhere


@dataclass(frozen=True, slots=True)
class Compiled:
    """A policy and its plan. `document` is the plan as canonical JSON; it may hold secrets in clear."""

    loaded: config.Loaded
    plan: plan.Plan
    document: bytes
    left_out: tuple[Problem, ...] = ()
    """What stands elsewhere, such as a ledger, and does not fit the policy."""

    def path_of(self, name: str) -> Path:
        """The path of a secret that the data plane names as `providers.NAME.credential` or `keys.NAME.secret`."""
        policy = self.loaded.policy
        known: dict[str, Path] = {
            f"providers.{each}.credential": ("providers", each, "credential") for each in policy.providers
        }
        known |= {f"keys.{key.name}.secret": ("keys", number, "secret") for number, key in enumerate(policy.keys)}
        known["pepper"] = ("pepper",)
        return known.get(name, ())

    @property
    def secret_files(self) -> list[str]:
        """The files that hold secrets."""
        policy = self.loaded.policy
        secrets = [secret for provider in policy.providers.values() for secret in provider.credential]
        secrets += [secret for key in policy.keys for secret in (key.secret, *(old.secret for old in key.former))]
        secrets += [policy.pepper] if policy.pepper is not None else []
        return [secret.value for secret in secrets if secret.kind == "file"]


def compile_file(path: str, environ: Mapping[str, str] = os.environ, merge: Merge | None = None) -> Compiled:
    """Compiles the policy in a file. Raises `PolicyError` with all errors, and whatever `merge` raises."""
    return _compiled(config.load(path, environ), merge)


def compile_text(text: str, name: str, environ: Mapping[str, str] = os.environ) -> Compiled:
    """Compiles a policy that stands in no file; `name` stands for one in messages."""
    return _compiled(config.load_text(text, name, environ))


def _compiled(loaded: config.Loaded, merge: Merge | None = None) -> Compiled:
    if merge is None:
        lowered = plan.lower(loaded.policy)
        return Compiled(loaded, lowered, plan.encode(lowered))
    merged = merge(loaded)
    lowered = plan.lower(merged.policy, merged.beside)
    fuller = replace(loaded, policy=merged.policy, warnings=[*loaded.warnings, *merged.problems])
    return Compiled(fuller, lowered, plan.encode(lowered), tuple(merged.problems))
