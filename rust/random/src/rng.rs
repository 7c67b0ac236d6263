//! The generator.

/// A small generator (splitmix64). Not for secrets.
///
/// Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014.
#[derive(Debug, Clone, Default)]
pub struct Rng(u64);

impl Rng {
    /// A generator in this state: numbers of states that are near each other are alike at first.
    pub const fn new(state: u64) -> Self {
        Self(state)
    }

    /// A generator of its own for each thing that draws: what one draws does not depend on what others do.
    pub fn of(seed: u64, number: u64) -> Self {
        Self(Self(seed).bits() ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Evenly spread over 0 <= x < `count`; 0 for 0. Source: Lemire, "Fast random integer generation in an interval".
    pub fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(count);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// An index into something of this length; 0 for 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Evenly spread over 0 <= x < 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Exponentially distributed, with mean 1.
    pub fn exponential(&mut self) -> f64 {
        exponential(&mut || self.unit())
    }

    /// A standard normal deviate.
    pub fn normal(&mut self) -> f64 {
        normal(&mut || self.unit())
    }
}

/// Exponentially distributed with mean 1, from numbers evenly spread over 0 <= x < 1.
pub fn exponential(unit: &mut impl FnMut() -> f64) -> f64 {
    -(1.0 - unit()).ln()
}

/// A standard normal deviate (Box-Muller), from such numbers.
pub fn normal(unit: &mut impl FnMut() -> f64) -> f64 {
    let radius = (-2.0 * (1.0 - unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the reference implementation (Vigna, splitmix64.c) with this seed.
    #[test]
    fn its_numbers_are_those_of_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_of_one_seed_differ_and_one_stream_repeats() {
        let first = |seed, number| Rng::of(seed, number).bits();
        assert_eq!(first(7, 1), first(7, 1));
        assert_ne!(first(7, 1), first(7, 2));
        assert_ne!(first(7, 1), first(8, 1));
    }

    #[test]
    fn below_reaches_every_number_and_none_beyond() {
        let mut rng = Rng::of(1, 0);
        let mut seen = [0_u32; 7];
        for _ in 0..7000 {
            seen[rng.index(7)] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
    }

    #[test]
    fn normal_deviates_have_mean_zero_and_variance_one_and_exponential_ones_mean_one() {
        let mut rng = Rng::of(7, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| rng.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
        let mean = (0..20_000).map(|_| rng.exponential()).sum::<f64>() / 20_000.0;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }
}
