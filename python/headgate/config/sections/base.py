"""What all sections share."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
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


def one_of(now: tuple[str, ...], later: tuple[str, ...] = ()) -> BeforeValidator:
    """A word from a closed set; words of `later` are told apart from unknown ones."""

    def check(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        word = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if word in now:
            return word
        if word in later:
            raise PydanticCustomError("later", "`{word}` is not supported yet", {"word": word})
        names = " or ".join(f"`{name}`" for name in now)
        raise PydanticCustomError("word", "{names} is needed, not `{seen}`", {"names": names, "seen": shown(value)})

    return BeforeValidator(check)


class OneOrMore:
    """Marks a list that may be written as its only item."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Puts a single item into a list before the list is looked at."""
        return core_schema.no_info_before_validator_function(self._listed, handler(source))

    def __get_pydantic_json_schema__(self, inner: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The item, or the list."""
        form = handler(inner)
        return {"anyOf": [form["items"], form]} if "items" in form else form

    @staticmethod
    def _listed(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
        return value if isinstance(value, list | dict) or value is None else [value]


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
