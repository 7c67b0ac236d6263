"""The official Node SDK, unchanged: `node/check.mjs` makes the calls, one result a line."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.harness.gateway import Gateway, clean
from tests.harness.policies import CALLER_KEY

FOLDER = Path(__file__).parent / "node"
WHAT = [
    "chat",
    "stream",
    "tools",
    "responses",
    "responses stream",
    "embeddings",
    "models",
    "not found",
    "wrong key",
    "cut stream",
]


@pytest.fixture(scope="module")
def results(gateway: Gateway) -> dict[str, Any]:
    """What each call came to."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: see nodejs.org")
    if not (FOLDER / "node_modules" / "openai").is_dir():
        pytest.skip(f"the Node SDK is not installed: npm ci --prefix {FOLDER.name}")
    environment = clean({"OPENAI_BASE_URL": gateway.base_url, "OPENAI_API_KEY": CALLER_KEY})
    ended = subprocess.run(
        [node, "check.mjs"], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False, timeout=50
    )
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return {line["what"]: line for line in lines}


@pytest.mark.parametrize("what", WHAT)
def test_the_node_sdk_does(results: dict[str, Any], what: str) -> None:
    assert results[what]["ok"], results[what]
