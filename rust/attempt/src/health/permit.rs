//! The right to make one attempt, and the duty to say how it went.

use super::breaker::Trial;
use super::key::Health;
use super::state::{Settled, Transition};
use super::window::Event;
use std::fmt;
use std::sync::Arc;

/// What is known of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    pub(super) generation: u64,
    /// The tick in which it was counted as sent.
    pub(super) sent: u64,
    /// Whether it holds the key's one probe.
    pub(super) is_probe: bool,
    /// As what, and in which tick, it was counted as answered.
    pub(super) answered: Option<(Event, u64)>,
}

/// A permit for one attempt. Dropped, it is given back, and nothing was learnt.
#[must_use = "a permit that is dropped teaches nothing"]
pub struct Permit {
    health: Arc<Health>,
    ticket: Ticket,
    is_settled: bool,
}

impl Permit {
    pub(super) fn new(health: Arc<Health>, ticket: Ticket) -> Self {
        Self { health, ticket, is_settled: false }
    }

    /// Whether the attempt is the key's probe, and no other can be while it lasts.
    pub fn is_probe(&self) -> bool {
        self.ticket.is_probe
    }

    /// The key.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Tells that the answer has begun: `first_token_ns` after the attempt was sent, where there is such a thing.
    ///
    /// For streams, whose end may be minutes away: it ends the probe, and it ends failures in a row. Without it,
    /// [`Permit::settle`] makes up for it. A second one is not heard.
    pub fn commit(
        &mut self,
        now_ns: u64,
        first_token_ns: Option<u64>,
        draw: &mut dyn FnMut(u64) -> u64,
    ) -> Option<Transition> {
        self.health.answered(&mut self.ticket, now_ns, first_token_ns, draw)
    }

    /// Says how the attempt went. `draw` jitters the time of an opening.
    pub fn settle(mut self, now_ns: u64, result: Settled, draw: &mut dyn FnMut(u64) -> u64) -> Option<Transition> {
        self.is_settled = true;
        let Self { health, ticket, .. } = &mut self;
        match result {
            Settled::Success { first_token_ns } => {
                let transition = health.answered(ticket, now_ns, first_token_ns, draw);
                health.ended(ticket, now_ns);
                transition
            }
            Settled::Failure => health.failed(ticket, now_ns, Trial::Failed, draw),
            Settled::RateLimited => health.failed(ticket, now_ns, Trial::RateLimited, draw),
            Settled::Nothing => {
                health.forget(ticket);
                None
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_settled {
            self.health.forget(&self.ticket);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}
