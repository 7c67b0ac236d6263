//! Who draws from which numbers.

use random::Rng;

/// Who draws. Each draws from a stream of its own, so that what one draws does not depend on what others do: two
/// policies under one seed meet the same callers, at the same times.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    /// When callers come.
    Arrivals,
    /// What the n-th caller wants, and how it behaves.
    Caller(u32),
    /// What a provider does with the n-th attempt for a caller.
    Visit(u32, u32),
    /// The order of attempts of one replica.
    Replica(u32),
    /// Rules that are drawn by the seed.
    Rules,
}

impl Stream {
    fn number(self) -> u64 {
        match self {
            Self::Arrivals => 1,
            Self::Rules => 2,
            Self::Replica(number) => 1 << 40 | u64::from(number),
            Self::Caller(number) => 2 << 40 | u64::from(number),
            Self::Visit(caller, number) => (3 << 40 | u64::from(caller)).wrapping_add(u64::from(number) << 48),
        }
    }

    /// The generator of this stream.
    pub(crate) fn rng(self, seed: u64) -> Rng {
        Rng::of(seed, self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn streams_of_one_seed_differ_and_one_stream_repeats() {
        let streams = [
            Stream::Arrivals,
            Stream::Rules,
            Stream::Replica(0),
            Stream::Replica(1),
            Stream::Caller(0),
            Stream::Caller(1),
            Stream::Visit(0, 1),
            Stream::Visit(0, 2),
            Stream::Visit(1, 1),
        ];
        let first: HashSet<_> = streams.iter().map(|stream| stream.rng(7).bits()).collect();
        assert_eq!(first.len(), streams.len());
        assert_eq!(Stream::Visit(1, 1).rng(7).bits(), Stream::Visit(1, 1).rng(7).bits());
        assert_ne!(Stream::Arrivals.rng(7).bits(), Stream::Arrivals.rng(8).bits());
    }
}
