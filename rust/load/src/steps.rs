//! The time series: what ended in each step, and how long it took.
//!
//! A load may have a hundred thousand steps, so their distributions are coarse (a step in value is 1/64 of the value) and
//! kept as the few counts that are not zero.

use crate::hist::us;
use serde_json::{Value, json};

/// Sub-steps of each power of two.
const FINE: u32 = 64;
/// Nanoseconds that are not told apart: 1024, so that the finest sub-steps are about 1 us.
const UNIT_BITS: u32 = 10;

/// Counts by the size of a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coarse {
    counts: Vec<u32>,
}

impl Coarse {
    fn record(&mut self, ns: u64) {
        let place = place_of(ns);
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        self.counts[place] += 1;
    }

    fn add(&mut self, sparse: &Sparse) {
        for &(place, count) in sparse {
            let place = usize::from(place);
            if place >= self.counts.len() {
                self.counts.resize(place + 1, 0);
            }
            self.counts[place] += count;
        }
    }

    /// The time that a share of all does not exceed, in microseconds; `None`: there is none.
    fn at(&self, share: f64) -> Option<f64> {
        let total: u64 = self.counts.iter().copied().map(u64::from).sum();
        let wanted = crate::clock::whole((crate::clock::real(total) * share).ceil()).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        Some(us(middle_of(place)))
    }

    fn take_sparse(&mut self) -> Sparse {
        let full = (0_u16..).zip(&self.counts).filter(|(_, count)| **count > 0);
        let sparse = full.map(|(place, count)| (place, *count)).collect();
        self.counts.fill(0);
        sparse
    }
}

type Sparse = Box<[(u16, u32)]>;

fn place_of(ns: u64) -> usize {
    let value = ns >> UNIT_BITS;
    let power = (value / u64::from(FINE)).checked_ilog2().map_or(0, |power| power + 1);
    let shift = power.saturating_sub(1);
    let fine = usize::try_from(value >> shift).unwrap_or(0);
    // Below 2 * FINE values stand for themselves; above, each power of two has FINE places.
    (shift as usize * FINE as usize) + fine
}

fn middle_of(place: usize) -> u64 {
    let fine = FINE as usize;
    let shift = (place / fine).saturating_sub(1);
    let value = (place - shift * fine) as u64;
    ((value << shift) << UNIT_BITS) + ((1 << shift) << UNIT_BITS) / 2
}

/// One step, closed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    index: u64,
    sent: u64,
    good: u64,
    failed: u64,
    latency: Sparse,
    ttft: Sparse,
}

/// The steps of one thread.
#[derive(Debug)]
pub(crate) struct Steps {
    start_ns: u64,
    step_ns: u64,
    open: Step,
    latency: Coarse,
    ttft: Coarse,
    closed: Vec<Step>,
}

impl Steps {
    /// Steps of `step_ns` from `start_ns` on.
    pub(crate) fn new(start_ns: u64, step_ns: u64) -> Self {
        let (latency, ttft) = (Coarse::default(), Coarse::default());
        Self { start_ns, step_ns, open: Step::default(), latency, ttft, closed: Vec::new() }
    }

    pub(crate) fn sent(&mut self, at: u64) {
        self.reach(at);
        self.open.sent += 1;
    }

    /// A call that ended at `at`; its times only if it was good.
    pub(crate) fn ended(&mut self, at: u64, times: Option<(u64, Option<u64>)>) {
        self.reach(at);
        let Some((latency, ttft)) = times else {
            self.open.failed += 1;
            return;
        };
        self.open.good += 1;
        self.latency.record(latency);
        if let Some(ttft) = ttft {
            self.ttft.record(ttft);
        }
    }

    /// Closes all steps before `at`.
    pub(crate) fn reach(&mut self, at: u64) {
        let index = at.saturating_sub(self.start_ns) / self.step_ns;
        if index > self.open.index {
            self.close(index);
        }
    }

