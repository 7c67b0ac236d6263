"""Values with a unit: durations in whole milliseconds, sizes in bytes; shares per mille and money in nano-dollars."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from headgate.config.problems import shown

DURATIONS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_NUMBER = r"[0-9][0-9_]*(?:\.[0-9]+)?"
_DURATION = re.compile(rf"({_NUMBER})\s?(ms|s|m|h|d)")
_SIZE = re.compile(rf"({_NUMBER})\s?(B|KiB|MiB|GiB)")
_LONGEST = 40
_MOST_USD = 1_000_000


def parse_duration(value: Any) -> int:  # noqa: ANN401 - whatever YAML holds
    """`30s` as 30_000 milliseconds."""
    return _parse(value, _DURATION, DURATIONS, "a duration such as 250ms, 30s, 10m, 2h or 7d")


def parse_size(value: Any) -> int:  # noqa: ANN401 - whatever YAML holds
    """`32MiB` as 33_554_432 bytes."""
    return _parse(value, _SIZE, SIZES, "a size such as 512KiB, 32MiB or 1GiB")


def parse_share(value: Any) -> int:  # noqa: ANN401 - whatever YAML holds
    """`0.1` as 100 per mille; a share is a number from 0 to 1."""
    permille = _decimal(value, "a number from 0 to 1 is needed, such as 0.1") * 1000
    if not 0 <= permille <= 1000:
        raise PydanticCustomError("share", "{seen} is not from 0 to 1", {"seen": shown(value)})
    if permille != permille.to_integral_value():
        raise PydanticCustomError("share", "{seen} is finer than 0.001", {"seen": shown(value)})
    return int(permille)


def parse_usd(value: Any) -> int:  # noqa: ANN401 - whatever YAML holds
    """`0.15` US dollars as 150_000_000 nano-dollars."""
    dollars = _decimal(value, "an amount of US dollars is needed, such as 2.5")
    if not 0 <= dollars <= _MOST_USD:
        text = "{seen} is not from 0 to {most} US dollars"
        raise PydanticCustomError("usd", text, {"seen": shown(value), "most": _MOST_USD})
    nano = dollars * 1_000_000_000
    if nano != nano.to_integral_value():
        raise PydanticCustomError("usd", "{seen} is finer than a billionth of a US dollar", {"seen": shown(value)})
    return int(nano)


def _decimal(value: Any, wanted: str) -> Decimal:  # noqa: ANN401 - whatever YAML holds
    """A number as it was written: 0.1 is a tenth, not the nearest binary fraction."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):
        raise PydanticCustomError("number", "{wanted}, not `{seen}`", {"wanted": wanted, "seen": shown(value)})
    return Decimal(repr(value))


def _parse(value: Any, form: re.Pattern[str], units: dict[str, int], wanted: str) -> int:  # noqa: ANN401 - see above
    if isinstance(value, int | float) and not isinstance(value, bool):
        names = ", ".join(units)
        raise PydanticCustomError("unit", "{seen} has no unit; write one of {names}", {"seen": value, "names": names})
    if not isinstance(value, str) or not (match := form.fullmatch(value)) or len(value) > _LONGEST:
        raise PydanticCustomError("unit", "`{seen}` is not {wanted}", {"seen": shown(value), "wanted": wanted})
    amount = Decimal(match[1].replace("_", "")) * units[match[2]]
    if amount != amount.to_integral_value():
        least = next(iter(units))
        raise PydanticCustomError("unit", "`{seen}` is not a whole number of {least}", {"seen": value, "least": least})
    return int(amount)


def show_duration(amount_ms: int) -> str:
    """The shortest way to write a duration: 90_000 as `90s`."""
    return _show(amount_ms, DURATIONS)


def show_size(amount_bytes: int) -> str:
    """The shortest way to write a size."""
    return _show(amount_bytes, SIZES)


def show_share(permille: int) -> str:
    """A share in percent: 20 as `2 %`."""
    return f"{permille / 10:g} %"


def show_usd(nano: int) -> str:
    """An amount of money: 150_000_000 as `$0.15`."""
    return f"${(Decimal(nano) / 1_000_000_000).normalize():f}"


def _show(amount: int, units: dict[str, int]) -> str:
    whole = [(amount // size, unit) for unit, size in units.items() if amount % size == 0]
    number, unit = min(whole) if amount else (0, "s" if "s" in units else "B")
    return f"{number}{unit}"


def _schema(form: re.Pattern[str]) -> WithJsonSchema:
    pattern = form.pattern.replace("(?:", "(").replace(r"\s?", " ?")
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$"})


Duration = Annotated[int, PlainValidator(parse_duration), _schema(_DURATION)]
Size = Annotated[int, PlainValidator(parse_size), _schema(_SIZE)]
Share = Annotated[int, PlainValidator(parse_share), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})]
"""A number from 0 to 1 that becomes whole thousandths."""
Usd = Annotated[int, PlainValidator(parse_usd), WithJsonSchema({"type": "number", "minimum": 0, "maximum": _MOST_USD})]
"""An amount of US dollars that becomes nano-dollars."""


def unit_field(default: str, description: str) -> Any:  # noqa: ANN401 - a pydantic field
    """A field with a default that is written as an operator writes it, `30s` or `32MiB`."""
    parse = parse_size if default.endswith("B") else parse_duration
    return Field(default=parse(default), description=description, json_schema_extra={"default": default})


def share_field(default: float, description: str) -> Any:  # noqa: ANN401 - a pydantic field
    """A share with its default."""
    return Field(default=parse_share(default), description=description, json_schema_extra={"default": default})


def shares(least: float, most: float) -> AfterValidator:
    """Bounds of a share; both may be reached."""
    low, high = parse_share(least), parse_share(most)

    def check(permille: int) -> int:
        if permille < low:
            raise PydanticCustomError("below", "{seen} is below {least}", {"seen": permille / 1000, "least": least})
        if permille > high:
            raise PydanticCustomError("above", "{seen} is above {most}", {"seen": permille / 1000, "most": most})
        return permille

    return AfterValidator(check)


def within(least: str, most: str) -> AfterValidator:
    """Bounds of a duration or a size, written with their units; both may be reached."""
    parse, show = (parse_size, show_size) if least.endswith("B") else (parse_duration, show_duration)
    low, high = parse(least), parse(most)

    def check(amount: int) -> int:
        if amount < low:
            raise PydanticCustomError("below", "{seen} is below {least}", {"seen": show(amount), "least": least})
        if amount > high:
            raise PydanticCustomError("above", "{seen} is above {most}", {"seen": show(amount), "most": most})
        return amount

    return AfterValidator(check)
