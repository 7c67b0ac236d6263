//! What was used before this process began, counted again by the code that counts calls.

use super::ask::{Ask, Used};
use super::gather::{Limits, Who};
use super::reserve::Ticket;
use crate::account::Now;
use smallvec::SmallVec;
use std::sync::Arc;

/// One attempt of the past.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Who made the call.
    pub who: Who<'a>,
    /// Where the attempt went: a deployment, if it has one, and its provider. None of them: the call did not get so far.
    pub target: Option<(Option<usize>, usize)>,
    /// Whether it is the first of its call: the request counts once.
    pub is_first: bool,
    /// What it has used.
    pub used: Used,
    /// When it was settled, in nanoseconds since 1970.
    pub unix_ns: u64,
}

impl Limits {
    /// Counts an attempt of the past, whether or not there is room. Attempts come in the order of their time.
    ///
    /// Before the process began the steady clock is the system's, so it goes on from there.
    pub fn replay(self: &Arc<Self>, past: &Past<'_>) {
        let now = Now { steady_ns: past.unix_ns, unix_ns: past.unix_ns };
        let (deployment, provider) = past.target.unwrap_or((None, usize::MAX));
        let at_target: SmallVec<_> = self.met_at(deployment, provider).cloned().collect();
        for (meets, is_counted) in [(self.met_by(&past.who, now), past.is_first), (at_target, true)] {
            let mut reservation = self.reserve_anyway(meets, Ask::default(), Ticket { id: 0, deadline_ns: 0 }, now);
            if is_counted {
                reservation.sends();
            }
            // Warnings of the past have been given.
            let _given = reservation.charge(past.used, now);
            let _given = reservation.end(now);
        }
    }
}
