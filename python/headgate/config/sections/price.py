"""`price:` what the calls of a model cost, of a deployment or of all models of a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from headgate.config.sections.base import Section
from headgate.config.units import Usd

if TYPE_CHECKING:
    from typing import Self

_ASSUMED = {
    "cache_read": "input",
    "cache_write": "input",
    "input_audio": "input",
    "input_image": "input",
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
}


def _per_million(what: str, otherwise: str) -> Any:  # noqa: ANN401 - a pydantic field
    return Field(default=None, description=f"What {what} cost; absent: as those of the {otherwise}.")


class Price(Section):
    """What a model costs, in US dollars: per million tokens, for sound by its length, and for each call."""

    input_per_million_usd: Usd | None = Field(default=None, description="What the tokens of a prompt cost.")
    output_per_million_usd: Usd | None = Field(default=None, description="What the tokens of an answer cost.")
    cache_read_per_million_usd: Usd | None = _per_million("tokens from the provider's cache", "prompt")
    cache_write_per_million_usd: Usd | None = _per_million("tokens into the provider's cache", "prompt")
    input_audio_per_million_usd: Usd | None = _per_million("tokens of sound in a prompt", "prompt")
    input_image_per_million_usd: Usd | None = _per_million("tokens of pictures in a prompt", "prompt")
    reasoning_per_million_usd: Usd | None = _per_million("tokens that are thought and not said", "answer")
    output_audio_per_million_usd: Usd | None = _per_million("tokens of sound in an answer", "answer")
    output_image_per_million_usd: Usd | None = _per_million("tokens of pictures in an answer", "answer")
    audio_per_minute_usd: Usd | None = Field(
        default=None, description="What sound costs that is billed by its length, as transcriptions are."
    )
    per_call_usd: Usd = Field(default=0, description="What each call costs besides.")

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if (self.input_per_million_usd is None) != (self.output_per_million_usd is None):
            there, missing = ("input", "output") if self.output_per_million_usd is None else ("output", "input")
            text = "`{there}_per_million_usd` is there without `{missing}_per_million_usd`; 0 says that it is free"
            raise PydanticCustomError("price", text, {"there": there, "missing": missing})
        if self.input_per_million_usd is None and self.audio_per_minute_usd is None and not self.per_call_usd:
            raise PydanticCustomError("price", "it says no price: `input_per_million_usd` and `output_per_million_usd`")
        if self.input_per_million_usd is None and (
            lone := next((c for c in _ASSUMED if self._said(c) is not None), None)
        ):
            text = "`{lone}_per_million_usd` is there without `input_per_million_usd` and `output_per_million_usd`"
            raise PydanticCustomError("price", text, {"lone": lone})
        return self

    def per_million(self, kind: str) -> int:
        """What a million tokens of a class cost in nano-dollars; only where a price for tokens is said."""
        said = self._said(kind)
        return self.per_million(_ASSUMED[kind]) if said is None else said

    def _said(self, kind: str) -> int | None:
        said: int | None = getattr(self, f"{kind}_per_million_usd")
        return said
