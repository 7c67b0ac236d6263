//! The retry budget of one provider: a share of the calls of the last ten seconds.

use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering::Relaxed, lock};

const SECOND_NS: u64 = 1_000_000_000;
/// How long a call and a retry are remembered.
const WINDOW_S: u64 = 10;
/// Cells of one second each, used in turn. More than the window, so that a thread whose clock was read a moment ago
/// still finds its own second.
const CELLS: usize = 16;

/// Retries as a share of first tries, shared by all workers.
///
/// At every payment: `retries of the last 10 s <= ratio x first tries of the last 10 s + 10 x floor`, the one that is
/// paid for included. Both windows move by whole seconds, to the safe side: retries are counted for 10 to 11 s, first
/// tries for 9 to 10 s. The floor lets a provider with few calls be retried at all; replicas of a fleet divide it.
/// Source of the shape: Finagle's `RetryBudget` (a window of 10 s, a share, a floor per second).
///
/// A first try costs one compare-and-swap. Payments take a lock, so that two of them cannot both take the last place;
/// they happen after failures only.
#[derive(Debug)]
pub struct Ratio {
    permille: AtomicU32,
    floor_per_s: AtomicU32,
    /// The second in the upper half, how many in the lower.
    first: [AtomicU64; CELLS],
    retries: Mutex<[Cell; CELLS]>,
}

/// What happened in one second.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    second: u64,
    count: u32,
}

impl Cell {
    fn unpack(packed: u64) -> Self {
        Self { second: packed >> 32, count: (packed & 0xffff_ffff) as u32 }
    }

    fn pack(self) -> u64 {
        (self.second << 32) | u64::from(self.count)
    }

    /// With one more in `second`; `None`: the cell is in use for a later second already.
    fn with_one(self, second: u64) -> Option<Self> {
        match self.second {
            later if later > second => None,
            same if same == second => Some(Self { second, count: self.count.saturating_add(1) }),
            _ => Some(Self { second, count: 1 }),
        }
    }
}

impl Ratio {
    /// `permille` retries for a thousand first tries, and `floor_per_s` retries a second besides.
    pub fn new(permille: u32, floor_per_s: u32) -> Self {
        Self {
            permille: AtomicU32::new(permille),
            floor_per_s: AtomicU32::new(floor_per_s),
            first: std::array::from_fn(|_| AtomicU64::new(0)),
            retries: Mutex::new([Cell::default(); CELLS]),
        }
    }

    /// Other settings from now on; what has been counted stays.
    pub fn set(&self, permille: u32, floor_per_s: u32) {
        self.permille.store(permille, Relaxed);
        self.floor_per_s.store(floor_per_s, Relaxed);
    }

    /// Counts the first try of a call.
    pub fn first(&self, now_ns: u64) {
        let second = second_of(now_ns);
        let count = |packed| Cell::unpack(packed).with_one(second).map(Cell::pack);
        // An error says that this second is long over: it would not count any more.
        let _over = self.first[cell_of(second)].fetch_update(Relaxed, Relaxed, count);
    }

    /// Pays for a retry, or leaves everything as it is and answers no.
    #[must_use]
    pub fn try_pay(&self, now_ns: u64) -> bool {
        self.pay(&mut lock(&self.retries), second_of(now_ns))
    }

    fn pay(&self, retries: &mut [Cell; CELLS], second: u64) -> bool {
        let Some(paid) = retries[cell_of(second)].with_one(second) else { return false };
        let affordable = thousandths(spent(retries, second) + 1) <= self.allowed(second);
        if affordable {
            retries[cell_of(second)] = paid;
        }
        affordable
    }

    /// Takes back the payment made at `paid_ns`: that retry was not made.
    pub fn give_back(&self, paid_ns: u64) {
        take_back(&mut lock(&self.retries), second_of(paid_ns));
    }

    /// Makes a payment of `paid_ns` one of now, when the retry is sent; or takes it back and answers no, where the budget
    /// has shrunk meanwhile.
    #[must_use]
    pub fn renew(&self, paid_ns: u64, now_ns: u64) -> bool {
        let mut retries = lock(&self.retries);
        take_back(&mut retries, second_of(paid_ns));
        self.pay(&mut retries, second_of(now_ns))
    }

