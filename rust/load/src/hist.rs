//! Distributions of times: 100 ns steps, three significant digits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};
use serde_json::{Value, json};

/// Nanoseconds in one step.
const STEP_NS: u64 = 100;
/// Steps in a microsecond.
const STEPS_PER_US: f64 = 10.0;
/// The longest time that is told apart: a day.
const LONGEST: u64 = 24 * 3600 * 1_000_000_000 / STEP_NS;

/// A distribution; its memory is taken with the first value.
#[derive(Debug, Default)]
pub(crate) struct Hist {
    steps: Option<Histogram<u64>>,
    sum_ns: f64,
    min_ns: u64,
    max_ns: u64,
}

impl Hist {
    /// Adds a time.
    pub(crate) fn record(&mut self, ns: u64) {
        let Some(steps) = &mut self.steps else {
            // The bounds and the digits are such as it takes.
            self.steps = Histogram::new_with_bounds(1, LONGEST, 3).ok();
            self.min_ns = u64::MAX;
            if self.steps.is_some() {
                self.record(ns);
            }
            return;
        };
        steps.saturating_record((ns + STEP_NS / 2) / STEP_NS);
        self.sum_ns += crate::clock::real(ns);
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// The sum of all times, in nanoseconds.
    pub(crate) const fn sum_ns(&self) -> f64 {
        self.sum_ns
    }

    /// Adds all of another.
    pub(crate) fn add(&mut self, other: &Self) {
        let Some(steps) = &other.steps else { return };
        if let Some(own) = &mut self.steps {
            // Cannot fail: both have the same bounds.
            let _ = own.add(steps);
        } else {
            (self.steps, self.min_ns) = (Some(steps.clone()), u64::MAX);
        }
        self.sum_ns += other.sum_ns;
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// As results show it, in microseconds; `null` when there is nothing in it.
    pub(crate) fn report(&self) -> Value {
        let Some(steps) = self.steps.as_ref().filter(|steps| !steps.is_empty()) else { return Value::Null };
        let at = |quantile: f64| self.at(steps, quantile);
        let mut log = Vec::new();
        // Writing to memory cannot fail.
        let _ = V2DeflateSerializer::new().serialize(steps, &mut log);
        json!({
            "count": steps.len(),
            "mean_us": round(self.sum_ns / count(steps.len()) / 1000.0),
            "min_us": us(self.min_ns), "max_us": us(self.max_ns),
            "p50_us": at(0.5), "p90_us": at(0.9), "p99_us": at(0.99), "p999_us": at(0.999), "p9999_us": at(0.9999),
            "curve": curve().map(|share| (share, at(share))).collect::<Vec<_>>(),
            "hdr": STANDARD.encode(log),
        })
    }

    fn at(&self, steps: &Histogram<u64>, quantile: f64) -> f64 {
        let value = count(steps.value_at_quantile(quantile)) / STEPS_PER_US;
        round(value.clamp(us(self.min_ns), us(self.max_ns)))
    }
}

/// Shares from 0 to 1, denser at the tail.
fn curve() -> impl Iterator<Item = f64> {
    let decade = |from: f64, step: f64, steps: i32| (0..steps).map(move |n| step.mul_add(f64::from(n), from));
    let shares = decade(0.0, 0.04, 23).chain(decade(0.92, 0.01, 7)).chain(decade(0.99, 0.001, 9));
    let shares = shares.chain(decade(0.999, 0.0001, 9)).chain(decade(0.9999, 0.00001, 9)).chain([0.99999, 1.0]);
    shares.map(|share| (share * 1e5).round() / 1e5)
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
const fn count(number: u64) -> f64 {
    number as f64
}

/// Microseconds of so many nanoseconds, in steps of 0.1.
pub(crate) fn us(ns: u64) -> f64 {
    round(count(ns) / 1000.0)
}

fn round(us: f64) -> f64 {
    (us * STEPS_PER_US).round() / STEPS_PER_US
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;

    fn filled(times: impl Iterator<Item = u64>) -> Hist {
        let mut hist = Hist::default();
        times.for_each(|ns| hist.record(ns));
        hist
    }

    #[test]
    fn quantiles_mean_and_bounds_are_those_of_what_was_recorded() {
        let report = filled((1..=10_000).map(|n| n * 1000)).report();
        assert_eq!(report["count"], 10_000);
        for (name, expected) in [("mean_us", 5000.5), ("min_us", 1.0), ("max_us", 10_000.0), ("p50_us", 5000.0)] {
            let value = report[name].as_f64().unwrap();
            assert!((value - expected).abs() <= expected / 1000.0, "{name}: {value}");
        }
        assert!((report["p9999_us"].as_f64().unwrap() - 9999.0).abs() < 10.0);
    }

    #[test]
    fn the_curve_rises_from_the_least_to_the_most_in_about_sixty_points() {
        let report = filled((1..=1000).map(|n| n * n * 100)).report();
        let curve: Vec<(f64, f64)> = serde_json::from_value(report["curve"].clone()).unwrap();
        assert!((50..=70).contains(&curve.len()), "{}", curve.len());
        assert!(curve.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1));
        assert_eq!((curve[0].0, curve[curve.len() - 1]), (0.0, (1.0, report["max_us"].as_f64().unwrap())));
    }

    #[test]
    fn the_log_can_be_read_by_others_and_merging_loses_nothing() {
        let (mut all, other) = (filled((1..500).map(|n| n * 1000)), filled((500..=1000).map(|n| n * 1000)));
        all.add(&other);
        all.add(&Hist::default());
        let mut empty = Hist::default();
        empty.add(&all);
        assert_eq!(empty.report(), all.report());
        let log = STANDARD.decode(all.report()["hdr"].as_str().unwrap()).unwrap();
        let read: Histogram<u64> =
            hdrhistogram::serialization::Deserializer::deserialize(&mut Deserializer::new(), &mut log.as_slice())
                .unwrap();
        assert_eq!((read.len(), Some(read)), (1000, all.steps));
        assert_eq!(Hist::default().report(), Value::Null);
    }
}
