"""What `explain` says of the guards of a call: in its answer, and in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.cli.guards import guards
from headgate.cli.way import unfit, way
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
    assert explained("exact")["steps"][0]["places"][0]["prefill"] == "prefix"
    rates = place["price"]["usual"][0]["tiers"][0]["nano_usd_per_million"]
    assert (rates["input"], rates["output"], rates["reasoning"]) == (150_000_000, 2_000_000_000, 2_000_000_000)
    assert explained("gpt-5.2")["steps"][0]["places"][0]["price"], "of a model named outright"
    assert explained("house/x")["steps"][0]["places"][0]["price"] is None
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
        "one deadline holds for the call with all its tries and pauses; a caller shortens it with headgate-timeout-ms, "
        "and a provider is told in the same header what is left",
        "tries: at most 2 at one deployment and 6 in all; pauses up to 10ms (20ms after a 429), doubled up to 30ms; "
        "a provider's own pause up to 40ms",
        "when the caller has left, the answer is read to its end; a cut stream of plain text is continued once",
        "openai: breakers open after 9 failures in a row, or when of 13 calls or more in 12s 60 % fail or 70 % take "
        "longer than 11s to the first token; they stay open for 14s to 15s, asked every 10s meanwhile whether it is "
        "back; retries are at most 5 % of its calls, or 7 each second",
    ]


def test_what_few_policies_say_is_told_where_it_is_said() -> None:
    answer = explained("exact")
    more = {
        "on_cut": "continue",
        "hedge": {"after": {"ms": 250}, "max_share_permille": 20, "max_spend_permille": 10},
        "coalesce": True,
        "resume_bytes": 1 << 20,
        "keep_alive_ms": 15_000,
        "priority": "low",
        "affinity": "session",
    }
    answer["resilience"] |= more
    assert list(guards(answer))[3] == (
        "when the caller has left, the answer is read to its end; a cut stream of plain text is continued once; a "
        "second try elsewhere in the step when the first token takes longer than 250ms, for 2 % of the calls and 1 % "
        "of the spend at most; identical calls share one; the last 1MiB of a stream can be taken up again; a comment "
        "after 15s of silence; refused first when the gateway is full; within a step, calls of one session "
        "(`x-session-id`, or `prompt_cache_key` in the body) keep to one deployment, endpoint and credential while "
        "there is room"
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


SMART = """
version: 1
providers:
  openai: {credential: ["${env:A}", "${env:B}"]}
  groq: {credential: "${env:G}"}
  house: {dialect: openai, endpoints: [http://10.0.0.5:8000/v1]}
deployments:
  gpt: {provider: openai, model: gpt-5.2}
  spare: {provider: groq, model: llama-3.3-70b-versatile}
  own: {provider: house, model: llama, context_tokens: 1_000}
aliases:
  smart: {chain: [{use: gpt}, {use: spare}], retry: {max_attempts: 2}, timeouts: {first_token: 20s, attempt: 1m}}
  alone: {chain: [{use: spare}]}
  shared: {chain: [{use: {gpt: 1, own: 1}}]}
  small: {chain: [{use: own}, {use: spare, when: context_too_long}]}
"""


def tried(model: str, *befalls: str, policy: str = SMART, **said: object) -> dict[str, Any]:
    """A trial of a call, under the policy above; `gpt=down`, `gpt=rate_limited:2000` with a pause in milliseconds."""
    conditions = []
    for each in befalls:
        target, what = each.split("=")
        word, _, pause = what.partition(":")
        conditions.append({"target": target, "meets": word, "pause_ms": int(pause) if pause else None})
    trial = {"stream": False, "tokens": 0, "seed": None, "if": conditions} | said
    answer: dict[str, Any] = json.loads(
        _native.explain(document(policy), json.dumps({"model": model, "trial": trial}).encode())
    )
    return answer


LIMITED = """
version: 1
providers:
  openai: {credential: "${env:A}", budget: {usd: 50, window: day}}
  groq: {credential: "${env:G}"}
deployments:
  gpt: {provider: openai, model: gpt-5.2, requests_per_minute: 5}
  spare: {provider: groq, model: llama-3.3-70b-versatile}
aliases:
  smart: {chain: [{use: gpt}, {use: spare, when: [rate_limited, budget_spent]}]}
  alone: {chain: [{use: gpt}]}
"""


@pytest.mark.parametrize(
    ("model", "what", "reason", "gets"),
    [
        ("smart", "gpt=over_rate", "rate_limited", (200, None)),
        ("smart", "openai=over_budget", "budget_spent", (200, None)),
        ("alone", "gpt=over_rate:20000", None, (429, 20)),
        ("alone", "openai=over_budget", None, (429, 60)),
    ],
)
def test_a_target_whose_own_limit_is_used_up_is_passed_over(
    model: str, what: str, reason: str | None, gets: tuple[int, int | None]
) -> None:
    answer = tried(model, what, policy=LIMITED)
    assert [each["reason"] for each in answer["trial"]["attempts"]] == [reason] * (reason is not None)
    caller = answer["trial"]["caller"]
    assert (caller["status"], caller.get("retry_after_s")) == gets


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("spare=over_rate", "`spare` has no rate of its own in this policy"),
        ("gpt=over_budget", "`gpt` has no budget of its own in this policy"),
    ],
)
def test_what_is_not_there_cannot_be_used_up(what: str, says: str) -> None:
    with pytest.raises(_native.PlanError, match=says):
        tried("smart", what, policy=LIMITED)


def steps(answer: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(each["deployment"], each["class"], each["then"]) for each in answer["trial"]["attempts"]]


def test_a_way_shows_each_attempt_and_the_wait_before_it() -> None:
    answer = tried("smart", "gpt=down")
    assert steps(answer) == [
        ("gpt", "unavailable", "same"),
        ("gpt", "unavailable", "fallback"),
        ("spare", "good", None),
    ]
    waits = [(each["waited_ms"], each["wait_ms"]) for each in answer["trial"]["attempts"]]
    assert waits == [(0, {"least": 0, "most": 0}), (50, {"least": 0, "most": 100}), (0, {"least": 0, "most": 0})]
    assert answer["trial"]["caller"] == {"status": 200, "cut": None}
    assert list(way(answer)) == [
        "a call without a stream, if gpt=down, from a fresh start:",
        "  1. gpt, credential 0: provider_unreachable: unavailable, blamed on endpoint with model, retry budget at "
        "100 %; then the same again",
        "  2. gpt, credential 0 after 50ms (drawn from 0s to 100ms): provider_unreachable: unavailable, blamed on "
        "endpoint with model, retry budget at 96.6 %; then a fallback",
        "  3. spare (for unavailable): answers well",
        "the caller gets 200 after 50ms and 3 tries",
        "left out afterwards: nothing",
    ]


def test_a_pause_that_is_asked_for_is_waited_out_or_told() -> None:
    short = tried("alone", "groq=rate_limited:2000")["trial"]
    assert short["attempts"][1]["wait_ms"] == {"least": 2000, "most": 3000}
    assert short["attempts"][2]["wait_ms"] == {"least": 2000, "most": 4000}
    assert [each["then"] for each in short["attempts"]] == ["same", "same", "attempts"]
    long = tried("alone", "spare=rate_limited:60000")["trial"]
    assert [each["then"] for each in long["attempts"]] == ["no_target"]
    assert long["caller"] | {"by": "provider"} == {
        "status": 429,
        "code": "rate_limit_exceeded",
        "by": "provider",
        "should_retry": True,
        "retry_after_s": 60,
        "why": "no_target",
    }
    assert long["left_out"] == [{"key": "credential:groq/0/spare", "why": "cooldown", "for_ms": 60_000}]


def test_a_refused_credential_is_left_out_and_its_word_is_not_relayed() -> None:
    answer = tried("alone", "groq=credential")["trial"]
    assert (answer["caller"]["status"], answer["caller"]["code"]) == (502, "provider_credential_rejected")
    assert [each["key"] for each in answer["left_out"]] == ["credential:groq/0"]


def test_what_the_prompt_is_goes_where_the_chain_says_so() -> None:
    assert steps(tried("smart", "gpt=content_filtered")) == [("gpt", "content_filtered", "final")]
    assert steps(tried("small", "own=context_too_long")) == [
        ("own", "context_too_long", "fallback"),
        ("spare", "good", None),
    ]
    assert steps(tried("small", tokens=50_000)) == [("spare", "good", None)], "no attempt is made where it cannot fit"


def test_silence_lasts_as_long_as_the_deadline_and_a_slow_answer_as_the_breaker_counts() -> None:
    stream = tried("smart", "gpt=timeout", stream=True)["trial"]["attempts"]
    assert [(each["fault"], each["took_ms"]) for each in stream[:1]] == [("first_token_timeout", 20_000)]
    whole = tried("smart", "gpt=timeout")["trial"]["attempts"]
    assert [(each["fault"], each["took_ms"]) for each in whole[:1]] == [("attempt_timeout", 60_000)]
    assert steps(tried("smart", "gpt=slow")) == [("gpt", "good", None)]
    assert tried("smart", "gpt=slow")["trial"]["ended_ms"] == 20_001


def test_what_has_begun_is_not_tried_again() -> None:
    answer = tried("smart", "gpt=cut", stream=True)
    assert steps(answer) == [("gpt", "good", None)]
    assert answer["trial"]["caller"] == {"status": 200, "cut": {"code": "stream_cut", "should_retry": True}}


def test_no_pause_outlasts_what_the_caller_waits() -> None:
    answer = tried("smart", "gpt=rate_limited:5000", "spare=rate_limited:5000", within_ms=2000)["trial"]
    assert [each["then"] for each in answer["attempts"]] == ["other", "fallback", "deadline"]
    assert (answer["caller"]["status"], answer["ended_ms"]) == (429, 0)
    assert "whose caller waits 2s" in next(way({"trial": answer}))


def test_several_places_are_several_ways_and_a_seed_draws_one() -> None:
    first = {steps(tried("shared", seed=seed))[0][0] for seed in range(20)}
    assert first == {"gpt", "own"}
    assert tried("shared")["trial"]["one_of_several"]
    assert "seed 3" in list(way(tried("shared", seed=3)))[-1]
    assert tried("shared", seed=3) == tried("shared", seed=3)
    assert not tried("smart")["trial"]["one_of_several"]


def test_a_provider_stands_for_all_that_it_has_and_what_is_not_on_the_way_is_told() -> None:
    direct = tried("groq/any", "groq=overloaded")
    assert direct["trial"]["attempts"][0]["class"] == "overloaded"
    assert tried("smart", "own=down")["trial"]["not_on_the_way"] == ["own"]
    assert steps(tried("smart", "openai=down", "gpt=slow")) == [("gpt", "good", None)], "the deployment's own counts"


ABLE = SMART.replace("model: llama,", "model: llama, capabilities: [tools],").replace(
    "model: llama-3.3-70b-versatile", "model: llama-3.3-70b-versatile, capabilities: []"
)


def needing(model: str, *needs: str) -> dict[str, Any]:
    trial: dict[str, Any] = {"stream": False, "tokens": 0, "seed": None, "if": [], "needs": needs}
    answer: dict[str, Any] = json.loads(
        _native.explain(document(ABLE), json.dumps({"model": model, "trial": trial}).encode())
    )
    return answer


def test_a_call_that_needs_something_goes_where_it_can_be_had() -> None:
    assert steps(needing("shared", "images"))[0][0] == "gpt"
    answer = needing("shared", "images", "tools")
    assert [unfit(answer, 0, place) for place in (0, 1)] == ["fits", "does not fit: it cannot do images"]
    assert unfit(needing("shared"), 0, 0) is None, "nothing is asked of it"
    first = next(way(answer))
    assert first == "a call without a stream that needs images and tools, if all goes well, from a fresh start:"


def test_a_call_that_fits_nowhere_is_told_who_could_take_it() -> None:
    caller = needing("alone", "tools", "reasoning")["trial"]["caller"]
    assert (caller["status"], caller["code"], caller["should_retry"]) == (400, "capability_missing", False)
    assert caller["message"] == (
        "This call needs tools and reasoning, and `spare` cannot do tools and reasoning; "
        "you may ask for `smart` (with `gpt`) or `shared` (with `gpt`)"
    )


def test_a_need_that_is_none_is_told_with_what_there_is() -> None:
    with pytest.raises(_native.PlanError, match=r"(?s)`imges` is nothing .* did you mean `images`. There is `tools`"):
        needing("smart", "imges")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            "gtp=down",
            "no deployment or provider `gtp`; did you mean `gpt`? The policy has the deployments `gpt`, `spare`",
        ),
        ("gpt=dwon", "`dwon` is nothing that a provider does; did you mean `down`? There is `down`, `unavailable`"),
        ("gpt=quota", "did you mean `quota_spent`?"),
        ("gpt=xyzzyx", "a provider does. There is `down`"),
        ("gpt=down:5", "`down` is no answer"),
    ],
)
def test_a_condition_that_is_none_is_told_with_what_there_is(condition: str, text: str) -> None:
    with pytest.raises(_native.PlanError, match="(?s)" + text.replace("?", r"\?").replace(".", r"\.")):
        tried("smart", condition)


def test_two_things_said_of_one_target_are_refused() -> None:
    with pytest.raises(_native.PlanError, match="two things are said of `gpt`"):
        tried("smart", "gpt=down", "gpt=slow")