    /// The part of the budget that is left, 0..=1000; 0 where it does not come to one retry.
    pub fn level_permille(&self, now_ns: u64) -> u32 {
        let second = second_of(now_ns);
        let allowed = self.allowed(second) / 1000;
        let left = allowed.saturating_sub(spent(&lock(&self.retries), second));
        let permille = left.saturating_mul(1000).checked_div(allowed).unwrap_or(0);
        u32::try_from(permille).unwrap_or(1000).min(1000)
    }

    /// Thousandths of a retry that the window ending in `second` allows.
    fn allowed(&self, second: u64) -> u64 {
        let calls: u64 = self.first.iter().map(|cell| Cell::unpack(cell.load(Relaxed))).fold(0, |calls, cell| {
            let is_recent = cell.second <= second && cell.second + WINDOW_S > second;
            calls + if is_recent { u64::from(cell.count) } else { 0 }
        });
        let share = calls.saturating_mul(u64::from(self.permille.load(Relaxed)));
        share.saturating_add(thousandths(WINDOW_S * u64::from(self.floor_per_s.load(Relaxed))))
    }
}

fn take_back(retries: &mut [Cell; CELLS], second: u64) {
    let cell = &mut retries[cell_of(second)];
    if cell.second == second {
        cell.count = cell.count.saturating_sub(1);
    }
}

/// The retries of the eleven seconds that end in `second`, and of later ones: another thread may have read its clock
/// later than this one.
fn spent(retries: &[Cell; CELLS], second: u64) -> u64 {
    retries.iter().filter(|cell| cell.second + WINDOW_S >= second).map(|cell| u64::from(cell.count)).sum()
}

fn thousandths(retries: u64) -> u64 {
    retries.saturating_mul(1000)
}

/// Fits into 32 bits for 136 years.
fn second_of(now_ns: u64) -> u64 {
    (now_ns / SECOND_NS) & 0xffff_ffff
}

