//! When calls are due: a function of the spec and the seed alone, never of what the target does.

use crate::clock::{of_ms, real, whole};
use crate::spec::{Arrivals, Calls, Spec};
use random::Rng;
use std::sync::Arc;

/// A call that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Nanoseconds since the start of the load.
    pub(crate) at_ns: u64,
    /// Which call, as a count; beyond the last one it starts again from the first.
    pub(crate) call: u64,
}

/// The arrivals of one thread, in order.
#[derive(Debug)]
pub(crate) struct Schedule {
    pace: Pace,
    /// Of the next arrival, over all threads.
    index: u64,
    threads: u64,
    end_ns: u64,
}

#[derive(Debug)]
enum Pace {
    Constant { gap_ns: f64 },
    Poisson { rng: Rng, gap_ns: f64, at_ns: f64 },
    Ramp(Ramp),
    Trace(Arc<[(u64, u64)]>),
}

/// The times of a trace with their calls, in order; empty for other loads.
pub(crate) fn trace(spec: &Spec) -> Arc<[(u64, u64)]> {
    let (Arrivals::Trace { speed }, Calls::Each { calls }) = (&spec.arrivals, &spec.calls) else { return Arc::new([]) };
    let at = |at_ms: Option<f64>| whole(at_ms.unwrap_or(0.0) * 1e6 / speed);
    let mut times: Vec<_> = (0..).zip(calls).map(|(index, call)| (at(call.at_ms), index)).collect();
    times.sort_unstable();
    times.into()
}

impl Schedule {
    /// The share of thread `thread`; `None` for loads whose calls wait for answers.
    pub(crate) fn of(spec: &Spec, trace: &Arc<[(u64, u64)]>, thread: u64) -> Option<Self> {
        let threads = spec.threads as u64;
        let pace = match spec.arrivals {
            Arrivals::Closed { .. } | Arrivals::Users { .. } => return None,
            Arrivals::Constant { per_second } => Pace::Constant { gap_ns: 1e9 / per_second },
            Arrivals::Poisson { per_second } => Pace::Poisson {
                rng: Rng::of(spec.seed, thread),
                // A share of independent arrivals is independent arrivals at a share of the rate.
                gap_ns: 1e9 / per_second * real(threads),
                at_ns: 0.0,
            },
            Arrivals::Ramp { from_per_second, to_per_second } => Pace::Ramp(Ramp {
                from: from_per_second / 1e9,
                to: to_per_second / 1e9,
                warmup_ns: real(of_ms(spec.warmup_ms)),
                duration_ns: real(of_ms(spec.duration_ms)),
            }),
            Arrivals::Trace { .. } => Pace::Trace(Arc::clone(trace)),
        };
        Some(Self { pace, index: thread, threads, end_ns: of_ms(spec.warmup_ms + spec.duration_ms) })
    }
}

impl Iterator for Schedule {
    type Item = Due;

    fn next(&mut self) -> Option<Due> {
        let index = self.index;
        let due = match &mut self.pace {
            Pace::Constant { gap_ns } => Due { at_ns: whole(real(index) * *gap_ns), call: index },
            Pace::Poisson { rng, gap_ns, at_ns } => {
                *at_ns += rng.exponential() * *gap_ns;
                Due { at_ns: whole(*at_ns), call: index }
            }
            Pace::Ramp(ramp) => Due { at_ns: ramp.time_of(real(index))?, call: index },
            Pace::Trace(times) => {
                let &(at_ns, call) = times.get(usize::try_from(index).ok()?)?;
                Due { at_ns, call }
            }
        };
        self.index += self.threads;
        (due.at_ns < self.end_ns).then_some(due)
    }
}

/// A rate that stands at `from` for the warm-up and then goes evenly to `to`; both per nanosecond.
#[derive(Debug)]
struct Ramp {
    from: f64,
    to: f64,
    warmup_ns: f64,
    duration_ns: f64,
}

