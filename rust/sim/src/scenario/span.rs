//! Durations with their unit, as the policy writes them.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::time::Duration;

/// A duration such as `250ms`, `10s`, `2m` or `1h`; at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Units in milliseconds; `ms` before `m` and `s`, which it ends in or begins with.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const MOST_MS: u64 = 366 * 24 * 3_600_000;

impl Span {
    /// Reads one; `None` when it is not a whole number with a unit.
    fn read(text: &str) -> Option<Self> {
        let (digits, unit) = UNITS.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)))?;
        let ms = digits.parse::<u64>().ok()?.checked_mul(*unit)?;
        (ms <= MOST_MS).then_some(Self(Duration::from_millis(ms)))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit, such as `250ms`, `10s`, `2m` or `1h`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
        Span::read(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_needed_and_understood() {
        let ms = |text| Span::read(text).map(|span| span.0.as_millis());
        assert_eq!(["250ms", "10s", "2m", "1h", "0s"].map(ms), [250, 10_000, 120_000, 3_600_000, 0].map(Some));
        for wrong in ["", "10", "s", "-1s", "1.5s", "10 s", "1d", "99999999999999999999s", "9000h0s", "999999h"] {
            assert_eq!(Span::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_bare_number_is_told_what_is_expected() {
        let told = serde_json::from_str::<Span>("10").map_err(|error| error.to_string());
        assert!(told.is_err_and(|told| told.contains("such as `250ms`")));
    }
}