fn cell_of(second: u64) -> usize {
    usize::try_from(second).unwrap_or(0) % CELLS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: u64 = 1_000_000;

    fn pays(ratio: &Ratio, now_ns: u64) -> usize {
        (0..10_000).take_while(|_| ratio.try_pay(now_ns)).count()
    }

    #[test]
    fn retries_are_a_share_of_first_tries_above_a_floor() {
        for (permille, floor_per_s, calls, retries) in [
            (100, 0, 1000, 100),
            (100, 3, 0, 30),
            (100, 3, 1000, 130),
            (0, 0, 1000, 0),
            (1000, 0, 7, 7),
            (100, 0, 9, 0),
        ] {
            let ratio = Ratio::new(permille, floor_per_s);
            (0..calls).for_each(|_| ratio.first(SECOND_NS));
            assert_eq!(pays(&ratio, SECOND_NS), retries, "{permille} {floor_per_s} {calls}");
            assert_eq!(ratio.level_permille(SECOND_NS), 0);
        }
    }

    #[test]
    fn calls_count_for_ten_seconds_and_retries_for_eleven() {
        let ratio = Ratio::new(1000, 0);
        ratio.first(0);
        assert!(!ratio.try_pay(10_000 * MS));
        assert!(ratio.try_pay(9_999 * MS));
        ratio.first(19_500 * MS);
        assert!(!ratio.try_pay(19_999 * MS));
        ratio.first(20_000 * MS);
        assert!(ratio.try_pay(20_000 * MS));
    }

    #[test]
    fn an_idle_provider_starts_anew() {
        let ratio = Ratio::new(100, 3);
        for hour in 0..5 {
            assert_eq!(pays(&ratio, hour * 3600 * SECOND_NS), 30);
        }
    }

    #[test]
    fn a_payment_taken_back_can_be_made_again() {
        let ratio = Ratio::new(0, 1);
        assert_eq!(pays(&ratio, 0), 10);
        // Nothing was paid then, and the cell is another second's.
        ratio.give_back(16 * SECOND_NS);
        assert!(!ratio.try_pay(SECOND_NS));
        ratio.give_back(0);
        assert_eq!(pays(&ratio, SECOND_NS), 1);
    }

    #[test]
    fn a_payment_that_is_renewed_counts_from_then_on() {
        let ratio = Ratio::new(0, 1);
        assert_eq!(pays(&ratio, 0), 10);
        assert!((0..10).all(|_| ratio.renew(0, 8 * SECOND_NS)));
        assert_eq!(pays(&ratio, 18 * SECOND_NS), 0);
        assert_eq!(pays(&ratio, 19 * SECOND_NS), 10);
        // What is long over is no longer there to be taken back, and what others paid meanwhile stands.
        assert!(!ratio.renew(8 * SECOND_NS, 20 * SECOND_NS));
    }

    #[test]
    fn new_settings_hold_at_once_and_keep_what_was_counted() {
        let ratio = Ratio::new(100, 0);
        (0..100).for_each(|_| ratio.first(0));
        assert_eq!(pays(&ratio, 0), 10);
        ratio.set(200, 1);
        assert_eq!(ratio.level_permille(0), 666);
        assert_eq!(pays(&ratio, 0), 20);
    }

    #[test]
    fn a_clock_that_is_far_behind_is_never_paid_for() {
        let ratio = Ratio::new(1000, 100);
        assert!(ratio.try_pay(100 * SECOND_NS));
        assert!(!ratio.try_pay(84 * SECOND_NS));
        ratio.first(100 * SECOND_NS);
        ratio.first(84 * SECOND_NS);
        assert_eq!(pays(&ratio, 100 * SECOND_NS), 1000);
    }

    #[test]
    fn numbers_of_any_size_do_not_overflow() {
        let ratio = Ratio::new(u32::MAX, u32::MAX);
        for now_ns in [0, u64::MAX] {
            ratio.first(now_ns);
            assert!(ratio.try_pay(now_ns));
            assert_eq!(ratio.level_permille(now_ns), 999);
        }
    }

    /// What happens, and how many milliseconds after the step before.
    fn step() -> impl Strategy<Value = (u8, u64)> {
        (0..6_u8, prop_oneof![4 => 0..300_u64, 2 => 0..3_000_u64, 1 => 0..15_000_u64])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn retries_of_any_ten_seconds_stay_within_the_budget(
            permille in 0..1500_u32,
            floor_per_s in 0..3_u32,
            start in 0..30_000_u64,
            steps in proptest::collection::vec(step(), 0..200),
        ) {
            let ratio = Ratio::new(permille, floor_per_s);
            let (mut now, mut first, mut paid) = (start, Vec::new(), Vec::<u64>::new());
            for (action, pause) in steps {
                now += pause;
                let within = |times: &[u64], window: u64| {
                    times.iter().filter(|then| **then + window > now).count() as u64
                };
                let allowed = |calls: u64| calls * u64::from(permille) + u64::from(floor_per_s) * 10_000;
                match action {
                    0 | 1 => {
                        ratio.first(now * MS);
                        first.push(now);
                    }
                    2 => if let Some(then) = paid.pop() {
                        ratio.give_back(then * MS);
                    },
                    3 => if let Some(then) = paid.pop()
                        && ratio.renew(then * MS, now * MS)
                    {
                        paid.push(now);
                        prop_assert!(within(&paid, 10_000) * 1000 <= allowed(within(&first, 10_000)));
                    },
                    _ if ratio.try_pay(now * MS) => {
                        paid.push(now);
                        prop_assert!(within(&paid, 10_000) * 1000 <= allowed(within(&first, 10_000)));
                    }
                    // No more is refused than the whole seconds explain.
                    _ => prop_assert!((within(&paid, 11_000) + 1) * 1000 > allowed(within(&first, 9_000))),
                }
                prop_assert!(ratio.level_permille(now * MS) <= 1000);
            }
        }
    }
}
