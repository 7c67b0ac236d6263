"""Keys of other gateways, of which the SHA-256 is known: a CSV or JSON file.

Ours: `name` and `sha256`, and any field of the policy's `keys:`. LiteLLM's table of keys: `token` (SHA-256, hex),
`key_alias`, `key_name` (`sk-...abcd`), `user_id`, `models`, `expires`, `rpm_limit`, `tpm_limit`,
`max_parallel_requests`, `max_budget` with `budget_duration`, `blocked`. Keys that are blocked or have expired are left
out. Source: the model `LiteLLM_VerificationToken` in LiteLLM's `schema.prisma`.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headgate.config import yaml12
from headgate.errors import GatewayError
from headgate.keys.desk import HINT_LENGTH

if TYPE_CHECKING:
    from headgate.keys.store import Settings

Row = dict[str, Any]
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_OWN: Final = ("name", "sha256")
_THEIRS: Final = {
    "rpm_limit": "requests_per_minute",
    "tpm_limit": "tokens_per_minute",
    "max_parallel_requests": "concurrency",
}
_WINDOWS: Final = {"1h": "hour", "1d": "day", "24h": "day", "7d": "week", "30d": "month", "1mo": "month"}


@dataclass(frozen=True, slots=True)
class Imported:
    """A key that is to be added; `hint` is how its secret begins, as far as that is known."""

    name: str
    sha256: str
    hint: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class Found:
    """The keys of a file, and what is left out, with the reason."""

    keys: list[Imported]
    left_out: list[str]


def read(path: str, now_s: int) -> Found:
    """The keys of a file. Raises `GatewayError` for what is no such file, naming its first wrong row."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise GatewayError(f"{path}: the keys cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise GatewayError(f"{path}: the keys cannot be read: this is no text in UTF-8") from None
    found = Found([], [])
    for number, row in enumerate(_rows(text, path), 1):
        name = _slug(str(row.get("name") or row.get("key_alias") or row.get("key_name") or ""))
        digest = str(row.get("sha256") or row.get("token") or "")
        if not name:
            raise GatewayError(f"{path}: key {number}: it has no name: `name` (or `key_alias`) is needed")
        if not _SHA256.fullmatch(digest):
            raise GatewayError(f"{path}: key {number}, `{name}`: `sha256` (or `token`) has 64 hex digits")
        if why := _useless(row, now_s):
            found.left_out.append(f"{name}: {why}")
        else:
            hint = str(row.get("key_name") or "").partition("...")[0][:HINT_LENGTH]
            found.keys.append(Imported(name, digest.lower(), hint, _settings(row)))
    return found


def _rows(text: str, path: str) -> list[Row]:
    if text.lstrip()[:1] not in ("[", "{"):
        reader = csv.DictReader(io.StringIO(text))
        return [{name: _cell(value) for name, value in row.items() if name} for row in reader]
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise GatewayError(f"{path}:{error.lineno}:{error.colno}: {error.msg}") from None
    rows = value.get("keys") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise GatewayError(f"{path}: a list of objects is needed, one for each key")
    return rows


def _cell(text: str | None) -> Any:  # noqa: ANN401 - whatever a cell says: `[a, b]` and `{usd: 5}` are YAML
    if not text:
        return None
    return yaml12.parse(text, "cell").checked() if text[:1] in "[{" or text in ("true", "false") else text


def _useless(row: Row, now_s: int) -> str | None:
    if row.get("blocked") in (True, "true", "t", "True"):
        return "it is blocked"
    expires = _moment(row.get("expires"))
    if expires is not None and datetime.fromisoformat(expires).timestamp() <= now_s:
        return "it has expired"
    return None


def _settings(row: Row) -> Settings:
    """What the key may do, in our words."""
    if "token" not in row:
        settings = {name: value for name, value in row.items() if name not in _OWN and value is not None}
        return settings | ({"expires": _moment(row["expires"])} if row.get("expires") else {})
    settings = {ours: int(row[theirs]) for theirs, ours in _THEIRS.items() if row.get(theirs)}
    if row.get("user_id"):
        settings["user"] = str(row["user_id"])
    if models := row.get("models"):
        settings["aliases"] = [str(model) for model in models]
    if expires := _moment(row.get("expires")):
        settings["expires"] = expires
    if row.get("max_budget"):
        duration = str(row.get("budget_duration") or "")
        window = _WINDOWS.get(duration) or ({"rolling": duration} if duration else "lifetime")
        settings["budget"] = {"usd": float(row["max_budget"]), "window": window}
    return settings


def _moment(value: object) -> str | None:
    """A time with its offset; theirs are in UTC and do not say so."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise GatewayError(f"`{str(value)[:40]}` is no time: 2026-12-31T18:00:00+01:00 is one") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).isoformat()


def _slug(name: str) -> str:
    """A name that a key may have: theirs hold blanks and dots in a row."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:100]
