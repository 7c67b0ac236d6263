"""Which models can be named without an alias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.plan.diff.change import Change, for_callers, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator


def compare(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    """Providers and their models that can be asked for, or no longer, or that stand elsewhere."""
    old_providers, new_providers = ([each["id"] for each in plan["providers"]] for plan in (before, after))
    for name in [name for name in new_providers if name not in old_providers]:
        yield for_callers(f"models of `{name}` can now be asked for as `{name}/MODEL`")
    for name in [name for name in old_providers if name not in new_providers]:
        yield for_callers(f"`{name}/MODEL` is refused: there is no provider `{name}` any more")
    old = {model["name"]: old_providers[model["provider"]] for model in before["models"]}
    new = {model["name"]: new_providers[model["provider"]] for model in after["models"]}
    aliases = {alias["name"] for plan in (before, after) for alias in plan["aliases"]}
    if fresh := [name for name in new if name not in old and name not in aliases]:
        yield for_callers(f"{_models(fresh)} can now be asked for by name alone: {quoted(fresh)}")
    if gone := [name for name in old if name not in new and name not in aliases]:
        yield for_callers(f"{_models(gone)} can no longer be asked for by name alone: {quoted(gone)}")
    if moved := [name for name in new if name in old and new[name] != old[name]]:
        yield for_callers(f"{_models(moved)} named alone now go to another provider: {quoted(moved)}")


def _models(names: list[str]) -> str:
    return "one model" if len(names) == 1 else f"{len(names)} models"
