"""What tokens cost in the proof: US dollars for a million, as text, so that no float ever holds money."""

from __future__ import annotations

from typing import Final

_LARGE: Final = {
    "input": "2.5",
    "cache_read": "0.3125",
    "output": "10.0007",
    "reasoning": "12.00001",
}
_SMALL: Final = {"input": "0.0375", "cache_read": "0.00375", "output": "0.0013", "reasoning": "0.0017"}

PRICES: Final[dict[str, dict[str, str]]] = {
    "gpt-sim": _LARGE,
    "spare-sim": _SMALL,
    "late-sim": _LARGE | {"output": "9.3333"},
    "thin-sim": _SMALL,
    "think-sim": _LARGE | {"output": "4.00003"},
    "embed-sim": {"input": "0.0201", "output": "0"},
    "image-sim": {"input": "5", "output": "8", "output_image": "32.0003"},
    "poor-sim": {"input": "3", "output": "12"},
    "direct-sim": {"input": "1.000001", "output": "3.3"},
}
"""By the model's name at the provider. `free-sim` has no price: what it costs is not known."""
