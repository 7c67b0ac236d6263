"""What `explain` says of the guards of a call: in its answer, and in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.cli.guards import guards
from headgate.plan.words import conditions
from tests.plan.policies import FULL, document, lowered

_native = pytest.importorskip("headgate._native", reason="the compiled module is not built")


def explained(model: str) -> dict[str, Any]:
    plan = document(FULL.replace("/roots.pem", "bundled"))  # that file is nowhere
    answer: dict[str, Any] = json.loads(_native.explain(plan, json.dumps({"model": model}).encode()))
    return answer


def test_a_place_has_its_window_its_price_and_its_limit() -> None:
    place = explained("a-7")["steps"][0]["places"][0]
    assert (place["model"], place["context_tokens"], place["max_concurrency"]) == ("x-7", 1_000, 32)
    assert place["price"] == {"input_nano_usd_per_million": 150_000_000, "output_nano_usd_per_million": 2_000_000_000}
    assert explained("house/x")["steps"][0]["places"][0]["max_concurrency"] == 64, "that of the provider"


def test_the_guards_are_those_of_the_plan() -> None:
    answer, plan = explained("exact"), lowered()
    assert answer["resilience"]["retry"]["max_attempts"] == plan.aliases[0].resilience.retry.max_attempts == 2
    assert list(answer["providers"]) == ["openai"]
    openai = answer["providers"]["openai"]
    assert (openai["breaker"]["consecutive"], openai["retry_permille"], openai["credentials"]) == (9, 50, 2)


def test_the_guards_of_an_alias_are_told_in_lines() -> None:
    assert list(guards(explained("exact"))) == [
        "timeouts: connect 1s, first_token 2s, idle 5s, attempt 4s, total 1m, stream_total 6s",
        "tries: at most 2 at one deployment and 6 in all; pauses up to 10ms (20ms after a 429), doubled up to 30ms; "
        "a provider's own pause up to 40ms",
        "when the caller has left, the answer is read to its end",
        "openai: breakers open after 9 failures in a row, or when of 13 calls or more in 12s 60 % fail or 70 % take "
        "longer than 11s to the first token; they stay open for 14s to 15s; retries are at most 5 % of its calls, "
        "or 7 each second",
    ]


def test_what_few_policies_say_is_told_where_it_is_said() -> None:
    answer = explained("exact")
    more = {
        "on_cut": "continue",
        "hedge": {"after": {"ms": 250}, "max_share_permille": 20},
        "coalesce": True,
        "resume_bytes": 1 << 20,
        "keep_alive_ms": 15_000,
        "priority": "low",
        "affinity": "session",
    }
    answer["resilience"] |= more
    assert list(guards(answer))[2] == (
        "when the caller has left, the answer is read to its end; a cut stream is continued; a second try after 250ms, "
        "for 2 % of the calls at most; identical calls share one; the last 1MiB of a stream can be taken up again; a "
        "comment after 15s of silence; refused first when the gateway is full; kept at one place by session"
    )


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (["unavailable"], "it is unavailable"),
        (["unavailable", "rate_limited", "timeout"], "it is unavailable, rate limited or too slow"),
        (["context_too_long"], "the prompt is too long for it"),
        (
            ["timeout", "context_too_long", "content_filtered"],
            "it is too slow, or the prompt is too long for it, or it refuses the content",
        ),
    ],
)
def test_conditions_are_words(when: list[str], words: str) -> None:
    assert conditions(when) == words
