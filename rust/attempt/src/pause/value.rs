//! Values of headers: numbers, spans of time, moments.

use std::time::{Duration, UNIX_EPOCH};

/// Billionths in one.
const ONE: u128 = 1_000_000_000;

/// Units of a span, the longer name first where one starts with the other.
const UNITS: [(&[u8], u64); 8] = [
    (b"ns", 1),
    (b"us", 1_000),
    ("µs".as_bytes(), 1_000),
    (b"ms", 1_000_000),
    (b"s", 1_000_000_000),
    (b"m", 60_000_000_000),
    (b"h", 3_600_000_000_000),
    (b"d", 86_400_000_000_000),
];

/// A number of `unit_ns` nanoseconds each: `20`, `0.5`. Without sign or exponent; a larger one than can be is the
/// largest.
pub(super) fn number(text: &[u8], unit_ns: u64) -> Option<Duration> {
    match decimal(text)? {
        (billionths, []) => Some(scaled(billionths, unit_ns)),
        _ => None,
    }
}

/// A span of time as Go writes it: `20ms`, `6m0s`, `2m59.56s`.
pub(super) fn span(text: &[u8]) -> Option<Duration> {
    let (mut sum, mut rest) = (Duration::ZERO, text);
    loop {
        let (billionths, after) = decimal(rest)?;
        let (name, unit_ns) = UNITS.iter().find(|(name, _)| after.starts_with(name))?;
        sum = sum.saturating_add(scaled(billionths, *unit_ns));
        rest = &after[name.len()..];
        if rest.is_empty() {
            return Some(sum);
        }
    }
}

/// A moment as HTTP or RFC 3339 writes it, in milliseconds since 1970; `None` for those before.
pub(super) fn moment_ms(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(date) = httpdate::parse_http_date(text) {
        return u64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok();
    }
    u64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()
}

/// A number without unit, its fraction cut off.
pub(super) fn count(text: &[u8]) -> Option<u64> {
    match decimal(text)? {
        (billionths, []) => u64::try_from(billionths / ONE).ok(),
        _ => None,
    }
}

/// The decimal number at the front of `text` in billionths, and what follows it. At least one digit.
fn decimal(text: &[u8]) -> Option<(u128, &[u8])> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => digits(rest),
        _ => (&[][..], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let read = |digits: &[u8]| {
        digits.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let places = 9_usize.saturating_sub(fraction.len());
    let fraction = (0..places).fold(read(fraction), |sum, _| sum * 10);
    Some((u128::from(read(whole)) * ONE + u128::from(fraction), rest))
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}

fn scaled(billionths: u128, unit_ns: u64) -> Duration {
    let ns = billionths.saturating_mul(u128::from(unit_ns)) / ONE;
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}
