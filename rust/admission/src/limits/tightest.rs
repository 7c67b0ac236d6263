//! What callers are told of the limits in a while that they have.

use super::gather::{Limits, Met};
use super::rule::Measured;
use crate::account::{Now, State};

/// How a limit in a while stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// How much there is in each period.
    pub limit: u64,
    /// How much is left.
    pub left: u64,
    /// How much there would be at most.
    size: u64,
    /// In how long all of it is there again, in nanoseconds.
    pub reset_ns: u64,
}

/// The tightest limits in a while: those with the least share left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tightest {
    /// Of requests.
    pub requests: Option<Remaining>,
    /// Of tokens.
    pub tokens: Option<Remaining>,
}

impl Tightest {
    /// Of what a call meets. Limits that only observe are not told.
    pub fn of<'a>(limits: &Limits, meets: impl Iterator<Item = &'a Met>, now: Now) -> Self {
        let mut shown = Self::default();
        for met in meets {
            let Some(rule) = limits.rules.get(met.rule).filter(|rule| rule.enforce) else { continue };
            let Some(State::Rate(bucket)) = met.account.as_ref().map(|account| &account.state) else { continue };
            let (pace, tightest) = match rule.measured {
                Measured::Requests(pace) => (pace, &mut shown.requests),
                Measured::Tokens(pace) => (pace, &mut shown.tokens),
                _ => continue,
            };
            let left = bucket.left(pace, now.steady_ns);
            let this =
                Remaining { limit: pace.amount(), left, size: pace.size(), reset_ns: bucket.full_in_ns(now.steady_ns) };
            if tightest.is_none_or(|other| this.is_tighter_than(other)) {
                *tightest = Some(this);
            }
        }
        shown
    }

    /// Whether there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none()
    }
}

impl Remaining {
    fn is_tighter_than(self, other: Self) -> bool {
        u128::from(self.left) * u128::from(other.size) < u128::from(other.left) * u128::from(self.size)
    }
}
