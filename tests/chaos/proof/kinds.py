"""Calls of every kind, drawn by a seed: where each goes, what it asks of the provider, what goes wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.proof.policy import KEYS, POOR_AGENTS
from tests.harness.wire import request

Body = dict[str, Any]
Asked = tuple[str, Body]
"""A path and a body."""

CHAT: Final = "/v1/chat/completions"
ASKS: Final = {"stream_options": {"include_usage": True}}
WORDS: Final = ("once", "upon", "a", "time", "provider", "said", "what", "it", "had", "used", "and", "nobody", "knew")

FAULTS: Final = [
    # It answers with an error, or with nothing at all.
    *("status;code=400", "status;code=500", "error;name=context_length_exceeded"),
    *("error;name=content_filter", "early-answer;code=413", "reset-request", "close-before-head", "reset-before-head"),
    *("cut-head", "garbage-head", "ambiguous-head", "huge-head", "no-content", "empty-body", "html", "redirect"),
    # It breaks off.
    *(
        "cut;at=50",
        "cut;at=400",
        "cut;at=1200",
        "cut;at=900;how=reset",
        "cut;at=900;how=clean",
        "reset-mid-body;at=700",
    ),
    *("short-body", "bad-chunk-size", "no-terminator", "error-event;at=first", "error-event;at=middle"),
    *("invalid-utf8", "stream-for-json", "json-for-stream"),
    # It is slow or odd, and whole.
    *("late-head;ms=20", "stall;at=2;ms=20", "slow-read;bytes=64;every_ms=1", "drip;bytes=300;every_ms=1", "split"),
    *("1xx-flood;count=20", "until-close", "connection-close", "close-after", "dead-on-reuse", "spelling;as=crlf"),
    *("spelling;as=comments", "double-terminator", "big-event;bytes=20000", "gzip", "wrong-type"),
    # It says nothing of what was used, or what cannot be. What is wrong and can be is believed: no fault here lies.
    *("usage;as=missing", "usage;as=null", "usage;as=negative", "usage;as=string", "usage;as=twice"),
]
THROTTLES: Final = ["status;code=429, retry-after;as=ms;value=5", "error;name=rate_limit_exceeded", "status;code=503"]
"""Whoever is told so keeps away for a while: of a model of its own, or hardly a call would reach the others."""
SLOW_FAULTS: Final = ["never-head", "cut;at=400;how=silence", "stall;at=2;ms=0", "pings-only;then=silence"]
FAULTY, SLOWLY, LEAVES, CACHED = 0.15, 0.0005, 0.03, 0.1
"""Shares of the calls."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that is to be made."""

    name: str
    """By which the bill, the ledger and the caller know it; calls that may share an answer have one name."""
    kind: str
    agent: str
    model: str
    fault: str | None
    leaves_after_s: float | None
    """Its caller is gone after so long."""
    request: bytes


def chat(model: str, say: str, **fields: object) -> Asked:
    return CHAT, {"model": model, "messages": [{"role": "user", "content": say}], **fields}


