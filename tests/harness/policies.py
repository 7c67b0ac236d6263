"""Policies of tests."""

from __future__ import annotations

from typing import Any

from tests.harness.gateway import Policy

PROVIDER_KEY = "sk-provider-4fQ9xT2mLz7RbV1cKd8e"
"""What the gateway shows to the provider, from the environment."""
CALLER_KEY = "hg-caller-W3nP8yS5uJ1hG6aXoB0i"
"""The virtual key of a caller that may do everything."""
ENVIRONMENT = {"PROVIDER_KEY": PROVIDER_KEY, "CALLER_KEY": CALLER_KEY}


ONE_TRY = {"retry": {"max_attempts": 1}, "breaker": {"consecutive": 100_000, "min_calls": 100_000}}
"""No second try at one deployment, and no breaker: what one attempt comes to is what the caller sees."""


def small(*endpoints: str, **sections: Any) -> Policy:  # noqa: ANN401 - whatever the policy takes
    """A policy with the provider `house`, the alias `chat`, no keys, ports that the system chooses, and `ONE_TRY`."""
    policy: Policy = {
        "version": 1,
        "listen": {"data": "127.0.0.1:0", "ops": "127.0.0.1:0"},
        "workers": 2,
        "drain": {"accept_for": "0s", "grace": "10s"},
        "log": {"calls": "all"},
        "providers": {
            "house": {"dialect": "openai", "endpoints": list(endpoints), "credential": "${env:PROVIDER_KEY}"}
        },
        "deployments": {"gpt": {"provider": "house", "model": "gpt-sim"}},
        "aliases": {"chat": {"chain": [{"use": ["gpt"]}]}},
    }
    return {**policy, **sections, "resilience": ONE_TRY | sections.get("resilience", {})}


def alias(*steps: Any, **settings: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the policy takes
    """An alias whose steps use these deployments: names, lists of names, or names with weights."""
    return {"chain": [{"use": [step] if isinstance(step, str) else step} for step in steps], **settings}
