//! The same place for the same session or prompt, as long as that place is not loaded.
//!
//! Every place has a score for every hash, and the best one that has room is chosen ("rendezvous hashing"): when a place
//! leaves, only what was there moves, and it spreads over all others; when it comes back at a tenth of its weight, a
//! tenth comes back. Room is what bounds the load: nobody holds more than 125 % of its fair share of the open calls, so
//! that one popular prompt does not drown its place.
//!
//! Source: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads" (arXiv 1608.01350) for the bound;
//! Schindelhauer, Schomaker (2005) for the weighted score, -ln(u) / weight, in integers here.

use super::Place;
use super::pool::{members, usable};

/// 125 %, as a fraction.
const BOUND: (u128, u128) = (5, 4);
/// So few open calls never count as too many: with hardly any calls a fair share is less than one of them, and a cache
/// would be missed for the sake of a place that is idle anyway.
const FEW: u32 = 2;
/// How far log2(1 + x) bends above the straight line, at 4 times its middle, in 32 bits.
const BEND: u64 = 1_459_644_648;

/// The place for a hash of a session or of a prompt's beginning; none when none is usable.
///
/// `tried` is a set of bits. The hash is taken as it is: who may share a cache must be in it (the tenant, for one).
pub fn affine(places: &[Place<'_>], hash: u64, tried: u64) -> Option<usize> {
    let usable = usable(places, tried);
    let (open, pull) = members(places, usable).fold((0_u128, 0_u128), |(open, pull), (_, place)| {
        (open + u128::from(place.load.open()), pull + u128::from(place.pull()))
    });
    let has_room = |place: &Place<'_>| {
        let (here, share) = (place.load.open(), u128::from(place.pull()));
        here < FEW || u128::from(here) * pull * BOUND.1 < (open + 1) * share * BOUND.0
    };
    let mut best: Option<(usize, u64, u64)> = None;
    for (index, place) in members(places, usable).filter(|(_, place)| has_room(place)) {
        let (distance, pull) = (distance(hash, place.load.key()), place.pull());
        let nearer = best.is_none_or(|(_, least, its)| {
            u128::from(distance) * u128::from(its) < u128::from(least) * u128::from(pull)
        });
        if nearer {
            best = Some((index, distance, pull));
        }
    }
    best.map(|(index, ..)| index)
}

/// How far a place is from a hash, before its weight: -log2 of a number that the two make, uniform in (0, 1]; 32 bits
/// of fraction.
fn distance(hash: u64, key: u64) -> u64 {
    let number = mix(hash ^ key).max(1);
    let zeros = number.leading_zeros();
    // The bits behind the first one, as a fraction of 32 bits.
    let part = (number << zeros << 1) >> 32;
    let one = 1_u64 << 32;
    let log = part + ((((part * (one - part)) >> 32) * BEND) >> 32);
    (u64::from(zeros) << 32) + (one - log)
}

/// A hash of what calls are kept together by: who may share a cache (the tenant), and what they have in common.
///
/// The same in every process, so that replicas send a session to the same place.
pub fn hash(tenant: &[u8], common: &[u8]) -> u64 {
    // The length keeps `ab` + `c` apart from `a` + `bc`.
    let start = mix(u64::try_from(tenant.len()).unwrap_or(u64::MAX));
    [tenant, common].into_iter().flat_map(|text| text.chunks(8)).fold(start, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(hash ^ u64::from_le_bytes(word)).wrapping_add(chunk.len() as u64)
    })
}

