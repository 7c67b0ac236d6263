"""Virtual keys: names, references, secrets, and that each can do something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config.secrets import weakness

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.problems import Path, Report
    from headgate.config.secrets import Secret
    from headgate.config.sections import Key, Policy


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks `keys`."""
    first: dict[object, int] = {}
    for number, key in enumerate(policy.keys):
        path: Path = ("keys", number)
        if names.is_broken(path):
            continue
        _once(first, key.name, number, (*path, "name"), f"the name `{key.name}`", report)
        _once(first, key.secret, number, (*path, "secret"), "the secret", report)
        _secret(key.secret, (*path, "secret"), report)
        for place, former in enumerate(key.former):
            _secret(former.secret, (*path, "former", place, "secret"), report)
            if former.secret == key.secret:
                report.error((*path, "former", place, "secret"), "the secret that the key has now")
        _scope(key, path, policy, names, report)
        _tags(key, path, report)
    _unreachable(policy, names, report)
    _pepper(policy, names, report)


def _pepper(policy: Policy, names: Names, report: Report) -> None:
    if policy.ledger is not None and policy.journal is None and not names.is_broken(("journal",)):
        text = "stays empty but for keys, as there is no journal that it could be folded from; add `journal: {}`"
        report.warning(("ledger",), text, key=True)
    if policy.pepper is None:
        return
    if policy.ledger is None and not names.is_broken(("ledger",)):
        report.error(
            ("pepper",), "the policy has no `ledger:`, where keys under it would stand, so this can never apply"
        )
    if policy.pepper.kind == "literal":
        report.warning(("pepper",), "a secret in clear; name where it stands: ${env:NAME} or ${file:PATH}")


def _once(first: dict[object, int], thing: object, number: int, at: Path, what: str, report: Report) -> None:
    if thing in first:
        place = report.places.of_value(("keys", first[thing], str(at[-1])))
        report.error(at, f"{what} is that of another key too, at {place}")
    first.setdefault(thing, number)


def _secret(secret: Secret, path: Path, report: Report) -> None:
    if secret.kind != "literal":
        return
    report.warning(path, "a secret in clear; name where it stands: ${env:NAME} or ${file:PATH}")
    if reason := weakness(secret.value):
        report.warning(path, f"a weak key: {reason}; `headgate key new` prints a strong one")


def _scope(key: Key, path: Path, policy: Policy, names: Names, report: Report) -> None:
    for number, alias in enumerate(key.aliases or []):
        names.require(alias, "alias", (*path, "aliases", number), report)
        if alias in (key.aliases or [])[:number]:
            report.error((*path, "aliases", number), f"`{alias}` is named twice")
    if key.aliases == [] and not key.passthrough:
        report.error(
            (*path, "aliases"), "empty, so this key may ask for nothing; without `aliases` it may ask for everything"
        )
    if key.passthrough and policy.passthrough is None and not names.is_broken(("passthrough",)):
        report.error((*path, "passthrough"), "the policy has no `passthrough:` provider, so this can never apply")


def _tags(key: Key, path: Path, report: Report) -> None:
    for number, tag in enumerate(key.tags):
        if tag in key.tags[:number]:
            report.error((*path, "tags", number), f"`{tag}` is named twice")
        if "," in tag:
            report.error((*path, "tags", number), f"`{tag}` holds a comma, which separates tags")


def _unreachable(policy: Policy, names: Names, report: Report) -> None:
    scopes = [key.aliases for key in policy.keys]
    if not scopes or None in scopes or names.is_broken(("keys",)):
        return
    allowed = {alias for scope in scopes for alias in scope or []}
    for name in policy.aliases.keys() - allowed:
        report.warning(("aliases", name), "no key may ask for it", key=True)
