"""What calls cost: each price stands once in the plan, and what has it refers to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.config import catalogue, known
from headgate.config import prices as listed
from headgate.plan import document

if TYPE_CHECKING:
    from headgate.config import sections


class Table:
    """The distinct prices of a plan, in the order in which they were met."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._prices: list[document.Price] = []

    def prices(self) -> tuple[document.Price, ...]:
        """All of them."""
        return tuple(self._prices)

    def deployment(self, section: sections.Deployment, policy: sections.Policy) -> int | None:
        """The price of a deployment: the policy's word, else the catalogue's, else its provider's."""
        if section.price is not None:
            return self._of_section(section.price)
        if prices := listed.of_model(section.provider, section.model):
            return self._add(_price(prices))
        return None if known.is_pattern(section) else self.provider(policy.providers[section.provider])

    def provider(self, section: sections.Provider) -> int | None:
        """What the models of a provider cost that nothing else is known of."""
        return None if section.price is None else self._of_section(section.price)

    def models(self, provider: str) -> dict[str, int]:
        """What the models of a provider cost that the catalogue knows, by their names."""
        names = catalogue.providers()[provider].models if provider in catalogue.providers() else {}
        known_prices = {name: listed.of_model(provider, name) for name in sorted(names)}
        return {name: self._add(_price(prices)) for name, prices in known_prices.items() if prices}

    def _of_section(self, section: sections.Price) -> int:
        return self._add(document.Price(usual=(_period(section),), service_tiers={}))

    def _add(self, price: document.Price) -> int:
        key = repr(price)
        if key not in self._at:
            self._at[key] = len(self._prices)
            self._prices.append(price)
        return self._at[key]


def _period(section: sections.Price) -> document.Period:
    """The policy's own price, which holds for good."""
    has_tokens = section.input_per_million_usd is not None
    rates = document.Rates(**{kind: section.per_million(kind) for kind in listed.CLASSES}) if has_tokens else None
    minute = section.audio_per_minute_usd
    return document.Period(
        from_unix_s=0,
        daily=None,
        tiers=(document.Tier(above_tokens=0, nano_usd_per_million=rates),) if rates else (),
        audio_hour_nano_usd=None if minute is None else 60 * minute,
        call_nano_usd=section.per_call_usd,
    )


def _price(prices: listed.Prices) -> document.Price:
    return document.Price(
        usual=tuple(_listed(period) for period in prices[listed.USUAL]),
        service_tiers={
            tier: tuple(_listed(period) for period in periods)
            for tier, periods in prices.items()
            if tier != listed.USUAL
        },
    )


def _listed(period: listed.Period) -> document.Period:
    return document.Period(
        from_unix_s=period.from_unix_s,
        daily=None if period.daily is None else document.Daily(*period.daily),
        tiers=tuple(
            document.Tier(above_tokens=tier.above_tokens, nano_usd_per_million=document.Rates(**tier.per_million))
            for tier in period.tiers
        ),
        audio_hour_nano_usd=period.audio_hour,
        call_nano_usd=period.call,
    )
