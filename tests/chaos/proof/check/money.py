"""What tokens cost, by arithmetic of the checker's own: whole numbers of a millionth of a nano-dollar."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

_PARTS: Final = 1_000_000
"""Parts of a nano-dollar in which prices are whole."""
_WHOLE_OF: Final = {
    "cache_read": "input",
    "cache_write": "input",
    "input_audio": "input",
    "input_image": "input",
    "reasoning": "output",
    "output_audio": "output",
    "output_image": "output",
}
"""Of which class a class is a part; it costs the same where it has no price of its own."""

Prices = dict[str, dict[str, int]]


def read(prices: Mapping[str, Mapping[str, str]]) -> Prices:
    """Prices of models, in parts of a nano-dollar for a token, out of US dollars for a million."""
    return {model: {kind: _exact(usd) for kind, usd in price.items()} for model, price in prices.items()}


def _exact(usd_per_million: str) -> int:
    parts = Decimal(usd_per_million) * 1_000 * _PARTS
    assert parts == int(parts), usd_per_million
    return int(parts)


def cost(price: Mapping[str, int], tokens: Mapping[str, int]) -> int:
    """Nano-dollars, rounded up once. Tokens of a part count in their whole too, and cost what the part costs."""
    parts = 0
    for kind in ("input", "output", *_WHOLE_OF):
        count = tokens.get(kind, 0)
        if kind in _WHOLE_OF:
            whole = _WHOLE_OF[kind]
            parts += count * (price.get(kind, price[whole]) - price[whole])
        else:
            parts += count * price[kind]
    return -(-parts // _PARTS)
