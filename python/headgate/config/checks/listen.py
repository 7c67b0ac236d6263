"""Listeners: who can reach them, and that they do not collide."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.config.checks.names import Names
    from headgate.config.problems import Report
    from headgate.config.sections import Policy


def check(policy: Policy, names: Names, report: Report) -> None:
    """Checks `listen`."""
    if names.is_broken(("listen",)):
        return
    _ports(policy, report)
    if not names.is_broken(("keys",)):
        _callers(policy, report)


def _ports(policy: Policy, report: Report) -> None:
    data, ops = policy.listen.data, policy.listen.ops
    if data.unix is not None and data.unix == ops.unix:
        report.error(("listen", "ops"), f"`{ops}` is the socket of `data` too; each needs its own")
    elif data.unix is None and ops.unix is None and data.port == ops.port != 0:
        report.error(("listen", "ops"), f"port {ops.port} is the port of `data` too; each needs its own")


def _callers(policy: Policy, report: Report) -> None:
    listen = policy.listen
    if policy.keys and listen.open:
        report.error(
            ("listen", "open"), "`open: true` serves callers without a key, but the policy has keys; take one out"
        )
    if not policy.keys and policy.ledger is None and not listen.open and not listen.data.is_local:
        text = (
            f"{listen.data} can be reached from other machines and there are no `keys`; add keys (or a `ledger:`, "
            "where `headgate key create` puts them), listen on 127.0.0.1, or say `open: true` on purpose"
        )
        report.error(("listen", "data"), text)
    if listen.open and listen.data.is_local:
        text = "lets web pages call through a browser on this machine; without it only programs can"
        report.warning(("listen", "open"), text)