    fn close(&mut self, next: u64) {
        let mut step = std::mem::replace(&mut self.open, Step { index: next, ..Step::default() });
        if step.sent + step.good + step.failed > 0 {
            (step.latency, step.ttft) = (self.latency.take_sparse(), self.ttft.take_sparse());
            self.closed.push(step);
        }
    }

    /// All steps, when nothing more comes.
    pub(crate) fn finish(&mut self) {
        self.close(self.open.index + 1);
    }

    /// The last step that is over.
    pub(crate) fn last(&self) -> Option<&Step> {
        self.closed.last()
    }
}

/// The series over all threads.
pub(crate) fn report(threads: &[&Steps]) -> Value {
    let mut steps: Vec<&Step> = threads.iter().flat_map(|steps| &steps.closed).collect();
    steps.sort_by_key(|step| step.index);
    let same = steps.chunk_by(|a, b| a.index == b.index);
    let step_ns = threads.first().map_or(0, |steps| steps.step_ns);
    same.map(|same| merged(same, step_ns)).collect()
}

fn merged(same: &[&Step], step_ns: u64) -> Value {
    let (mut latency, mut ttft) = (Coarse::default(), Coarse::default());
    for step in same {
        latency.add(&step.latency);
        ttft.add(&step.ttft);
    }
    let sum = |of: fn(&Step) -> u64| same.iter().map(|step| of(step)).sum::<u64>();
    let end_ms = us((same.first().map_or(0, |step| step.index) + 1) * step_ns) / 1000.0;
    json!({
        "at_ms": end_ms, "sent": sum(|s| s.sent), "good": sum(|s| s.good), "failed": sum(|s| s.failed),
        "p50_us": latency.at(0.5), "p99_us": latency.at(0.99), "ttft_p50_us": ttft.at(0.5),
    })
}

/// The newest of these steps, over all threads; an empty one before there is any.
pub(crate) fn newest(steps: &[&Step]) -> Value {
    let newest = steps.iter().map(|step| step.index).max();
    let same: Vec<&Step> = steps.iter().copied().filter(|step| Some(step.index) == newest).collect();
    merged(&same, 0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_place_of_its_own_size() {
        let mut last = 0;
        for ns in (0..200_000_u64).chain((18..45).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 999]))
        {
            let place = place_of(ns);
            assert!(place >= last, "{ns}");
            last = place;
            let middle = middle_of(place);
            assert!(middle.abs_diff(ns) <= 1024 + ns / 64, "{ns}: {middle}");
        }
        assert!(u16::try_from(place_of(u64::MAX)).is_ok());
    }

    #[test]
    fn steps_hold_what_was_sent_and_ended_in_them_over_all_threads() {
        let mut threads = [Steps::new(1000, 1_000_000), Steps::new(1000, 1_000_000)];
        threads[0].sent(1000);
        threads[0].ended(500_000, Some((100_000, Some(50_000))));
        threads[0].ended(4_100_000, None);
        threads[1].sent(900_000);
        threads[1].ended(4_200_000, Some((300_000, None)));
        threads.iter_mut().for_each(Steps::finish);
        let series = report(&[&threads[0], &threads[1]]);
        let at = |row: usize, name: &str| series[row][name].as_f64().unwrap();
        assert_eq!(series.as_array().unwrap().len(), 2, "{series}");
        assert_eq!((at(0, "at_ms"), at(0, "sent"), at(0, "good"), at(0, "failed")), (1.0, 2.0, 1.0, 0.0));
        assert_eq!((at(1, "at_ms"), at(1, "sent"), at(1, "good"), at(1, "failed")), (5.0, 0.0, 1.0, 1.0));
        assert!((at(0, "p50_us") - 100.0).abs() < 2.0 && (at(1, "p99_us") - 300.0).abs() < 5.0, "{series}");
        assert!(series[1]["ttft_p50_us"].is_null());
    }
}
