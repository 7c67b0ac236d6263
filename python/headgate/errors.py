"""Everything that can go wrong, as one tree.

GatewayError              what a user can cause; `exit_code` is what the command line ends with
├── PolicyError      78   the policy is refused; `problems` holds every reason
├── PlanError        78   the data plane refuses the plan
├── StartError       69   an address is in use (or 78, 1: as the data plane says)
├── ReloadError      78   a new plan was refused; the old one goes on
├── NativeMissing    69   the compiled half of headgate is not installed
├── LedgerError      69   the ledger's database cannot be reached, or is not one that this headgate can use
└── UsageError        2   the command line asks for something that makes no sense
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.config.problems import Problem


class GatewayError(Exception):
    """Something that a user can cause and mend. Its text is made for them and holds no secret."""

    exit_code = 1


class PolicyError(GatewayError):
    """A policy was refused. Its text has one line for each error."""

    exit_code = 78

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class PlanError(GatewayError):
    """The data plane does not take this plan."""

    exit_code = 78


class StartError(GatewayError):
    """The gateway or the simulator cannot start. The data plane says what to exit with: 69 is an address in use."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ReloadError(GatewayError):
    """The data plane did not take a new plan and goes on with the old one."""

    exit_code = 78


class NativeMissing(GatewayError):
    """The compiled module is not there."""

    exit_code = 69


class LedgerError(GatewayError):
    """The ledger's database cannot be used. The text never holds a password."""

    exit_code = 69


class UsageError(GatewayError):
    """The command line asks for something that makes no sense."""

    exit_code = 2
