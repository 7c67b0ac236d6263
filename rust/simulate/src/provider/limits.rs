//! Requests and tokens of one credential in a minute.

use crate::scenario::Capacity;
use crate::time::SECOND;
use std::cell::Cell;

const MINUTE_NS: u64 = 60 * SECOND;
/// What was not used may come at once later, for so long.
const BURST_NS: u64 = 10 * SECOND;

/// Both limits. A request is counted against both, or against neither.
pub(crate) struct Limits {
    requests: Option<Meter>,
    tokens: Option<Meter>,
}

/// One limit as a leaky bucket: when it would be empty, if nothing more came.
///
/// Source: the generic cell rate algorithm, ITU-T I.371.
struct Meter {
    /// Nanoseconds for a thousand units, so that millions a minute do not round to nothing.
    thousand_ns: u64,
    empty_at: Cell<u64>,
}

impl Limits {
    /// The limits of a credential.
    pub(crate) fn new(capacity: &Capacity) -> Self {
        Self {
            requests: capacity.requests_per_minute.map(Meter::new),
            tokens: capacity.tokens_per_minute.map(Meter::new),
        }
    }

    /// Takes one request of so many tokens; what remains, per mille of a burst, where there is a limit. Else how long
    /// to wait, in nanoseconds.
    pub(crate) fn take(&self, now_ns: u64, tokens: u64) -> Result<Option<u32>, u64> {
        let meters = [(&self.requests, 1), (&self.tokens, tokens)];
        let known = || meters.iter().filter_map(|(meter, units)| Some((meter.as_ref()?, *units)));
        let wait = known().map(|(meter, units)| meter.wait(now_ns, units)).max().unwrap_or(0);
        if wait > 0 {
            return Err(wait);
        }
        Ok(known().map(|(meter, units)| meter.add(now_ns, units)).min())
    }
}

impl Meter {
    fn new(per_minute: u64) -> Self {
        Self { thousand_ns: (MINUTE_NS * 1000).checked_div(per_minute).unwrap_or(u64::MAX), empty_at: Cell::new(0) }
    }

    fn cost(&self, units: u64) -> u64 {
        self.thousand_ns.saturating_mul(units) / 1000
    }

    /// How long until there is room. More than a whole burst fits when all is empty: else it never would.
    fn wait(&self, now_ns: u64, units: u64) -> u64 {
        let full_at = self.empty_at.get().max(now_ns).saturating_add(self.cost(units).min(BURST_NS));
        full_at.saturating_sub(now_ns.saturating_add(BURST_NS))
    }

    /// Adds it; what remains of a burst, per mille.
    fn add(&self, now_ns: u64, units: u64) -> u32 {
        self.empty_at.set(self.empty_at.get().max(now_ns).saturating_add(self.cost(units)));
        let left = (now_ns + BURST_NS).saturating_sub(self.empty_at.get());
        u32::try_from(left.saturating_mul(1000) / BURST_NS).unwrap_or(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limits(requests: Option<u64>, tokens: Option<u64>) -> Limits {
        let capacity = Capacity {
            concurrency: None,
            queue: 0,
            requests_per_minute: requests,
            tokens_per_minute: tokens,
            retry_after: true,
        };
        Limits::new(&capacity)
    }

    #[test]
    fn ten_seconds_worth_comes_at_once_and_then_the_rate() {
        let limits = limits(Some(600), None);
        let at_once = (0..1000).take_while(|_| limits.take(0, 1).is_ok()).count();
        assert_eq!(at_once, 100);
        assert_eq!(limits.take(0, 1), Err(100_000_000), "a tenth of a second");
        assert_eq!(limits.take(100_000_000, 1), Ok(Some(0)));
    }

    #[test]
    fn a_request_that_one_limit_refuses_is_not_counted_by_the_other() {
        let limits = limits(Some(600), Some(6000));
        assert!(limits.take(0, 1000).is_ok(), "all that tokens may be at once");
        assert!(limits.take(0, 10).is_err());
        let remaining = limits.take(20 * SECOND, 1).expect("empty again").expect("limited");
        assert_eq!(remaining, 990, "one request of a hundred; the one that was refused is not among them");
    }

    #[test]
    fn nothing_is_limited_where_nothing_is_said() {
        assert_eq!(limits(None, None).take(0, u64::MAX), Ok(None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn whoever_waits_as_told_gets_in_and_nobody_gets_more_than_rate_and_burst(
            per_minute in 1_u64..1_000_000,
            steps in prop::collection::vec((0_u64..5_000_000_000, 1_u64..2000), 1..50),
        ) {
            let limits = limits(None, Some(per_minute));
            let (mut now, mut taken) = (0_u64, 0_u64);
            let mut largest = 0_u64;
            for (wait, units) in steps {
                now += wait;
                if let Err(told) = limits.take(now, units) {
                    now += told;
                    prop_assert!(limits.take(now, units).is_ok());
                }
                taken += units;
                largest = largest.max(units);
            }
            let allowed = u128::from(per_minute) * u128::from(now + BURST_NS) / u128::from(MINUTE_NS);
            prop_assert!(u128::from(taken) <= allowed + u128::from(largest) + 50);
        }
    }
}