impl Ramp {
    /// When `count` calls are due; `None`: never.
    ///
    /// The calls after the warm-up are `from * t + (to - from) / (2 * duration) * t^2`; its root is taken in the form
    /// that stays exact when both rates are alike.
    fn time_of(&self, count: f64) -> Option<u64> {
        let before = self.from * self.warmup_ns;
        if count < before {
            return Some(whole(count / self.from));
        }
        let (count, curve) = (count - before, (self.to - self.from) / (2.0 * self.duration_ns));
        let root = self.from.mul_add(self.from, 4.0 * curve * count);
        if root < 0.0 {
            return None;
        }
        let since = if count > 0.0 { 2.0 * count / (self.from + root.sqrt()) } else { 0.0 };
        Some(whole(self.warmup_ns + since))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::cast_precision_loss, reason = "tests fail by panicking, and count small things")]
mod tests {
    use super::*;
    use crate::tests_support::spec;
    use serde_json::{Value, json};

    fn arrivals(arrivals: &Value, threads: u64, thread: u64) -> Vec<Due> {
        let calls: Vec<_> =
            [30.0, 10.0, 20.0, 5000.0].map(|at| json!({"path": "/x", "body": "{}", "headers": [], "at_ms": at})).into();
        let spec = spec(&json!({
            "arrivals": arrivals, "threads": threads, "duration_ms": 1000, "warmup_ms": 500, "seed": 7,
            "calls": {"kind": "each", "calls": calls},
        }));
        spec.check().unwrap();
        Schedule::of(&spec, &trace(&spec), thread).unwrap().collect()
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced_up_to_the_end_and_shared_between_threads() {
        let rate = json!({"kind": "constant", "per_second": 1000.0});
        let all = arrivals(&rate, 1, 0);
        assert_eq!(all.len(), 1500);
        assert!(all.iter().enumerate().all(|(index, due)| due.at_ns == index as u64 * 1_000_000));
        let mut shared: Vec<_> = (0..3).flat_map(|thread| arrivals(&rate, 3, thread)).collect();
        shared.sort_unstable_by_key(|due| due.at_ns);
        assert_eq!(shared, all);
    }

    #[test]
    fn poisson_arrivals_have_their_mean_and_their_spread_and_repeat_with_the_seed() {
        let rate = json!({"kind": "poisson", "per_second": 20_000.0});
        let all = arrivals(&rate, 1, 0);
        assert_eq!(all, arrivals(&rate, 1, 0));
        let gaps: Vec<_> = all.windows(2).map(|pair| (pair[1].at_ns - pair[0].at_ns) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let deviation = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((mean - 50_000.0).abs() < 1500.0, "{mean}");
        assert!((deviation - mean).abs() < 0.05 * mean, "an exponential gap deviates by its mean: {deviation}, {mean}");
        let halves: Vec<_> = (0..2).map(|thread| arrivals(&rate, 2, thread)).collect();
        assert_ne!(halves[0], halves[1]);
        assert!((halves[0].len() as f64 - 15_000.0).abs() < 500.0);
    }

    #[test]
    fn a_ramp_spends_its_warm_up_at_the_first_rate_and_then_goes_evenly_to_the_second() {
        for (from, to, after) in [(100.0, 1000.0, 550), (1000.0, 0.0, 500), (0.0, 1000.0, 500), (200.0, 200.0, 200)] {
            let all = arrivals(&json!({"kind": "ramp", "from_per_second": from, "to_per_second": to}), 1, 0);
            let (before, counted): (Vec<&Due>, Vec<&Due>) = all.iter().partition(|due: &&Due| due.at_ns < 500_000_000);
            assert!((before.len() as f64 - from / 2.0).abs() <= 1.0, "{from} {to}: {}", before.len());
            assert!(counted.len().abs_diff(after) <= 1, "{from} {to}: {}", counted.len());
            assert!(all.is_sorted_by_key(|due| due.at_ns));
            let half = counted.iter().filter(|due| due.at_ns < 1_000_000_000).count() as f64;
            assert!((half - (from.mul_add(0.75, to * 0.25)) / 2.0).abs() <= 1.0, "{from} {to}: {half}");
        }
    }

    #[test]
    fn a_trace_is_sent_in_the_order_of_its_times_scaled_and_without_what_lies_behind_the_end() {
        let all = arrivals(&json!({"kind": "trace", "speed": 2.0}), 1, 0);
        let due = |at_ns, call| Due { at_ns, call };
        assert_eq!(all, [due(5_000_000, 1), due(10_000_000, 2), due(15_000_000, 0)]);
        assert_eq!(arrivals(&json!({"kind": "trace", "speed": 2.0}), 2, 1), [due(10_000_000, 2)]);
    }
}
