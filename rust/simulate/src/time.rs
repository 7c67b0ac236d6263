//! Times and counts from one form to another. Virtual times are nanoseconds in 64 bits: 584 years.

/// A millisecond.
pub(crate) const MS: u64 = 1_000_000;
/// A second.
pub(crate) const SECOND: u64 = 1000 * MS;

/// Milliseconds as nanoseconds; what does not fit is as long as there is.
pub(crate) const fn of_ms(ms: u64) -> u64 {
    ms.saturating_mul(MS)
}

/// Milliseconds with a fraction, never negative, as nanoseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and NaN is 0")]
pub(crate) fn of_ms_f64(ms: f64) -> u64 {
    (ms * 1e6) as u64
}

/// Nanoseconds as seconds, for what is told.
#[expect(clippy::cast_precision_loss, reason = "told with milliseconds at most")]
pub(crate) fn seconds(ns: u64) -> f64 {
    (ns / 1000) as f64 / 1e6
}

/// Nanoseconds as whole microseconds: more than an hour in 32 bits.
pub(crate) fn micros(ns: u64) -> u32 {
    u32::try_from(ns / 1000).unwrap_or(u32::MAX)
}

/// A quotient of counts; 0 where there is nothing to divide by.
#[expect(clippy::cast_precision_loss, reason = "counts of a simulation are far below 2^53")]
pub(crate) fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}
