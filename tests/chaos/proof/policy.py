"""What the gateway serves: every way that a call can go, with limits and budgets, a journal and a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tests.chaos.proof.prices import PRICES
from tests.harness.gateway import Policy
from tests.harness.policies import PROVIDER_KEY, alias

KEYS: Final = {
    "red": "hg-red-Tq8Vb3Xn6Lz1Rk5Wd9Jm",
    "blue": "hg-blue-Hs4Cp7Gf2Ya9Nu6Ev3Bx",
    "narrow": "hg-narrow-Mw5Kd8Zt1Qj4Lr7Px2Vc",
    "pauper": "hg-pauper-Bn3Xs6Hf9Gc2Ty5Uk8Wq",
}
"""Secrets of the callers' keys, by the name of the key."""
ENVIRONMENT: Final = {"PROVIDER_KEY": PROVIDER_KEY} | {f"{name.upper()}_KEY": key for name, key in KEYS.items()}
POOR_AGENTS: Final = 5
BREAKER: Final = {"consecutive": 100_000, "min_calls": 100_000}


def policy(provider: str, dead: str, folder: Path, budgets: dict[str, int]) -> Policy:
    """The policy. `budgets` are nano-dollars, by the name of an agent, and of the team `paupers`."""
    house: dict[str, Any] = {"dialect": "openai", "endpoints": [provider], "credential": "${env:PROVIDER_KEY}"}
    return {
        "version": 1,
        "listen": {"data": "127.0.0.1:0", "ops": "127.0.0.1:0"},
        "workers": 2,
        "drain": {"accept_for": "0s", "grace": "10s"},
        "log": {"calls": "off"},
        "journal": {"dir": str(folder / "journal"), "segment": "4MiB"},
        "ledger": {"url": f"sqlite:///{folder / 'ledger.db'}"},
        "providers": {
            "house": {**house, "price": _price("direct-sim")},
            "plain": house,
            "dead": {"dialect": "openai", "endpoints": [dead]},
        },
        "deployments": _deployments(),
        "aliases": _aliases(),
        "identity": {
            "user": "body user",
            "agent": "header x-agent-id",
            "session": "header x-session-id",
            "task": "header x-task-id",
            "tags": "header x-tags",
        },
        "teams": {"reds": {}, "blues": {"tokens_per_minute": 1_000_000_000}, "paupers": {}},
        "keys": _keys(),
        "limits": [
            {"per": "session", "concurrency": 6},
            {"per": "user", "requests_per_minute": 1_000_000},
            {"per": "task", "tokens": 50_000},
        ],
        "budgets": _budgets(budgets),
        "resilience": {
            "timeouts": {"first_token": "2s", "idle": "2s", "attempt": "2s", "total": "8s", "stream_total": "8s"},
            "retry": {"base": "1ms", "throttled_base": "1ms", "wait": "5ms", "budget_floor": 10_000},
            "breaker": BREAKER,
        },
    }


def _price(model: str) -> dict[str, float]:
    return {f"{kind}_per_million_usd": float(usd) for kind, usd in PRICES[model].items()}


def _deployments() -> dict[str, Any]:
    def of(name: str, provider: str = "house", **fields: str) -> dict[str, Any]:
        return {"provider": provider, "model": f"{name}-sim", "price": _price(f"{name}-sim"), **fields}

    named = {name: of(name) for name in ("spare", "late", "thin", "think", "embed", "image", "poor")}
    gone = {"provider": "dead", "model": "gpt-sim", "price": _price("gpt-sim")}
    free = {"provider": "plain", "model": "free-sim"}
    return named | {"gpt": of("gpt", prefill="assistant"), "gone": gone, "free": free}


def _aliases() -> dict[str, Any]:
    once = {"max_attempts": 1, "max_attempts_per_call": 1}
    return {
        "chat": alias("gpt"),
        "once": alias("gpt", retry=once, on_disconnect="drain"),
        "safe": alias("gpt", "spare", retry={"max_attempts": 1}),
        "lost": alias("gone", "gpt"),
        "hedged": alias({"late": 50, "spare": 50}, hedge={"after": "15ms", "max_share": 0.1}),
        "shared": alias("gpt", coalesce="on"),
        "steady": alias("gpt", on_cut="continue"),
        "thin": alias("thin", "spare"),
        "think": alias("think"),
        "embed": alias("embed"),
        "image": alias("image"),
        "free": alias("free"),
        "poor": alias("poor", retry=once),
    }


def _keys() -> list[dict[str, Any]]:
    def key(name: str, team: str, **fields: object) -> dict[str, Any]:
        return {"name": name, "secret": f"${{env:{name.upper()}_KEY}}", "team": team, **fields}

    narrow = key("narrow", "reds", requests_per_minute=3_000)
    return [key("red", "reds"), key("blue", "blues", user="bob"), narrow, key("pauper", "paupers")]


def _budgets(nano_usd: dict[str, int]) -> list[dict[str, Any]]:
    """For life, so that no window ends while a job runs; those of agents lie within that of their team."""

    def budget(of: str) -> dict[str, Any]:
        per = "team" if of == "paupers" else "agent"
        return {"per": per, "value": of, "usd": nano_usd[of] / 1e9, "window": "lifetime"}

    return [budget(of) for of in nano_usd]
