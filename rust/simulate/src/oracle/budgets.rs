//! Retries stay within the budget, over any window: counted again, with windows that slide exactly.

use super::Violations;
use crate::time::{MS, SECOND};
use plan::Provider;
use std::collections::VecDeque;

/// The budget's window.
const WINDOW_NS: u64 = 10 * SECOND;
/// The gateway's window goes in steps of a second: what it forgets early, it may grant once more.
const STEP_NS: u64 = SECOND;
/// How long attempts are remembered.
const KEPT_NS: u64 = WINDOW_NS + STEP_NS;

/// The attempts of one replica at one provider.
pub(super) struct Budget {
    name: String,
    permille: u64,
    floor: u64,
    firsts: VecDeque<u64>,
    retries: VecDeque<u64>,
}

impl Budget {
    pub(super) fn new(provider: &Provider) -> Self {
        Self {
            name: provider.id.clone(),
            permille: u64::from(provider.retry_permille),
            floor: u64::from(provider.retry_floor_per_second),
            firsts: VecDeque::new(),
            retries: VecDeque::new(),
        }
    }

    /// A call's first attempt at this provider.
    pub(super) fn first(&mut self, now_ns: u64) {
        self.firsts.push_back(now_ns);
        forget(&mut self.firsts, now_ns, KEPT_NS);
    }

    /// A further one, when it is sent: whatever pause was before it.
    pub(super) fn retry(&mut self, now_ns: u64, violations: &mut Violations) {
        self.retries.push_back(now_ns);
        forget(&mut self.retries, now_ns, KEPT_NS);
        forget(&mut self.firsts, now_ns, KEPT_NS);
        if let Some((retries, firsts, allowed)) = self.over(now_ns) {
            let window = (WINDOW_NS - STEP_NS) / MS;
            violations.add("O4", now_ns, || {
                format!(
                    "{}: {retries} retries within {window} ms for {firsts} first attempts; {allowed} are allowed",
                    self.name
                )
            });
        }
    }

    /// Retries, first attempts and retries allowed in the window that ends then, where there are too many.
    fn over(&self, end_ns: u64) -> Option<(u64, u64, u64)> {
        let within = |times: &VecDeque<u64>, window_ns: u64| {
            let from = times.partition_point(|at| at.saturating_add(window_ns) <= end_ns);
            (times.len() - from) as u64
        };
        let retries = within(&self.retries, WINDOW_NS - STEP_NS);
        let firsts = within(&self.firsts, WINDOW_NS + STEP_NS);
        let allowed = firsts * self.permille / 1000 + self.floor * (WINDOW_NS / SECOND);
        (retries > allowed).then_some((retries, firsts, allowed))
    }
}

/// Forgets what was so long ago.
fn forget(times: &mut VecDeque<u64>, now_ns: u64, window_ns: u64) {
    while times.front().is_some_and(|at| at.saturating_add(window_ns) <= now_ns) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(&crate::sample::plan().providers[0])
    }

    #[test]
    fn so_many_retries_as_the_floor_and_the_share_of_first_attempts_allow_are_right() {
        let (mut budget, mut violations) = (budget(), Violations::default());
        (0..100).for_each(|_| budget.first(0));
        (0..40).for_each(|_| budget.retry(SECOND, &mut violations));
        assert_eq!(violations.count, 0, "10 % of 100, and 3 a second for ten seconds");
        budget.retry(SECOND, &mut violations);
        assert_eq!(violations.count, 1);
    }

    #[test]
    fn what_was_long_ago_counts_no_more() {
        let (mut budget, mut violations) = (budget(), Violations::default());
        for second in 0..100 {
            (0..3).for_each(|_| budget.retry(second * SECOND, &mut violations));
        }
        assert_eq!(violations.count, 0);
        (0..100).for_each(|_| budget.first(100 * SECOND));
        (0..13).for_each(|_| budget.retry(112 * SECOND, &mut violations));
        assert_eq!(violations.count, 0);
        (0..18).for_each(|_| budget.retry(112 * SECOND, &mut violations));
        assert_eq!(violations.count, 1, "31 retries, for which only the floor is left");
    }
}
