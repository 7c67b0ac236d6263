"""The one way to write a plan: the same plan is the same bytes, and its hash is theirs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from headgate.errors import PlanError
from headgate.plan.document import Literally

if TYPE_CHECKING:
    from headgate.plan.document import Key, Plan, SecretRef


def encode(plan: Plan) -> bytes:
    """The plan as canonical JSON: keys sorted, no blanks, UTF-8."""
    return _canonical(asdict(plan))


def with_hash(plan: Plan) -> Plan:
    """The plan with its hash: SHA-256, in lower-case hex, of the canonical JSON without the field `hash`."""
    value = asdict(plan)
    del value["hash"]
    return replace(plan, hash=hashlib.sha256(_canonical(value)).hexdigest())


def printable(plan: Plan) -> bytes:
    """The plan as canonical JSON, for a file. Raises `PlanError` where it holds a secret in clear."""
    held = [
        f"providers.{each.id}" for each in plan.providers if any(isinstance(s, Literally) for s in each.credentials)
    ]
    held += [f"keys.{key.name}" for key in plan.keys if any(isinstance(s, Literally) for s in _shown(key))]
    held += ["pepper"] if isinstance(plan.pepper, Literally) else []
    if held:
        raise PlanError(
            f"a plan on disk holds no secret, but the policy has one in clear: {', '.join(held)}; "
            "name where it stands, ${env:NAME} or ${file:PATH}"
        )
    return encode(plan)


def _shown(key: Key) -> list[SecretRef]:
    return [key.secret, *(former.secret for former in key.former)]


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
