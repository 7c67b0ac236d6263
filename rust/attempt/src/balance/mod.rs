//! Which place of a step a call goes to next.
//!
//! [`pick`] chooses among the places that are in service: by weight, or the better of two that are drawn by weight
//! ("power of two choices": nearly as even as looking at all of them, and processes that do not know of each other do
//! not all run to the same place). [`affine`] chooses the same place for the same session or prompt as long as that
//! place is not loaded, since its prompt cache is there. Both are functions of what they are given: no clock, no
//! randomness and no memory of their own. What is remembered is the [`Load`] of each target, in atomics.
//!
//! Invariants: what was tried, or is out, is never chosen. Nothing here allocates.
//!
//! Not here: health (what makes a place [`Usable`] or not), and going from one step to the next.

mod affinity;
mod load;
mod pick;
mod pool;
#[cfg(test)]
mod tests;

pub use affinity::{affine, hash};
pub use load::{Load, REFUSAL_NS};
pub use pick::pick;

/// The most places that a step has; more are never chosen.
pub const MAX_PLACES: usize = 64;

/// One place among those that share a step's calls.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Its weight; at least 1.
    pub weight: u32,
    /// Its price: nano-dollars for a million tokens in and a million out. Unknown is the highest number, not 0.
    pub price_nano: u64,
    /// How busy it is.
    pub load: &'a Load,
    /// Whether calls may go there.
    pub usable: Usable,
    /// How much of its weight it has back after an outage, per mille; 1000 in normal times, at least 1.
    pub share_permille: u32,
}

/// Whether calls may go to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usable {
    /// They may.
    In,
    /// Out until then (nanoseconds) by a signal that some calls survive (many failures, or slow): used all the same when more than
    /// half of the weight would be out. A caller with somewhere better to go says [`Usable::Out`].
    Soft(u64),
    /// Out until then.
    Out(u64),
}

impl Usable {
    /// A number to compare by: what is in comes first, then what is out softly, each by when it is expected back.
    pub const fn rank(&self) -> (u8, u64) {
        match *self {
            Self::In => (0, 0),
            Self::Soft(until_ns) => (1, until_ns),
            Self::Out(until_ns) => (2, until_ns),
        }
    }

    /// When it is expected back, in nanoseconds; 0 when it is in.
    pub const fn until_ns(&self) -> u64 {
        self.rank().1
    }
}

impl Place<'_> {
    /// What it counts in draws: its weight as far as it has it back. Never 0, so what is in service can be drawn.
    fn pull(&self) -> u64 {
        u64::from(self.weight.max(1)) * u64::from(self.share_permille.clamp(1, 1000))
    }
}
