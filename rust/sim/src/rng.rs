//! Randomness that repeats: one seed, one run.

use random::Distribution;
use std::fmt::Write;
use std::time::Duration;

/// The generator of one call. Its streams, and what it makes of its bits, stay as they are: texts and ids that a seed gave
/// are given again.
#[derive(Debug, Clone)]
pub struct Rng(random::Rng);

impl Rng {
    /// A generator of its own for each thing that is counted: the n-th call draws the same numbers whatever else runs.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut rng = random::Rng::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.bits();
        Self(rng)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.bits()
    }

    /// Evenly spread over 0 <= x < 1, in steps of 2^-32.
    pub fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(high) / 4_294_967_296.0
    }

    /// One of `choices`; `None` when there are none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(choices.len()).unwrap_or(u64::MAX).max(1);
        choices.get(usize::try_from(self.bits() % count).unwrap_or(0))
    }

    /// A standard normal deviate.
    pub fn normal(&mut self) -> f64 {
        random::normal(&mut || self.unit())
    }

    /// One value, read as milliseconds.
    pub fn time(&mut self, of: Distribution) -> Duration {
        Duration::from_secs_f64(of.sample(&mut || self.unit()) / 1000.0)
    }

    /// One value as a count, rounded.
    pub fn count(&mut self, of: Distribution) -> u32 {
        of.sample_count(&mut || self.unit())
    }

    /// `length` hexadecimal digits, for ids.
    pub fn hex(&mut self, length: usize) -> String {
        let mut digits = String::with_capacity(length + 16);
        while digits.len() < length {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{:016x}", self.bits());
        }
        digits.truncate(length);
        digits
    }
}

/// FNV-1a over `bytes`: turns a text into a seed.
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_and_number_always_draw_the_same() {
        let draw = |seed, number| (0..8).map(|_| Rng::of(seed, number).bits()).collect::<Vec<_>>();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }
}
