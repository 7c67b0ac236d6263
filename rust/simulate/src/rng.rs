//! Randomness that repeats: one seed, one history.

/// A small generator (splitmix64). Not for secrets.
///
/// Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

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
}

impl Rng {
    /// The generator of one stream.
    pub(crate) fn of(seed: u64, stream: Stream) -> Self {
        let mut mixed = Self(seed);
        mixed.0 = mixed.bits() ^ stream.number().wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly spread over 0 <= x < `count`; 0 for 0. Source: Lemire, "Fast random integer generation in an interval".
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(count);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// An index into something of this length; 0 for 0.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Evenly spread over 0 <= x < 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponentially distributed, with mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// A standard normal deviate (Box-Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
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
        let first: HashSet<_> = streams.iter().map(|stream| Rng::of(7, *stream).bits()).collect();
        assert_eq!(first.len(), streams.len());
        assert_eq!(Rng::of(7, Stream::Visit(1, 1)).bits(), Rng::of(7, Stream::Visit(1, 1)).bits());
        assert_ne!(Rng::of(7, Stream::Arrivals).bits(), Rng::of(8, Stream::Arrivals).bits());
    }

    #[test]
    fn below_reaches_every_number_and_none_beyond() {
        let mut rng = Rng::of(1, Stream::Arrivals);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            seen[rng.index(7)] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }
}
