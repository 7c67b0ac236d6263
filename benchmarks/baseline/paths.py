"""The closed table of what may be called; the rows stand in `paths.txt`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote_to_bytes

from benchmarks.baseline.faults import Fault

BASE: Final = "/v1/"
REFUSED: Final = (
    "organization",
    "projects",
    "webhook_endpoints",
    "webhook_event_types",
    "chatkit/sessions",
    "realtime/client_secrets",
    "realtime/sessions",
    "realtime/transcription_sessions",
    "realtime/translations/client_secrets",
)
"""Parts of the API that administer an account or hand out credentials."""
MAX_MODEL_BYTES: Final = 256

ModelAt = Literal["json", "form", "either"]


@dataclass(frozen=True)
class Row:
    """One method and path. `stream`: `chat`, `responses`, `framed`, or the name of the event that ends the stream."""

    method: str
    path: str
    name: str
    model: ModelAt | None = None
    optional: bool = False
    stream: str | None = None


MODELS: Final = Row("GET", "models", "models")
MODEL: Final = Row("GET", "models/{}", "models")
"""These two are answered here; a model's path may have more segments than one."""

_SEGMENT: Final = re.compile(r"(?!\.{1,2}(/|$))([A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-Fa-f]{2})+")
_HIDING: Final = frozenset(b"/\\.%;?#") | frozenset(range(0x20)) | {0x7F}


def _read(line: str) -> Row:
    method, path, name, *rest = line.split()
    words = dict(word.split("=") for word in rest if "=" in word)
    model: ModelAt | None = None
    match words.get("model"):
        case "json" | "form" | "either" as model:
            pass
    return Row(method, path, name, model, "optional" in rest, words.get("stream"))


ROWS: Final = (
    MODELS,
    *(
        _read(line)
        for line in Path(__file__).with_name("paths.txt").read_text(encoding="ascii").splitlines()
        if not line.startswith("#")
    ),
)
_BY_PATH: Final = {(row.method, BASE + row.path): row for row in ROWS if "{}" not in row.path}


def find(method: str, path: str) -> Row:
    """The row of a call. `path` is as it came, without its query. Raises unknown_path or method_not_allowed."""
    wanted = "GET" if method == "HEAD" else method
    row = _BY_PATH.get((wanted, path))
    if row is not None:
        return row
    if wanted == "GET" and model_id(path) is not None:
        return MODEL
    offered = _rows_at(path)
    for row in offered:
        if row.method == wanted:
            return row
    if not offered:
        raise Fault("unknown_path", why_unknown(path))
    raise Fault("method_not_allowed", f"This path does not have that method; it has {allow(path)}")


def allow(path: str) -> str:
    """The value of `allow`; empty for an unknown path."""
    methods = {row.method for row in _rows_at(path)}
    names = [name for name in ("GET", "POST", "DELETE") if name in methods]
    return ", ".join([*names[:1], *(["HEAD"] if "GET" in methods else []), *names[1:], "OPTIONS"]) if names else ""


def model_id(path: str) -> str | None:
    """The model that `/v1/models/...` names, decoded; none for other paths and for what no model is called."""
    raw = path.removeprefix(BASE + "models/")
    if raw == path:
        return None
    try:
        name = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return None
    wrong_escape = re.search(r"%(?![0-9A-Fa-f]{2})", raw)
    control = any(ord(character) < 0x20 or ord(character) == 0x7F for character in name)
    good = len(name.encode()) <= MAX_MODEL_BYTES and not control and not wrong_escape
    return name if good and not {"", ".", ".."} & set(name.split("/")) else None


def why_unknown(path: str) -> str:
    """Why a path is unknown, and what to do about it."""
    behind = path.removeprefix(BASE)
    if behind == path:
        return "paths of the OpenAI API begin with `/v1/`: let the client's base URL end in `/v1`"
    if behind.startswith("v1/"):
        return "the path has `/v1` twice: let the client's base URL end in one `/v1`"
    if not _is_clean(behind):
        return (
            "the path has an empty or dot segment, a `;`, or an escape that hides a separator: "
            "send it in its plain form"
        )
    if any(behind == part or behind.startswith(part + "/") for part in REFUSED):
        return (
            "this part of the OpenAI API administers the provider's account or hands out its credentials, and is not "
            "offered through the gateway: use the provider directly"
        )
    return "the OpenAI API has no such path"


def _rows_at(path: str) -> list[Row]:
    behind = path.removeprefix(BASE)
    if behind == path or not _is_clean(behind):
        return []
    segments = behind.split("/")
    return [row for row in ROWS if _matches(row.path.split("/"), segments)]


def _matches(pattern: list[str], segments: list[str]) -> bool:
    return len(pattern) == len(segments) and all(
        wanted in ("{}", segment) for wanted, segment in zip(pattern, segments, strict=True)
    )


def _is_clean(path: str) -> bool:
    """Whether nobody could take the path for another one."""
    for segment in path.split("/"):
        if not _SEGMENT.fullmatch(segment):
            return False
        if "%" in segment and any(int(escape[:2], 16) in _HIDING for escape in segment.split("%")[1:]):
            return False
    return True
