//! The clocks: one for when things happen, one for what they cost.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`, which a provider on the same machine stamps its events with.
pub(crate) fn now() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Nanoseconds of processor time that the calling thread has used.
pub(crate) fn thread_cpu() -> u64 {
    nanos(clock_gettime(ClockId::ThreadCPUTime))
}

fn nanos(time: Timespec) -> u64 {
    let part = |value: i64| u64::try_from(value).unwrap_or(0);
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}

/// Nanoseconds of so many milliseconds.
pub(crate) const fn of_ms(ms: u64) -> u64 {
    ms.saturating_mul(1_000_000)
}

/// Whole nanoseconds; what is below 0 or no number is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates, as is meant")]
pub(crate) const fn whole(ns: f64) -> u64 {
    ns as u64
}

/// As a floating-point number; exact for 104 days.
#[expect(clippy::cast_precision_loss, reason = "loads are shorter than 104 days")]
pub(crate) const fn real(ns: u64) -> f64 {
    ns as f64
}
