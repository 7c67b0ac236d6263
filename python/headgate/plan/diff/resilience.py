"""How calls are guarded: timeouts, retries, and what becomes of streams; for aliases and for models named outright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.config.units import show_duration, show_share, show_size
from headgate.plan.diff.change import Change, for_callers, for_operators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Show = Callable[[Any], str]

TIMEOUTS = {
    "connect_ms": "a connection for {} may take {}",
    "first_token_ms": "the first token of a stream of {} may take {}",
    "idle_ms": "a stream of {} may be silent for {}",
    "attempt_ms": "one try of a call of {} may take {}",
    "total_ms": "a call of {} that is not streamed may take {}",
    "stream_total_ms": "a stream of {} may last {}",
}
_RETRY: dict[str, tuple[str, Show]] = {
    "max_attempts": ("a call of {} is tried at most {} at one deployment", lambda tries: _times(tries)),
    "max_attempts_per_call": ("a call of {} is tried at most {} in all", lambda tries: _times(tries)),
    "base_ms": ("the first pause before a call of {} is tried again is up to {}", show_duration),
    "throttled_base_ms": ("the same pause after a provider asked for fewer calls of {} is up to {}", show_duration),
    "cap_ms": ("a later pause before a call of {} is tried again is up to {}", show_duration),
    "wait_ms": ("a provider may ask a call of {} to wait for up to {}", show_duration),
}
_DISCONNECT = {"cancel": "cancelled", "drain": "read on for a while", "finish": "read to its end"}
_AFFINITY = {"off": "nothing", "session": "their session", "prefix": "the beginning of their prompt"}
_WORDS: dict[str, tuple[str, Show]] = {
    "on_disconnect": ("when callers of {} have left, their call is {}", lambda word: _DISCONNECT[word]),
    "on_cut": ("a stream of {} that the provider cuts {}", lambda word: f"{word}s" if word == "continue" else "fails"),
    "coalesce": ("identical calls of {} at the same time share one: {}", lambda on: "yes" if on else "no"),
    "resume_bytes": ("callers of {} can take a stream up again: {}", lambda size: _unless_none(size, show_size)),
    "keep_alive_ms": (
        "callers of {} that wait for a stream get a comment: {}",
        lambda length: _unless_none(length, lambda ms: f"after {show_duration(ms)}"),
    ),
    "hedge": ("calls of {} get a second try while the first is open: {}", lambda hedge: _hedge(hedge)),
    "affinity": ("calls of {} are kept at one place by {}", lambda word: _AFFINITY[word]),
}
_PRIORITY = {
    "low": "calls of {} are now among the first to be refused when the gateway is full",
    "normal": "calls of {} are no longer among the first to be refused when the gateway is full",
}
_BREAKER: dict[str, tuple[str, Show]] = {
    "consecutive": ("breakers of {} open after {} in a row", lambda count: f"{count} failures"),
    "ratio_permille": ("breakers of {} open when {} of the calls fail", show_share),
    "slow_first_token_ms": ("breakers of {} count a first token after {} as slow", show_duration),
    "slow_permille": ("breakers of {} open when {} of the streams are slow", show_share),
    "window_ms": ("breakers of {} look at the last {}", show_duration),
    "min_calls": ("breakers of {} look at shares from {} on", lambda count: f"{count} calls"),
    "open_ms": ("breakers of {} stay open for {} at first", show_duration),
    "open_cap_ms": ("breakers of {} stay open for {} at most", show_duration),
    "probe_ms": (
        "while breakers of {} are open, it is asked whether it is back: {}",
        lambda every: _unless_none(every, lambda ms: f"every {show_duration(ms)}"),
    ),
}
_BUDGET: dict[str, tuple[str, Show]] = {
    "retry_permille": ("retries at {} may be {} of its calls", show_share),
    "retry_floor_per_second": ("retries at {} are always allowed up to {}", lambda count: f"{count} each second"),
    "max_concurrency": ("each credential of {} takes up to {} of one model", lambda count: f"{count} calls at once"),
}


def calls(subject: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """What callers of an alias, or of models named outright, feel."""
    durations: dict[str, tuple[str, Show]] = {name: (text, show_duration) for name, text in TIMEOUTS.items()}
    for table, was, now in (
        (durations, old["timeouts"], new["timeouts"]),
        (_RETRY, old["retry"], new["retry"]),
        (_WORDS, old, new),
    ):
        yield from map(for_callers, _told(table, subject, was, now))
    if old["priority"] != new["priority"]:
        yield for_callers(_PRIORITY[new["priority"]].format(subject))


def provider(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """What guards a provider."""
    yield from map(for_operators, _told(_BREAKER, f"`{name}`", old["breaker"], new["breaker"]))
    yield from map(for_operators, _told(_BUDGET, f"`{name}`", old, new))


def _told(table: dict[str, tuple[str, Show]], subject: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for field, (sentence, show) in table.items():
        if old[field] != new[field]:
            yield f"{sentence.format(subject, show(new[field]))} (was {show(old[field])})"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _unless_none(value: Any, show: Show) -> str:  # noqa: ANN401 - any JSON value
    return "off" if value is None else show(value)


def _hedge(hedge: dict[str, Any] | None) -> str:
    if hedge is None:
        return "off"
    after = hedge["after"]
    when = "95 % of late" if after == "p95" else show_duration(after["ms"])
    calls, spend = show_share(hedge["max_share_permille"]), show_share(hedge["max_spend_permille"])
    return f"after {when}, for {calls} of the calls and {spend} of the spend at most"
