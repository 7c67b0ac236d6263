"""`budgets:` how much money may be spent in which time."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from headgate.config.near import nearest
from headgate.config.problems import shown
from headgate.config.sections.base import AliasName, Name, OneOf, OneOrMore, Section, map_or_word
from headgate.config.sections.limits import MODE, NAME, PER, VALUE, Dimension, Mode, Value
from headgate.config.units import Duration, Share, Usd, shares, within

AnyUnit = Literal["hour", "day", "week", "month", "lifetime"]
AnyAction = Literal["refuse", "ask"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        known = available_timezones()
        if known:  # a machine without time zones cannot tell: the data plane brings its own
            near = nearest(name, known)
            hint = f"; did you mean `{near}`?" if near else ""
            text = "no time zone is called `{seen}`{hint}"
            raise PydanticCustomError("zone", text, {"seen": shown(name), "hint": hint}) from None
    return name


class Rolling(Section):
    """A window that ends now."""

    rolling: Annotated[Duration, within("1m", "366d")] = Field(description="How long it is.")


class Use(Section):
    """Another alias."""

    use: AliasName = Field(description="A name from `aliases`.")


Window = Annotated[
    Annotated[AnyUnit, OneOf(get_args(AnyUnit), also="a map such as {rolling: 7d}"), Tag("<word>")]
    | Annotated[Rolling, Tag("<map>")],
    Discriminator(map_or_word),
]
WhenSpent = Annotated[
    Annotated[AnyAction, OneOf(get_args(AnyAction), also="a map such as {use: ALIAS}"), Tag("<word>")]
    | Annotated[Use, Tag("<map>")],
    Discriminator(map_or_word),
]


class OwnBudget(Section):
    """A budget of what it stands in."""

    usd: Usd = Field(description="How much, in US dollars.")
    window: Window = Field(
        description="In which time: `hour`, `day`, `week` or `month` of the calendar, the last so long "
        "(`{rolling: 7d}`), or `lifetime`."
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="The time zone of the calendar, such as Europe/Berlin."
    )
    warn_at: Annotated[list[Annotated[Share, shares(0.001, 1)]], Field(max_length=16), OneOrMore()] = Field(
        default=[], description="At which shares of it something is said: one, or several."
    )
    when_spent: WhenSpent = Field(
        default="refuse",
        description="What happens to a call that there is no money for: it is refused (`refuse`), goes to another "
        "alias (`{use: ALIAS}`), or is refused with an id under which more can be granted (`ask`).",
    )
    mode: Mode = Field(default="enforce", description=MODE)


class Budget(OwnBudget):
    """A budget."""

    per: Dimension | None = Field(default=None, description=PER)
    value: Value | None = Field(default=None, description=VALUE)
    name: Name | None = Field(default=None, description=NAME)


OwnBudgets = Annotated[list[OwnBudget], OneOrMore(maps=True)]
OWN: Final = "How much may be spent on it: one budget, or several."
