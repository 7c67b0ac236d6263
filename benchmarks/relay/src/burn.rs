//! Work that does nothing but take its time.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

/// So much time of the processor, each time it is spent.
#[derive(Clone, Copy)]
pub(crate) struct Burn(Duration);

impl Burn {
    /// Nothing, and no look at the clock either.
    pub(crate) const NONE: Self = Self::new(0);

    /// So many nanoseconds.
    pub(crate) const fn new(nanoseconds: u64) -> Self {
        Self(Duration::from_nanos(nanoseconds))
    }

    /// Spins until the time is over.
    pub(crate) fn spend(self) {
        if self.0.is_zero() {
            return;
        }
        let start = Instant::now();
        while Instant::now().duration_since(start) < self.0 {
            spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burn_takes_at_least_its_time() {
        let start = Instant::now();
        Burn::new(2_000_000).spend();
        assert!(Instant::now().duration_since(start) >= Duration::from_millis(2));
        Burn::NONE.spend();
    }
}
