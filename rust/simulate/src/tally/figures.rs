//! One number for each question.

use super::Tally;
use super::phases::Phase;
use super::timeline::rank;
use crate::time::ratio;
use serde::Serialize;

/// What a world came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// Callers.
    pub(crate) offered: u64,
    pub(crate) good: u64,
    pub(crate) failed: u64,
    pub(crate) cut: u64,
    pub(crate) left: u64,
    /// Good callers, as a share of those who did not leave.
    pub(crate) goodput: f64,
    /// Calls, those included that callers sent again.
    pub(crate) calls: u64,
    pub(crate) attempts: u64,
    pub(crate) retries: u64,
    /// Attempts that were sent while another was open, and of these those that were first.
    pub(crate) hedges: u64,
    pub(crate) hedges_won: u64,
    /// Attempts for each call.
    pub(crate) amplification: f64,
    /// The same over the worst ten seconds with at least ten calls.
    pub(crate) amplification_peak: f64,
    /// From arrival to the first content, of good callers.
    pub(crate) first_token_us: Option<Quantiles>,
    /// From arrival to the attempt that served: what failed attempts and waiting cost.
    pub(crate) added_us: Option<Quantiles>,
    /// Times that a health key went out of service.
    pub(crate) openings: u64,
    /// Attempts that a rule of the scenario changed.
    pub(crate) faults: u64,
    pub(crate) spend_nanousd: u64,
    pub(crate) wasted_nanousd: u64,
    /// Attempts with content whose price is not known.
    pub(crate) unpriced: u64,
    /// The slowest recovery of all phases; none where one did not recover, or none ended.
    pub(crate) recovery_s: Option<u64>,
    /// Phases that ended and were not recovered from.
    pub(crate) unrecovered: u64,
    /// The worst of all phases.
    pub(crate) overshoot: Option<f64>,
}

/// A distribution, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50: u32,
    pub(crate) p90: u32,
    pub(crate) p99: u32,
    pub(crate) p999: u32,
    pub(crate) max: u32,
}

impl Quantiles {
    fn of(values: &mut [u32]) -> Option<Self> {
        values.sort_unstable();
        let at = |share| values.get(rank(values.len(), share)).copied();
        Some(Self { p50: at(0.5)?, p90: at(0.9)?, p99: at(0.99)?, p999: at(0.999)?, max: at(1.0)? })
    }
}

impl Figures {
    /// Reads them off a tally whose callers came for so many seconds; sorts its samples.
    pub(crate) fn of(tally: &mut Tally, phases: &[Phase], seconds: usize) -> Self {
        let callers = tally.callers;
        let attempts: u64 = tally.providers.iter().map(|books| books.attempts).sum();
        let ended = || phases.iter().filter(|phase| phase.until_s.is_some());
        let unrecovered = ended().filter(|phase| phase.recovery_s.is_none()).count() as u64;
        let slowest = ended().filter_map(|phase| phase.recovery_s).max();
        Self {
            offered: callers.offered,
            good: callers.good,
            failed: callers.failed,
            cut: callers.cut,
            left: callers.left,
            goodput: ratio(callers.good, callers.offered - callers.left),
            calls: tally.calls,
            attempts,
            retries: tally.providers.iter().map(|books| books.retries).sum(),
            hedges: tally.providers.iter().map(|books| books.hedges).sum(),
            hedges_won: tally.providers.iter().map(|books| books.hedges_won).sum(),
            amplification: ratio(attempts, tally.calls),
            amplification_peak: peak(tally, seconds),
            first_token_us: Quantiles::of(&mut tally.first_tokens),
            added_us: Quantiles::of(&mut tally.added),
            openings: tally.openings,
            faults: tally.faults,
            spend_nanousd: tally.providers.iter().map(|books| books.spend_nanousd).sum(),
            wasted_nanousd: tally.providers.iter().map(|books| books.wasted_nanousd).sum(),
            unpriced: tally.providers.iter().map(|books| books.unpriced).sum(),
            recovery_s: slowest.filter(|_| unrecovered == 0),
            unrecovered,
            overshoot: ended().filter_map(|phase| phase.overshoot).reduce(f64::max),
        }
    }
}

/// Attempts for each call over the worst ten seconds in which callers came: those that are made after the last call
/// have no calls to be held against.
fn peak(tally: &Tally, seconds: usize) -> f64 {
    let rows = tally.timeline.seconds().iter().take(seconds);
    let calls: Vec<u64> = rows.map(|second| u64::from(second.calls)).collect();
    let attempts = tally.timeline.attempts();
    let windows = calls.windows(10).zip(attempts.windows(10)).map(|(calls, attempts)| {
        let calls: u64 = calls.iter().sum();
        let attempts: u64 = attempts.iter().copied().map(u64::from).sum();
        if calls < 10 { 0.0 } else { ratio(attempts, calls) }
    });
    windows.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let mut values: Vec<u32> = (1..=1000).rev().collect();
        let expected = Quantiles { p50: 500, p90: 900, p99: 990, p999: 999, max: 1000 };
        assert_eq!(Quantiles::of(&mut values), Some(expected));
        assert_eq!(Quantiles::of(&mut [7]).map(|all| (all.p50, all.max)), Some((7, 7)));
        assert_eq!(Quantiles::of(&mut []), None);
    }
}
