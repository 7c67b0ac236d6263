//! Random quantities, as scenarios spell them.

use crate::rng::{exponential, normal};
use serde::Deserialize;

/// A random quantity, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same: `{"fixed": 20}`.
    Fixed(f64),
    /// Evenly between two values.
    Uniform {
        /// The least.
        low: f64,
        /// The most.
        high: f64,
    },
    /// The usual shape of latencies and lengths.
    Lognormal {
        /// Half of the values are below it.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Without memory.
    Exponential {
        /// The mean.
        mean: f64,
    },
}

impl Distribution {
    /// The most that is drawn: an hour's milliseconds.
    pub const MOST: f64 = 3_600_000.0;

    /// Whether its values hold together; the sentence says what does not.
    pub fn check(self) -> Result<(), String> {
        let values = match self {
            Self::Fixed(value) => [value, value],
            Self::Uniform { low, high } if low <= high => [low, high],
            Self::Uniform { low, high } => return Err(format!("low {low} is above high {high}")),
            Self::Lognormal { median, sigma } => [median, sigma],
            Self::Exponential { mean } => [mean, mean],
        };
        let bad = values.into_iter().find(|value| !(0.0..=Self::MOST).contains(value));
        bad.map_or(Ok(()), |value| Err(format!("{value} is not within 0..={}", Self::MOST)))
    }

    /// One value, from numbers evenly spread over 0 <= x < 1.
    pub fn sample(self, unit: &mut impl FnMut() -> f64) -> f64 {
        let value = match self {
            Self::Fixed(value) => value,
            Self::Uniform { low, high } => low + (high - low) * unit(),
            Self::Lognormal { median, sigma } => median * (sigma * normal(unit)).exp(),
            Self::Exponential { mean } => mean * exponential(unit),
        };
        value.clamp(0.0, Self::MOST)
    }

    /// One value as a count, rounded.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sample() is within 0..=3 600 000")]
    pub fn sample_count(self, unit: &mut impl FnMut() -> f64) -> u32 {
        self.sample(unit).round() as u32
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn each_form_has_the_middle_that_was_asked_for() {
        let forms = [
            (r#"{"fixed": 200}"#, 200.0),
            (r#"{"uniform": {"low": 100, "high": 300}}"#, 200.0),
            (r#"{"lognormal": {"median": 200, "sigma": 0.5}}"#, 200.0),
            (r#"{"exponential": {"mean": 200}}"#, 200.0 * std::f64::consts::LN_2),
        ];
        for (form, median) in forms {
            let form: Distribution = serde_json::from_str(form).expect("good");
            let mut rng = Rng::of(1, 1);
            let mut drawn: Vec<f64> = (0..10_001).map(|_| form.sample(&mut || rng.unit())).collect();
            drawn.sort_by(f64::total_cmp);
            assert!((drawn[5000] / median - 1.0).abs() < 0.05, "{form:?}: {}", drawn[5000]);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(Distribution::Uniform { low: 2.0, high: 1.0 }.check().is_err());
        assert!(Distribution::Fixed(-1.0).check().is_err());
        assert!(Distribution::Exponential { mean: f64::NAN }.check().is_err());
        assert!(Distribution::Fixed(0.0).check().is_ok());
    }
}
