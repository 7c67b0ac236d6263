"""What all sections share."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from headgate.config.problems import shown


class Section(BaseModel):
    """A part of the policy: unknown fields are refused, values are not converted, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        """A section whose fields are all commented out is there, with its defaults."""
        return {} if value is None else value


class OneOf:
    """A word from a closed set; words of `later` are told apart from unknown ones, and are in no schema.

    `also` is what may stand there beside a word, for the message.
    """

    def __init__(self, now: tuple[str, ...], later: tuple[str, ...] = (), also: str = "") -> None:
        self._now, self._later = now, later
        self._wanted = " or ".join([*(f"`{name}`" for name in now), *([also] if also else [])])

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Looks at the word before its type is looked at."""
        return core_schema.no_info_before_validator_function(self._word, handler(source))

    def __get_pydantic_json_schema__(self, inner: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The words that may stand there now."""
        form = handler(inner)
        words = [word for word in form.get("enum", ()) if word in self._now]
        if len(words) == 1:
            return {"const": words[0], "type": "string"}
        return {**form, "enum": words} if words else form

    def _word(self, value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        word = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if word in self._now:
            return word
        if word in self._later:
            raise PydanticCustomError("later", "`{word}` is not supported yet", {"word": word})
        raise PydanticCustomError(
            "word", "{wanted} is needed, not `{seen}`", {"wanted": self._wanted, "seen": shown(value)}
        )


class OneOrMore:
    """Marks a list that may be written as its only item; `maps`: the items are maps."""

    def __init__(self, *, maps: bool = False) -> None:
        self._more = list if maps else list | dict

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Puts a single item into a list before the list is looked at."""
        return core_schema.no_info_before_validator_function(self._listed, handler(source))

    def __get_pydantic_json_schema__(self, inner: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The item, or the list."""
        form = handler(inner)
        return {"anyOf": [form["items"], form]} if "items" in form else form

    def _listed(self, value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        return value if isinstance(value, self._more) or value is None else [value]


def _matching(pattern: str, wanted: str) -> AfterValidator:
    form = re.compile(pattern)

    def check(value: str) -> str:
        if not form.fullmatch(value):
            raise PydanticCustomError("form", "`{seen}` is not {wanted}", {"seen": shown(value), "wanted": wanted})
        return value

    return AfterValidator(check)


def text(pattern: str, wanted: str) -> tuple[AfterValidator, WithJsonSchema]:
    """The form of a text, and its JSON Schema."""
    return _matching(pattern, wanted), WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$"})


def map_or_word(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    """The tag of the form that was meant, where a map or a word may stand."""
    return "<map>" if isinstance(value, dict | Section) else "<word>"


def value_or_word(value: Any) -> str:  # noqa: ANN401 - whatever YAML holds
    """The tag of the form that was meant, where an amount with its unit or a word may stand."""
    if isinstance(value, str):
        return "<value>" if value[:1].isdecimal() else "<word>"
    return "<value>" if isinstance(value, int | float) and not isinstance(value, bool) else "<word>"


_S = TypeVar("_S", bound=Section)


def merged(shared: _S, own: Section | None) -> _S:
    """`shared` with what `own` says instead. A part that both say is merged in turn; what is `None` says nothing."""
    said: dict[str, Any] = {}
    for name in type(shared).model_fields:
        word = getattr(own, name, None)
        if word is not None and own is not None and name in own.model_fields_set:
            old = getattr(shared, name)
            both = isinstance(old, Section) and isinstance(word, Section)
            said[name] = merged(old, word) if both else word
    return shared.model_copy(update=said)


_NAME, _NAME_SCHEMA = text(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", "a name: letters, digits, `_`, `.`, `-`; at most 100")
Name = Annotated[str, _NAME, _NAME_SCHEMA]
"""The name of a provider, a deployment or a key: it appears in headers, metrics and logs."""

_MODEL, _MODEL_SCHEMA = text(r"[!-~]{1,256}", "the name of a model: at most 256 visible ASCII characters, no blank")
ModelName = Annotated[str, _MODEL, _MODEL_SCHEMA]
"""A provider's name of a model."""

_ALIAS, _ALIAS_SCHEMA = text(
    r"(?=.{1,256}$)[!-)+-~]*\*?[!-)+-~]*", "the name of an alias: visible ASCII characters, no blank, at most one `*`"
)
AliasName = Annotated[str, _ALIAS, _ALIAS_SCHEMA]
"""What callers ask for; a `*` stands for any text."""
