"""How calls are guarded: timeouts, retries, breakers and the rest, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.plan import document

if TYPE_CHECKING:
    from headgate.config import sections


def lower(section: sections.Resilience) -> document.Resilience:
    """What guards the calls of an alias (whose own words were put in already), or those that go through none."""
    return document.Resilience(
        timeouts=timeouts(section.timeouts),
        retry=_retry(section.retry),
        hedge=None if section.hedge == "off" else _hedge(section.hedge),
        on_disconnect=section.on_disconnect,
        on_cut=section.on_cut,
        coalesce=section.coalesce == "on",
        resume_bytes=None if section.resume == "off" else section.resume.buffer,
        keep_alive_ms=None if section.keep_alive == "off" else section.keep_alive,
        priority=section.priority,
        affinity=section.affinity,
    )


def timeouts(section: sections.Timeouts) -> document.Timeouts:
    """Timeouts in milliseconds."""
    return document.Timeouts(
        connect_ms=section.connect,
        first_token_ms=section.first_token,
        idle_ms=section.idle,
        attempt_ms=section.attempt,
        total_ms=section.total,
        stream_total_ms=section.stream_total,
    )


def breaker(section: sections.Breaker) -> document.Breaker:
    """When a breaker opens, and for how long."""
    return document.Breaker(
        consecutive=section.consecutive,
        ratio_permille=section.ratio,
        slow_first_token_ms=section.slow.first_token,
        slow_permille=section.slow.ratio,
        window_ms=section.window,
        min_calls=section.min_calls,
        open_ms=section.open,
        open_cap_ms=section.open_cap,
        probe_ms=None if section.probe == "off" else section.probe,
    )


def _retry(section: sections.Retry) -> document.Retry:
    """Tries and pauses; the budget is the provider's."""
    return document.Retry(
        max_attempts=section.max_attempts,
        max_attempts_per_call=section.max_attempts_per_call,
        base_ms=section.base,
        throttled_base_ms=section.throttled_base,
        cap_ms=section.cap,
        wait_ms=section.wait,
    )


def _hedge(section: sections.Hedge) -> document.Hedge:
    after = document.Ms(section.after) if isinstance(section.after, int) else section.after
    return document.Hedge(after=after, max_share_permille=section.max_share, max_spend_permille=section.max_spend)
