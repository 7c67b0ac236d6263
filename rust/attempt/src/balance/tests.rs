//! Choices, one by one and in the long run.

use super::*;
use plan::Balance;
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const ALL: [Balance; 4] = [Balance::Weighted, Balance::Fastest, Balance::Cheapest, Balance::LeastBusy];

/// A place and all that is asked of it.
#[derive(Debug, Clone, Copy)]
struct Sketch {
    weight: u32,
    price_nano: u64,
    ttft_ms: u64,
    open: u32,
    usable: Usable,
    share_permille: u32,
}

const PLAIN: Sketch =
    Sketch { weight: 1, price_nano: 10, ttft_ms: 500, open: 0, usable: Usable::In, share_permille: 1000 };

/// The loads of some sketches, with their calls open.
struct Pool {
    loads: Vec<Load>,
    sketches: Vec<Sketch>,
}

impl Pool {
    fn new(sketches: &[Sketch]) -> Self {
        let load = |(index, sketch): (usize, &Sketch)| {
            let load = Load::new(&format!("p/{index}"));
            load.observe(SECOND, sketch.ttft_ms * MS);
            (0..sketch.open).for_each(|_| load.begin());
            load
        };
        Self { loads: sketches.iter().enumerate().map(load).collect(), sketches: sketches.to_vec() }
    }

    fn places(&self) -> Vec<Place<'_>> {
        self.sketches
            .iter()
            .zip(&self.loads)
            .map(|(sketch, load)| Place {
                weight: sketch.weight,
                price_nano: sketch.price_nano,
                load,
                usable: sketch.usable,
                share_permille: sketch.share_permille,
            })
            .collect()
    }

    fn pick(&self, balance: Balance, tried: u64, draw: &mut dyn FnMut(u64) -> u64) -> Option<usize> {
        pick(balance, &self.places(), tried, SECOND, draw)
    }
}

/// Numbers as random as a test needs them: splitmix64.
fn dice(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |n| {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n
    }
}

#[test]
fn each_balance_has_its_own_favourite() {
    let slow = Sketch { ttft_ms: 5_000, ..PLAIN };
    let busy = Sketch { open: 30, ..PLAIN };
    let dear = Sketch { price_nano: 90, ..PLAIN };
    let heavy = Sketch { weight: 40, open: 30, ..PLAIN };
    let ramping = Sketch { share_permille: 100, ..PLAIN };
    for (balance, places, favourite) in [
        (Balance::Fastest, [slow, PLAIN], 1),
        (Balance::Fastest, [busy, slow], 1),
        (Balance::Fastest, [dear, slow], 0),
        (Balance::Fastest, [ramping, PLAIN], 1),
        (Balance::Fastest, [ramping, Sketch { ttft_ms: 5_001, ..PLAIN }], 0),
        (Balance::LeastBusy, [busy, PLAIN], 1),
        (Balance::LeastBusy, [busy, heavy], 1),
        (Balance::LeastBusy, [slow, busy], 0),
        (Balance::LeastBusy, [ramping, PLAIN], 1),
        (Balance::Cheapest, [dear, slow], 1),
        (Balance::Cheapest, [busy, dear], 0),
        (Balance::Cheapest, [slow, PLAIN], 1),
        (Balance::Cheapest, [Sketch { price_nano: u64::MAX, ..PLAIN }, dear], 1),
    ] {
        let pool = Pool::new(&places);
        for seed in 0..20 {
            assert_eq!(pool.pick(balance, 0, &mut dice(seed)), Some(favourite), "{balance:?} {places:?}");
        }
    }
}

#[test]
fn what_is_equal_is_shared_by_the_draw_alone() {
    let pool = Pool::new(&[PLAIN; 5]);
    for balance in ALL {
        let (mut counts, mut draw) = ([0_i32; 5], dice(7));
        (0..10_000).for_each(|_| counts[pool.pick(balance, 0, &mut draw).expect("one")] += 1);
        assert!(counts.iter().all(|count| (count - 2_000).abs() < 200), "{balance:?} {counts:?}");
    }
}

