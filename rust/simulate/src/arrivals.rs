//! When callers come: at random, at a rate that follows the scenario's curve.

use crate::caller;
use crate::fleet::Fleet;
use crate::rng::Stream;
use crate::scenario::RatePoint;
use crate::time::{MS, of_ms_f64};
use random::Rng;
use std::rc::Rc;

/// Lets callers in until the end.
pub(crate) async fn run(fleet: Rc<Fleet>, until_ns: u64) {
    let scenario = Rc::clone(&fleet);
    let mut process = Process::new(&scenario.scenario.rate, fleet.seed);
    let mut number = 0;
    while let Some(at_ns) = process.next().filter(|at| *at < until_ns) {
        fleet.executor.sleep_until(at_ns).await;
        fleet.executor.spawn(caller::run(Rc::clone(&fleet), number));
        number += 1;
    }
}

/// A Poisson process whose rate changes.
///
/// Source: Lewis and Shedler, "Simulation of nonhomogeneous Poisson processes by thinning", 1979.
struct Process<'a> {
    curve: &'a [RatePoint],
    most: f64,
    now_ns: u64,
    rng: Rng,
}

impl<'a> Process<'a> {
    fn new(curve: &'a [RatePoint], seed: u64) -> Self {
        let most = curve.iter().map(|point| point.per_second).fold(0.0, f64::max);
        Self { curve, most, now_ns: 0, rng: Stream::Arrivals.rng(seed) }
    }
}

impl Iterator for Process<'_> {
    type Item = u64;

    /// The next arrival; none where nobody ever comes again.
    fn next(&mut self) -> Option<u64> {
        let last = self.curve.last()?;
        loop {
            if self.most <= 0.0 || (last.per_second <= 0.0 && self.now_ns / MS > last.at_ms) {
                return None;
            }
            let gap_ns = of_ms_f64(1000.0 * self.rng.exponential() / self.most);
            self.now_ns = self.now_ns.saturating_add(gap_ns.max(1));
            if self.rng.unit() * self.most <= rate(self.curve, self.now_ns) {
                return Some(self.now_ns);
            }
        }
    }
}

/// Callers a second at a time: straight lines between the points.
#[expect(clippy::cast_precision_loss, reason = "times of a simulation in milliseconds are far below 2^53")]
fn rate(curve: &[RatePoint], at_ns: u64) -> f64 {
    let after = curve.partition_point(|point| point.at_ms.saturating_mul(MS) <= at_ns);
    let (before, next) = (after.checked_sub(1).and_then(|index| curve.get(index)), curve.get(after));
    match (before, next) {
        (Some(before), Some(next)) => {
            let part = (at_ns as f64 / 1e6 - before.at_ms as f64) / (next.at_ms - before.at_ms) as f64;
            before.per_second + (next.per_second - before.per_second) * part
        }
        (Some(only), None) | (None, Some(only)) => only.per_second,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SECOND;

    fn point(at_ms: u64, per_second: f64) -> RatePoint {
        RatePoint { at_ms, per_second }
    }

    fn arrivals(curve: &[RatePoint], until_s: u64) -> Vec<u64> {
        Process::new(curve, 7).take_while(|at| *at < until_s * SECOND).collect()
    }

    #[test]
    fn a_level_rate_brings_as_many_as_it_says_with_gaps_at_random() {
        let found = arrivals(&[point(0, 100.0)], 100);
        assert!((9700..10_300).contains(&found.len()), "{}", found.len());
        let short = found.windows(2).filter(|pair| pair[1] - pair[0] < 10 * MS).count();
        assert!((6000..6700).contains(&short), "1 - 1/e of the gaps are below the mean: {short}");
    }

    #[test]
    fn the_rate_follows_its_curve() {
        let curve = [point(0, 0.0), point(10_000, 200.0), point(20_000, 200.0), point(20_001, 0.0)];
        let found = arrivals(&curve, 100);
        let within = |from: u64, until: u64| found.iter().filter(|at| (from..until).contains(&(**at / SECOND))).count();
        assert!((900..1100).contains(&within(0, 10)), "{}", within(0, 10));
        assert!((1850..2150).contains(&within(10, 20)), "{}", within(10, 20));
        assert_eq!(within(21, 100), 0);
    }

    #[test]
    fn nobody_comes_where_the_rate_is_nought() {
        assert_eq!(arrivals(&[point(0, 0.0)], 10), [0; 0]);
    }
}
