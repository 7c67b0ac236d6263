//! The pause that a provider asks for, and how much of its quota it says is left. Headers in, numbers out.
//!
//! Everything here is another's word: what is negative, in the past or no number counts as not said, and no pause is
//! longer than a day. Moments are taken relative to the answer's own `date`, so that a provider's clock may be wrong;
//! only without one are they compared with ours.

mod quota;
mod value;

pub use quota::remaining_permille;

use http1::Headers;
use std::time::Duration;

/// No pause is longer. A quota that lasts longer than a day is asked about again after one.
const CAP: Duration = Duration::from_hours(24);
const MS_NS: u64 = 1_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// How long the provider asks not to be called: for an answer that says "too many", or that a quota is used up.
///
/// What it [asks for](asked), or else when the limit that is nearest to its end starts anew: most providers state their
/// limits on every answer, and none says which of them refused the call. `unix_now_ms` is our clock.
pub fn of(headers: &Headers, unix_now_ms: u64) -> Option<Duration> {
    asked(headers, unix_now_ms).or_else(|| quota::reset(headers, sent_ms(headers, unix_now_ms)).map(at_most_a_day))
}

/// How long the provider asks not to be called, in so many words: for any other answer, where a limit that starts anew
/// in six minutes means nothing.
///
/// `retry-after-ms`, then `retry-after`: seconds, which may have a fraction, or a date. Zero is an answer: at once.
/// Source: RFC 9110, 10.2.3; the order and the fractions: OpenAI's and Anthropic's SDKs.
pub fn asked(headers: &Headers, unix_now_ms: u64) -> Option<Duration> {
    let in_ms = headers.get("retry-after-ms").and_then(|text| value::number(text, MS_NS));
    let pause = in_ms.or_else(|| {
        let text = headers.get("retry-after")?;
        value::number(text, SECOND_NS).or_else(|| until(value::moment_ms(text)?, sent_ms(headers, unix_now_ms)))
    })?;
    Some(at_most_a_day(pause))
}

/// When the answer was sent, by its own clock; else now, by ours.
fn sent_ms(headers: &Headers, unix_now_ms: u64) -> u64 {
    headers.get("date").and_then(value::moment_ms).unwrap_or(unix_now_ms)
}

/// `None`: it has passed.
fn until(moment_ms: u64, sent_ms: u64) -> Option<Duration> {
    moment_ms.checked_sub(sent_ms).map(Duration::from_millis)
}

fn at_most_a_day(pause: Duration) -> Duration {
    pause.min(CAP)
}

#[cfg(test)]
mod tests;