#[test]
fn a_place_alone_needs_no_draw() {
    let pool = Pool::new(&[PLAIN, PLAIN]);
    for balance in ALL {
        assert_eq!(pool.pick(balance, 0b01, &mut |_| panic!("no draw")), Some(1));
        assert_eq!(pool.pick(balance, 0b11, &mut |_| panic!("no draw")), None);
        assert_eq!(pick(balance, &[], 0, SECOND, &mut |_| panic!("no draw")), None);
    }
}

/// What one of the places does with a call.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// The first token after so long, the end 3 s later.
    Answers { ttft_ns: u64 },
    /// 429 after a millisecond; whether that is held against it.
    Refuses { is_penalised: bool },
}

/// Plays a minute of calls, one every `gap_ns`, and counts who got them.
fn play(balance: Balance, manners: &[Manner], gap_ns: u64, seed: u64) -> Vec<u32> {
    let loads: Vec<_> = (0..manners.len()).map(|index| Load::new(&format!("p/{index}"))).collect();
    let (mut counts, mut draw) = (vec![0; manners.len()], dice(seed));
    let mut calls: Vec<(u64, usize)> = Vec::new();
    for now_ns in (SECOND..61 * SECOND).step_by(usize::try_from(gap_ns).expect("small")) {
        calls.retain(|(began_ns, index)| match manners[*index] {
            Manner::Answers { ttft_ns } => {
                if *began_ns + ttft_ns <= now_ns && *began_ns + ttft_ns > now_ns.saturating_sub(gap_ns) {
                    loads[*index].first_token(*began_ns + ttft_ns, ttft_ns);
                }
                let is_open = *began_ns + ttft_ns + 3 * SECOND > now_ns;
                if !is_open {
                    loads[*index].end(false);
                }
                is_open
            }
            Manner::Refuses { is_penalised } => {
                if is_penalised {
                    loads[*index].penalise(*began_ns + MS, REFUSAL_NS);
                } else {
                    loads[*index].observe(*began_ns + MS, MS);
                }
                loads[*index].end(true);
                false
            }
        });
        let places: Vec<_> = loads
            .iter()
            .map(|load| Place { weight: 1, price_nano: 1, load, usable: Usable::In, share_permille: 1000 })
            .collect();
        let index = pick(balance, &places, 0, now_ns, &mut draw).expect("all are in");
        counts[index] += 1;
        loads[index].begin();
        calls.push((now_ns, index));
    }
    counts
}

#[test]
fn a_fast_refusal_attracts_calls_unless_it_counts_as_a_wait() {
    let answers = Manner::Answers { ttft_ns: 500 * MS };
    let with = |is_penalised| {
        let counts = play(Balance::Fastest, &[answers, answers, Manner::Refuses { is_penalised }], 400 * MS, 1);
        counts[2] * 100 / counts.iter().sum::<u32>()
    };
    assert!(with(false) > 60, "{} %", with(false));
    assert!(with(true) < 12, "{} %", with(true));
}

fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
    let usable = prop_oneof![
        4 => Just(Usable::In),
        1 => (1..9_u64).prop_map(Usable::Soft),
        1 => (1..9_u64).prop_map(Usable::Out)
    ];
    let sketch = (1..9_u32, 0..4_u64, 1..2_000_u64, 0..5_u32, usable, prop_oneof![Just(1000_u32), 0..1000_u32]);
    let sketch = sketch.prop_map(|(weight, price_nano, ttft_ms, open, usable, share_permille)| Sketch {
        weight,
        price_nano,
        ttft_ms,
        open,
        usable,
        share_permille,
    });
    prop::collection::vec(sketch, 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_was_tried_or_is_out_is_never_chosen_and_what_is_in_always_can_be(
        sketches in sketches(), tried in 0..512_u64, seed in any::<u64>(),
    ) {
        let pool = Pool::new(&sketches);
        let left = |index: usize| tried & (1 << index) == 0;
        for balance in ALL {
            match pool.pick(balance, tried, &mut dice(seed)) {
                Some(index) => {
                    prop_assert!(left(index));
                    prop_assert!(!matches!(sketches[index].usable, Usable::Out(_)));
                }
                None => prop_assert!(!sketches.iter().enumerate().any(|(i, s)| left(i) && s.usable == Usable::In)),
            }
        }
    }

    #[test]
    fn a_weighted_draw_goes_by_the_weight_that_a_place_has_back(
        pulls in prop::collection::vec((1..9_u32, 1..=1000_u32), 2..9), ticket in any::<u64>(),
    ) {
        let sketch = |(weight, share_permille): &(u32, u32)| Sketch { weight: *weight, share_permille: *share_permille, ..PLAIN };
        let pool = Pool::new(&pulls.iter().map(sketch).collect::<Vec<_>>());
        let total: u64 = pulls.iter().map(|(weight, share)| u64::from(weight * share)).sum();
        let mut asked = Vec::new();
        let chosen = pool.pick(Balance::Weighted, 0, &mut |n| {
            asked.push(n);
            ticket % n
        });
        // Each place has as many of the equally likely tickets as it pulls.
        prop_assert_eq!(asked, vec![total]);
        let ends = pulls.iter().scan(0, |end, (weight, share)| {
            *end += u64::from(weight * share);
            Some(*end)
        });
        prop_assert_eq!(chosen, ends.into_iter().position(|end| ticket % total < end));
    }

    #[test]
    fn of_two_that_are_drawn_the_worse_never_wins(sketches in sketches(), seed in any::<u64>()) {
        let all_in: Vec<_> = sketches.iter().map(|sketch| Sketch { usable: Usable::In, ..*sketch }).collect();
        let pool = Pool::new(&all_in);
        let worst = |measure: &dyn Fn(usize) -> u128| {
            let most = (0..all_in.len()).map(measure).max();
            let mut at = (0..all_in.len()).filter(|index| Some(measure(*index)) == most);
            at.next().filter(|_| at.next().is_none() && all_in.len() > 1)
        };
        let share = |index: usize| u128::from(all_in[index].share_permille.clamp(1, 1000));
        let scale = 1_u128 << 64;
        let slow = |index: usize| u128::from(pool.loads[index].cost(SECOND)) * scale / share(index);
        let busy = |index: usize| {
            (u128::from(all_in[index].open) + 1) * scale / (share(index) * u128::from(all_in[index].weight))
        };
        if let Some(slowest) = worst(&slow) {
            prop_assert_ne!(pool.pick(Balance::Fastest, 0, &mut dice(seed)), Some(slowest));
        }
        if let Some(busiest) = worst(&busy) {
            prop_assert_ne!(pool.pick(Balance::LeastBusy, 0, &mut dice(seed)), Some(busiest));
        }
        if let Some(index) = pool.pick(Balance::Cheapest, 0, &mut dice(seed)) {
            prop_assert!(all_in.iter().all(|sketch| sketch.price_nano >= all_in[index].price_nano));
        }
    }
}

proptest! {
    // Each case is a minute of some hundred calls.
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn one_slow_place_gets_less_than_half_of_its_share(
        others in 1..5_usize, ttft_ms in 100..800_u64, times in 5..40_u64, gap_ms in 200..600_u64, seed in any::<u64>(),
    ) {
        let mut manners = vec![Manner::Answers { ttft_ns: ttft_ms * MS }; others];
        manners.push(Manner::Answers { ttft_ns: ttft_ms * times * MS });
        let counts = play(Balance::Fastest, &manners, gap_ms * MS, seed);
        let total: u32 = counts.iter().sum();
        let slow = counts.last().copied().unwrap_or(0);
        prop_assert!(slow * 2 * u32::try_from(manners.len()).expect("few") < total, "{counts:?}");
    }
}