/// Every bit of the result depends on every bit of the number, one to one. Source: splitmix64's finaliser.
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::{Load, Usable};
    use super::*;
    use proptest::prelude::*;

    struct Pool {
        loads: Vec<Load>,
        weights: Vec<u32>,
        usable: Vec<Usable>,
        share_permille: Vec<u32>,
    }

    impl Pool {
        fn new(weights: &[u32]) -> Self {
            let loads = (0..weights.len()).map(|index| Load::new(&format!("openai/gpt-{index}"))).collect();
            let usable = vec![Usable::In; weights.len()];
            Self { loads, weights: weights.to_vec(), usable, share_permille: vec![1000; weights.len()] }
        }

        fn places(&self) -> Vec<Place<'_>> {
            let place = |index: usize| Place {
                weight: self.weights[index],
                price_nano: 0,
                load: &self.loads[index],
                usable: self.usable[index],
                share_permille: self.share_permille[index],
            };
            (0..self.weights.len()).map(place).collect()
        }

        fn affine(&self, hash: u64, tried: u64) -> Option<usize> {
            affine(&self.places(), hash, tried)
        }
    }

    #[test]
    fn hashes_spread_by_weight() {
        let pool = Pool::new(&[1, 2, 5]);
        let mut counts = [0_i64; 3];
        (0..80_000).for_each(|hash| counts[pool.affine(hash, 0).expect("one")] += 1);
        for (count, fair) in counts.into_iter().zip([10_000, 20_000, 50_000]) {
            assert!((count - fair).abs() < fair / 30, "{counts:?}");
        }
    }

    #[test]
    fn a_place_is_known_by_its_name_and_not_by_its_index() {
        let pool = Pool::new(&[1, 1, 1, 1]);
        let forward = pool.places();
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        for hash in 0..1000 {
            assert_eq!(affine(&forward, hash, 0), affine(&backward, hash, 0).map(|index| 3 - index));
        }
    }

    #[test]
    fn one_popular_prompt_does_not_drown_its_place() {
        let pool = Pool::new(&[1, 1, 1, 1]);
        let held: Vec<_> = (0..100)
            .map(|_| {
                let chosen = pool.affine(7, 0).expect("one");
                pool.loads[chosen].begin();
                chosen
            })
            .collect();
        let open: Vec<_> = pool.loads.iter().map(Load::open).collect();
        assert!(open.iter().all(|open| *open <= 32), "{open:?}");
        for chosen in held {
            pool.loads[chosen].end(true);
        }
        assert_eq!(pool.loads.iter().map(Load::open).sum::<u32>(), 0);
    }

    #[test]
    fn a_hash_tells_tenants_and_texts_apart() {
        let texts: [&[u8]; 8] = [b"", b"a", b"a\0", b"ab", b"abcdefgh", b"abcdefghi", b"bacdefgh", b"abcdefgh\0"];
        let mut hashes: Vec<_> = texts.iter().flat_map(|one| texts.map(|other| hash(one, other))).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 64);
        assert_eq!(hash(b"ci", b"session 7"), 5_100_322_450_493_659_846, "replicas of other versions agree");
    }

    #[test]
    fn nothing_is_chosen_from_nothing() {
        let mut pool = Pool::new(&[1, 1]);
        assert_eq!(pool.affine(1, 0b11), None);
        pool.usable = vec![Usable::Out(1); 2];
        assert_eq!(pool.affine(1, 0), None);
        assert_eq!(affine(&[], 1, 0), None);
    }

    fn weights() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(1..20_u32, 2..9)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn when_a_place_leaves_only_what_was_there_moves(weights in weights(), hash in any::<u64>(), gone in any::<usize>()) {
            let mut pool = Pool::new(&weights);
            let (before, gone) = (pool.affine(hash, 0), gone % weights.len());
            let tried = pool.affine(hash, 1 << gone);
            pool.usable[gone] = Usable::Out(9);
            let after = pool.affine(hash, 0);
            prop_assert_ne!(after, Some(gone));
            prop_assert_eq!(after, tried, "a place that was tried is passed over as one that is out");
            prop_assert!(before == Some(gone) || before == after);
        }

        #[test]
        fn when_a_place_comes_back_step_by_step_nothing_moves_but_to_it(
            weights in weights(), hash in any::<u64>(), back in any::<usize>(),
        ) {
            let mut pool = Pool::new(&weights);
            let back = back % weights.len();
            let mut at = None;
            for share in [1, 100, 250, 500, 1000] {
                pool.share_permille[back] = share;
                let now = pool.affine(hash, 0);
                prop_assert!(at.is_none() || now == at || now == Some(back));
                at = now;
            }
        }

        /// Steps: a session that begins a call, or (none) the oldest call that ends.
        #[test]
        fn nobody_takes_a_call_beyond_125_percent_of_its_fair_share(
            weights in weights(), steps in prop::collection::vec(prop::option::weighted(0.8, 0..4_u64), 0..120),
        ) {
            let pool = Pool::new(&weights);
            let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            let mut held: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
            for step in steps {
                let Some(session) = step else {
                    held.pop_front().into_iter().for_each(|ended| pool.loads[ended].end(true));
                    continue;
                };
                let chosen = pool.affine(session, 0).expect("somebody always has room");
                pool.loads[chosen].begin();
                held.push_back(chosen);
                let fair = (held.len() as u64 * u64::from(weights[chosen]) * 5).div_ceil(total * 4);
                prop_assert!(u64::from(pool.loads[chosen].open()) <= fair.max(u64::from(FEW)));
            }
        }
    }
}
