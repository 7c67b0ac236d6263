"""What routing needs of a body: the model's name and where it stands, and whether a stream is asked for.

The bytes of a call go on as they came, so the model is replaced where it stands and nothing is written anew. The
standard library's decoder says where each value ends; its scanner is C and checks the whole grammar.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from benchmarks.baseline.faults import Fault
from benchmarks.baseline.paths import MAX_MODEL_BYTES

_OPEN: Final = re.compile(r"[ \t\n\r]*\{[ \t\n\r]*(\}?)[ \t\n\r]*")
_COLON: Final = re.compile(r"[ \t\n\r]*:[ \t\n\r]*")
_NEXT: Final = re.compile(r"[ \t\n\r]*([,}])[ \t\n\r]*")


@dataclass(frozen=True)
class Named:
    """A body and the model in it; `start` and `end` say where its value stands, quotes included."""

    body: bytes
    model: str | None
    start: int
    end: int
    stream: bool
    form: bool = False

    def with_model(self, model: str) -> bytes:
        """The body with another model."""
        if model == self.model:
            return self.body
        value = model.encode() if self.form else json.dumps(model, ensure_ascii=False).encode()
        return b"".join((self.body[: self.start], value, self.body[self.end :]))


def scan_json(body: bytes) -> Named:
    """Scans one JSON object. Raises a fault of the caller."""
    if not body:
        raise Fault("invalid_json", "the body is empty: send one JSON object")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Fault("invalid_utf8", f"the body is not UTF-8 (byte {error.start})") from None
    try:
        fields, places = _members(text)
    except RecursionError:
        raise Fault("body_too_deep", "the body nests too deep: flatten it") from None
    except ValueError as error:
        raise Fault("invalid_json", f"the body is not one JSON object: {error}") from None
    stream = fields.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise Fault("model_invalid", "`stream` must be true, false or null", param="stream")
    start, end = places.get("model", (0, 0))
    if not text.isascii():  # places are counted in characters
        start, end = len(text[:start].encode()), len(text[:end].encode())
    return Named(body, _model(fields.get("model")), start, end, stream is True)


def _members(text: str) -> tuple[dict[str, Any], dict[str, tuple[int, int]]]:
    """The members of the one object that `text` is, and where their values stand. Raises `ValueError`."""
    fields: dict[str, Any] = {}
    places: dict[str, tuple[int, int]] = {}
    mark = _match(_OPEN, text, 0, "it does not begin with `{`")
    while mark[1] != "}":
        if not text.startswith('"', mark.end()):
            raise ValueError(f"a key in double quotes is missing (character {mark.end()})")
        key, at = _DECODER.raw_decode(text, mark.end())
        start = _match(_COLON, text, at, "a `:` is missing").end()
        value, end = _DECODER.raw_decode(text, start)
        if key in fields:
            raise Fault("duplicate_key", f"the key `{key[:100]}` occurs twice in the body: send it once")
        fields[key], places[key] = value, (start, end)
        mark = _match(_NEXT, text, end, "a comma or a closing bracket is missing")
    if mark.end() != len(text):
        raise ValueError(f"something follows the object (character {mark.end()})")
    return fields, places


def _match(pattern: re.Pattern[str], text: str, at: int, missing: str) -> re.Match[str]:
    found = pattern.match(text, at)
    if found is None:
        raise ValueError(f"{missing} (character {at})")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _model(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Fault("model_invalid", "`model` must be a string that names a model", param="model")
    return checked_model(value)


def checked_model(name: str) -> str:
    """A model's name that is not empty and not too long."""
    if not name:
        raise Fault("model_invalid", "`model` is empty: name the model to call", param="model")
    if len(name.encode(errors="surrogatepass")) > MAX_MODEL_BYTES:
        raise Fault("model_invalid", f"`model` is longer than {MAX_MODEL_BYTES} bytes", param="model")
    return name


def is_json(content_type: str | None) -> bool:
    """Whether a content type is JSON; none counts as JSON."""
    if content_type is None:
        return True
    essence = content_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")
