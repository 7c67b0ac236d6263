//! The right to make one attempt, and the duty to say how it went.

use super::window::{Event, Tick};

/// A permit for one attempt: what was counted where, as plain data. Most attempts hold several, so it is small and owns
/// nothing: whoever holds one owes its key [`Health::settle`](super::Health::settle), or
/// [`Health::give_back`](super::Health::give_back) where nothing was learnt.
#[derive(Debug)]
#[must_use = "the key waits to hear of it"]
pub struct Permit {
    pub(super) generation: u64,
    /// The tick in which it was counted as sent.
    pub(super) sent: Tick,
    /// As what, and in which tick, it was counted as answered.
    pub(super) answered: Option<(Event, Tick)>,
    /// Whether it holds the key's one probe.
    pub(super) is_probe: bool,
}

impl Permit {
    /// Whether the attempt is the key's probe, and no other can be while it lasts.
    pub const fn is_probe(&self) -> bool {
        self.is_probe
    }
}
