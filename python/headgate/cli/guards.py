"""What guards a call, as lines for people: the part of `explain` that is about `resilience`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.config.units import show_duration, show_share, show_size

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUTS: Final = ("connect", "first_token", "idle", "attempt", "total", "stream_total")
_DISCONNECT: Final = {
    "cancel": "the call is cancelled",
    "drain": "the answer is read on for a while",
    "finish": "the answer is read to its end",
}


_AFFINITY: Final = {
    "session": "calls of one session (`x-session-id`, or `prompt_cache_key` in the body)",
    "prefix": "calls whose prompts begin alike",
}


def guards(answer: dict[str, Any]) -> Iterator[str]:
    """The lines, from an answer of `explain` that leads somewhere."""
    guard = answer["resilience"]
    limits, retry = guard["timeouts"], guard["retry"]
    yield "timeouts: " + ", ".join(f"{name} {show_duration(limits[f'{name}_ms'])}" for name in _TIMEOUTS)
    yield (
        "one deadline holds for the call with all its tries and pauses; a caller shortens it with headgate-timeout-ms, "
        "and a provider is told in the same header what is left"
    )
    yield (
        f"tries: at most {retry['max_attempts']} at one deployment and {retry['max_attempts_per_call']} in all; "
        f"pauses up to {show_duration(retry['base_ms'])} ({show_duration(retry['throttled_base_ms'])} after a 429), "
        f"doubled up to {show_duration(retry['cap_ms'])}; a provider's own pause up to "
        f"{show_duration(retry['wait_ms'])}"
    )
    yield f"when the caller has left, {_DISCONNECT[guard['on_disconnect']]}" + "".join(_more(guard))
    for name, provider in answer["providers"].items():
        yield f"{name}: {_provider(provider)}"


def _more(guard: dict[str, Any]) -> Iterator[str]:
    """What is not as in most policies."""
    if guard["on_cut"] == "continue":
        yield "; a cut stream of plain text is continued once"
    if hedge := guard["hedge"]:
        after = hedge["after"]
        when = "95 % of late" if after == "p95" else show_duration(after["ms"])
        yield (
            f"; a second try elsewhere in the step when the first token takes longer than {when}, for "
            f"{show_share(hedge['max_share_permille'])} of the calls and "
            f"{show_share(hedge['max_spend_permille'])} of the spend at most"
        )
    if guard["coalesce"]:
        yield "; identical calls share one"
    if guard["resume_bytes"] is not None:
        yield f"; the last {show_size(guard['resume_bytes'])} of a stream can be taken up again"
    if guard["keep_alive_ms"] is not None:
        yield f"; a comment after {show_duration(guard['keep_alive_ms'])} of silence"
    if guard["priority"] == "low":
        yield "; refused first when the gateway is full"
    if by := _AFFINITY.get(guard["affinity"]):
        yield f"; within a step, {by} keep to one deployment, endpoint and credential while there is room"


def _provider(provider: dict[str, Any]) -> str:
    breaker = provider["breaker"]
    probe = breaker["probe_ms"]
    asked = "" if probe is None else f", asked every {show_duration(probe)} meanwhile whether it is back"
    return (
        f"breakers open after {breaker['consecutive']} failures in a row, or when of {breaker['min_calls']} calls or "
        f"more in {show_duration(breaker['window_ms'])} {show_share(breaker['ratio_permille'])} fail or "
        f"{show_share(breaker['slow_permille'])} take longer than {show_duration(breaker['slow_first_token_ms'])} to "
        f"the first token; they stay open for {show_duration(breaker['open_ms'])} to "
        f"{show_duration(breaker['open_cap_ms'])}{asked}; retries are at most "
        f"{show_share(provider['retry_permille'])} of its calls, or {provider['retry_floor_per_second']} each second"
    )
