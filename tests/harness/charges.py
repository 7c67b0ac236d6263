"""What attempts are charged with, as the gateway's log tells it, and what they should be."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import small
from tests.harness.provider import Bill, Provider

PRICE: Final = {
    "input": "0.0375",
    "cache_read": "0.00375",
    "cache_write": "0.047",
    "input_audio": "11.1",
    "input_image": "3.3",
    "output": "0.0013",
    "reasoning": "0.0017",
    "output_audio": "22.2",
    "output_image": "44.4",
}
"""US dollars per million tokens, such that hardly a call costs a whole number of nano-dollars."""
NEAR_TOKENS: Final = 3
"""How far an estimate may be from the truth where a token is an event, or a few bytes."""
_INPUT: Final = ("input", "cache_read", "cache_write", "input_audio", "input_image")

Attempt = dict[str, Any]


def price(of: dict[str, str] = PRICE) -> dict[str, float]:
    """A price as a policy says it."""
    return {f"{kind}_per_million_usd": float(usd) for kind, usd in of.items()}


def priced(provider: Provider, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """`chat` has prices, `free` has none; one worker, so that lines of the log stand in the order of their calls."""
    policy = small(provider.url, workers=1, **sections)
    policy["deployments"]["gpt"]["price"] = price()
    policy["deployments"]["free"] = {"provider": "house", "model": "free-sim"}
    policy["aliases"]["free"] = {"chain": [{"use": ["free"]}]}
    return policy


def cost(tokens: dict[str, int], of: dict[str, str] = PRICE) -> str:
    """What tokens cost, by a calculation of its own: exact, and rounded up to a nano-dollar once."""
    exact = sum((Decimal(count) * Decimal(of[kind]) / 1_000_000 for kind, count in tokens.items()), Decimal(0))
    usd = exact.quantize(Decimal("1e-9"), ROUND_CEILING)
    return f"{usd.normalize():f}"


def attempts(gateway: Gateway, calls: int = 1) -> list[Attempt]:
    """The attempts of the last call of so many, whose sums are those of the call."""
    line: dict[str, Any] = gateway.wait_for("call", calls)[-1]
    tried: list[Attempt] = line["attempts"]
    assert line["tokens"] == sum(sum(attempt["tokens"].values()) for attempt in tried)
    if all(attempt["usd"] is not None for attempt in tried):
        assert Decimal(line["usd"]) == sum(Decimal(attempt["usd"]) for attempt in tried)
    return tried


def sides(attempt: Attempt) -> tuple[int, int]:
    """Tokens of the prompt and of the answer."""
    tokens: dict[str, int] = attempt["tokens"]
    prompt = sum(count for kind, count in tokens.items() if kind in _INPUT)
    return prompt, sum(tokens.values()) - prompt


def billed(entry: Bill) -> tuple[int, int]:
    """The same, as the provider counted it."""
    return entry["prompt_tokens"], entry["completion_tokens"]


def is_near(attempt: Attempt, entry: Bill) -> bool:
    """Whether an estimate is as near to the truth as one can be."""
    return all(abs(ours - theirs) <= NEAR_TOKENS for ours, theirs in zip(sides(attempt), billed(entry), strict=True))