KINDS: Final[dict[str, tuple[int, Callable[[str], Asked]]]] = {
    "chat": (16, lambda say: chat("chat", say)),
    "chat stream": (12, lambda say: chat("chat", say, stream=True)),
    "chat stream that asks": (12, lambda say: chat("chat", say, stream=True, **ASKS)),
    "choices": (2, lambda say: chat("chat", say, n=3)),
    "one try": (4, lambda say: chat("once", say, stream=True)),
    "fallback": (4, lambda say: chat("safe", say)),
    "fallback stream": (3, lambda say: chat("safe", say, stream=True)),
    "dead provider": (3, lambda say: chat("lost", say)),
    "hedge": (4, lambda say: chat("hedged", say)),
    "hedge stream": (3, lambda say: chat("hedged", say, stream=True)),
    "continued": (3, lambda say: chat("steady", say, stream=True)),
    "thought": (3, lambda say: chat("think", say)),
    "thought stream": (3, lambda say: chat("think", say, stream=True, **ASKS)),
    "direct": (3, lambda say: chat("house/direct-sim", say)),
    "throttled": (2, lambda say: chat("thin", say)),
    "no price": (1, lambda say: chat("free", say)),
    "completion": (4, lambda say: ("/v1/completions", {"model": "chat", "prompt": say})),
    "completion stream": (3, lambda say: ("/v1/completions", {"model": "chat", "prompt": say, "stream": True})),
    "embedding": (6, lambda say: ("/v1/embeddings", {"model": "embed", "input": [say, "and more"]})),
    "response": (4, lambda say: ("/v1/responses", {"model": "chat", "input": say})),
    "response stream": (4, lambda say: ("/v1/responses", {"model": "chat", "input": say, "stream": True})),
    "image": (1, lambda say: ("/v1/images/generations", {"model": "image", "prompt": say})),
    "shared": (2, lambda say: chat("shared", say, temperature=0, stream=len(say) % 2 == 0)),
    "poor": (5, lambda say: chat("poor", say, max_tokens=20, stream=len(say) % 2 == 0)),
    "poor with tries": (2, lambda say: chat("chat", say, max_tokens=20)),
}
"""How often each comes, and what it asks."""
SHARED_BY: Final = 6
POOR: Final = ("poor", "poor with tries")
WITHOUT_FAULTS: Final = ("image", "embedding")
"""Faults of streams mean nothing to them; those that do come with the others."""


def draw(seed: int, calls: int) -> Iterator[Call]:
    """So many calls; one that is shared comes several times in a row."""
    drawn = random.Random(seed)
    kinds, weights = list(KINDS), [weight for weight, _ in KINDS.values()]
    made = 0
    while made < calls:
        call = _one(f"c{made:07}", drawn.choices(kinds, weights)[0], drawn)
        for _ in range(min(SHARED_BY, calls - made) if call.kind == "shared" else 1):
            yield call
            made += 1


def _one(name: str, kind: str, drawn: random.Random) -> Call:
    say = " ".join(drawn.choices(WORDS, k=drawn.randrange(1, 40))) + " " + name
    path, body = KINDS[kind][1](say)
    key, agent = drawn.choices(["red", "blue", "narrow"], [60, 30, 10])[0], f"agent-{drawn.randrange(12)}"
    if kind in POOR:
        key, agent = "pauper", f"{'poor' if kind == 'poor' else 'retry'}-{drawn.randrange(POOR_AGENTS)}"
    if kind != "shared":
        body["user"] = f"user-{drawn.randrange(30)}"
    headers = {
        "authorization": f"Bearer {KEYS[key]}",
        "x-agent-id": agent,
        "x-session-id": f"s-{drawn.randrange(200)}",
        "x-task-id": f"t-{drawn.randrange(2_000)}",
        "x-tags": f"call={name},batch={drawn.randrange(3)}",
        "x-client-request-id": name,
        "x-sim-tokens": str(drawn.choice((1, 5, 12, 16, 16, 16, 30))),
    }
    fault = None
    if drawn.random() < FAULTY and kind not in WITHOUT_FAULTS:
        fault = headers["x-sim-fault"] = drawn.choice(THROTTLES if kind == "throttled" else FAULTS)
    elif drawn.random() < SLOWLY:
        fault = headers["x-sim-fault"] = drawn.choice(SLOW_FAULTS)
    if drawn.random() < CACHED:
        headers["x-sim-cached-tokens"] = str(drawn.randrange(1, 30))
    if kind == "shared":
        headers["x-sim-ttft-ms"] = "20"
    leaves = drawn.random() * 0.02 if drawn.random() < LEAVES else None
    data = request("POST", path, json.dumps(body).encode(), headers)
    return Call(name, kind, agent, body["model"], fault, leaves, data)
