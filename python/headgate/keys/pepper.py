"""Where the pepper is: what the policy says, else a file beside a SQLite ledger, made when the first key is.

A ledger on PostgreSQL is shared by machines, so there the policy must say where each of them finds the same pepper.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headgate.config.secrets import Secret
from headgate.errors import GatewayError

if TYPE_CHECKING:
    from headgate.config.sections import Policy

_SQLITE: Final = "sqlite:///"
SUFFIX: Final = ".pepper"


def pepper_of(policy: Policy) -> Secret | None:
    """Where the pepper of a policy's ledger is; none where nothing says it."""
    if policy.pepper is not None:
        return policy.pepper
    if policy.ledger is not None and policy.ledger.url.startswith(_SQLITE):
        return Secret("file", policy.ledger.url.removeprefix(_SQLITE) + SUFFIX)
    return None


def pepper_for_writing(policy: Policy) -> Secret:
    """The same, and it is there: the file beside a SQLite ledger is made. Raises `GatewayError`."""
    pepper = pepper_of(policy)
    if pepper is None:
        raise GatewayError(
            "the policy has no `pepper`, which digests of keys are made under: add `pepper: ${file:PATH}` or "
            "`pepper: ${env:NAME}`, the same for every gateway that shares this ledger"
        )
    if policy.pepper is None:
        _make(Path(pepper.value))
    return pepper


def _make(path: Path) -> None:
    """Writes 256 random bits into a file that its owner alone can read; whole or not at all, and never twice."""
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(f"{secrets.token_hex(32)}\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass  # another program was faster: its pepper counts
        finally:
            os.unlink(draft)
    except OSError as error:
        raise GatewayError(f"{path}: the pepper of keys cannot be written: {error.strerror}") from None
