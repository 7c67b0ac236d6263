"""The gateway that most tests of this folder share: keys, passthrough, and an alias for each kind of route."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.fixtures import bill, closed_port, launch, launch_for_file, launcher, provider
from tests.harness.gateway import Gateway, Policy
from tests.harness.policies import CALLER_KEY, ENVIRONMENT, alias, small
from tests.harness.provider import Provider

__all__ = ["bill", "closed_port", "launch", "launch_for_file", "provider"]

LIMITED_KEY = "hg-limited-Zp4Kd7Tq1Xw9Bv3Mc6Lf"
"""May ask for the alias `chat` alone."""
SECRETS = {**ENVIRONMENT, "LIMITED_KEY": LIMITED_KEY}
BEARER = {"authorization": f"Bearer {CALLER_KEY}"}


def usual(provider: Provider, closed_port: int) -> Policy:
    """The policy of the shared gateway."""
    policy = small(
        provider.url,
        passthrough="house",
        http={
            "max_body": "1MiB",
            "max_upload": "4MiB",
            "max_head": "16KiB",
            "read_gap": "1s",
            "origins": ["https://app.example"],
        },
        resilience={"timeouts": {"connect": "2s"}},
        keys=[
            {"name": "all", "secret": "${env:CALLER_KEY}", "passthrough": True},
            {"name": "limited", "secret": "${env:LIMITED_KEY}", "aliases": ["chat"]},
        ],
    )
    policy["providers"] |= {
        "dead": {"dialect": "openai", "endpoints": [f"http://127.0.0.1:{closed_port}/v1"]},
        "limping": {"dialect": "openai", "endpoints": [f"http://127.0.0.1:{closed_port}/v1", provider.url]},
    }
    policy["deployments"] |= {
        "other": {"provider": "house", "model": "other-sim"},
        "star": {"provider": "house", "model": "{1}-sim"},
        "gone": {"provider": "dead", "model": "gone-sim"},
        "half": {"provider": "limping", "model": "half-sim"},
    }
    policy["aliases"] |= {
        "fast-*": alias("star"),
        "split": alias({"gpt": 3, "other": 1}),
        "safe": alias("gone", "gpt"),
        "lame": alias("half"),
        "lost": alias("gone"),
        "hasty": alias(
            "gpt", timeouts={"first_token": "250ms", "idle": "250ms", "attempt": "250ms", "stream_total": "1500ms"}
        ),
        "brief": alias("gpt", timeouts={"total": "250ms"}),
    }
    return policy


@pytest.fixture(scope="session")
def gateway(provider: Provider, closed_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """`headgate serve` with the usual policy."""
    with launcher(tmp_path_factory.mktemp("usual")) as launch:
        yield launch(usual(provider, closed_port), SECRETS)
