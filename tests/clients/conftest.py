"""Gateways for the SDKs: they are told an address and a key of it, and nothing else.

Each test runs against headgate and against the gateway in pure Python that it is compared with: what the two do for a
client is the same, so a comparison of their cost is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.harness.fixtures import Program, bill, closed_port, launcher, provider
from tests.harness.gateway import Gateway
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.provider import Provider

__all__ = ["bill", "closed_port", "provider"]

MODELS = ["chat", "tools", "think", "embed", "image", "audio"]
"""Aliases; each stands for the model `NAME-1` of the provider."""


@pytest.fixture(scope="session", params=["headgate", "baseline"])
def program(request: pytest.FixtureRequest) -> Program:
    """What serves the policy."""
    named: Program = request.param
    return named


@pytest.fixture(scope="session")
def gateway(
    program: Program, provider: Provider, closed_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway with an alias for each kind of model."""
    policy = small(
        provider.url,
        passthrough="house",
        keys=[
            {"name": "sdk", "secret": "${env:CALLER_KEY}", "passthrough": True},
            {"name": "limited", "secret": "${env:LIMITED_KEY}", "aliases": ["chat"]},
        ],
    )
    policy["providers"]["dead"] = {"dialect": "openai", "endpoints": [f"http://127.0.0.1:{closed_port}/v1"]}
    policy["deployments"] = {name: {"provider": "house", "model": f"{name}-1"} for name in MODELS}
    policy["deployments"]["gone"] = {"provider": "dead", "model": "gone-1"}
    policy["aliases"] = {name: alias(name) for name in MODELS} | {"lost": alias("gone"), "safe": alias("gone", "chat")}
    policy["aliases"]["hasty"] = alias("chat", timeouts={"attempt": "250ms", "first_token": "250ms"})
    with launcher(tmp_path_factory.mktemp("sdk"), program) as launch:
        yield launch(policy, {**ENVIRONMENT, "LIMITED_KEY": LIMITED_KEY})


LIMITED_KEY = "hg-limited-Zp4Kd7Tq1Xw9Bv3Mc6Lf"


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    """The official SDK as it comes, its retries included."""
    with OpenAI(base_url=gateway.base_url, api_key=CALLER_KEY) as sdk:
        yield sdk
