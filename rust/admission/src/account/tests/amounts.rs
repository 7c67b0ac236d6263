//! Amounts in windows: against a model that keeps every payment.

use super::*;
use jiff::tz::TimeZone;
use std::sync::Arc;

const DAY: u64 = 24 * 60 * MINUTE;

/// What happens to an amount.
#[derive(Debug, Clone, Copy)]
enum Act {
    Wait(u64),
    Aside(u64),
    /// The call that was taken so many before is over and has used this.
    End(usize, u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (0..DAY).prop_map(Act::Wait),
        (0..MINUTE).prop_map(Act::Wait),
        (0..60_u64).prop_map(Act::Aside),
        (0..6_usize, 0..90_u64).prop_map(|(back, used)| Act::End(back, used)),
    ];
    prop::collection::vec(act, 1..80)
}

fn windows() -> impl Strategy<Value = Window> {
    prop::sample::select(vec![
        Window::Calendar(Unit::Hour, TimeZone::UTC),
        Window::Calendar(Unit::Day, TimeZone::UTC),
        Window::Rolling(2 * DAY),
        Window::Rolling(60 * MINUTE),
        Window::Lifetime,
    ])
}

/// What a payment counts for at a moment, by the definition of its window.
fn counts(window: &Window, paid_at: u64, now: u64) -> bool {
    match window {
        Window::Lifetime => true,
        Window::Calendar(..) => window.at(paid_at) == window.at(now),
        Window::Rolling(length) => now - paid_at < *length,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_window_ever_lets_in_more_than_its_amount(window in windows(), amount in 0..200_u64, acts in acts()) {
        let (spend, mut now) = (Spend::default(), 400 * DAY);
        let of = Allowance { amount, window: &window };
        let mut open: Vec<(u64, SetAside)> = vec![]; // when, what
        let mut paid: Vec<(u64, u64)> = vec![];
        for act in acts {
            match act {
                Act::Wait(ns) => now += ns,
                Act::Aside(wanted) => {
                    let is_free = spend.check(of, wanted, now).is_ok();
                    let standing = spend.standing(&window, now);
                    let sum: u64 = paid.iter().filter(|(at, _)| counts(&window, *at, now)).map(|(_, used)| used).sum();
                    prop_assert!(standing.used >= sum, "{} counted of {sum}", standing.used);
                    match spend.set_aside(of, wanted, now) {
                        Ok(aside) => {
                            prop_assert!(is_free && sum + wanted <= amount);
                            open.push((now, aside));
                        }
                        Err(told) => {
                            prop_assert!(!is_free && told == standing);
                            prop_assert!(told.used + told.reserved + wanted > amount);
                        }
                    }
                }
                Act::End(back, used) => {
                    if back < open.len() {
                        let (at, aside) = open.remove(open.len() - 1 - back);
                        spend.spend(of, aside, used, (now, &[]));
                        spend.give_back(aside);
                        // A calendar's window pays for what it let in; the others for what is used while they look.
                        let at = if matches!(window, Window::Calendar(..)) { at } else { now };
                        paid.push((at, used));
                    }
                }
            }
        }
        for (_, aside) in open {
            spend.give_back(aside);
        }
        prop_assert_eq!(spend.standing(&window, now).reserved, 0, "nothing is set aside at rest");
    }

    #[test]
    fn a_window_that_rolls_forgets_after_its_length_and_one_part(
        length in 60..1_000_000_u64, paid in prop::collection::vec((0..3_000_000_u64, 1..9_u64), 1..40),
    ) {
        let (spend, window) = (Spend::default(), Window::Rolling(length));
        let part = length.div_ceil(PARTS);
        let mut times: Vec<_> = paid.clone();
        times.sort_unstable();
        for (at, used) in &times {
            let aside = spend.set_aside_anyway(&window, 0, *at);
            spend.spend(Allowance { amount: 1, window: &window }, aside, *used, (*at, &[]));
        }
        let now = times.last().map_or(0, |(at, _)| *at);
        let counted = spend.standing(&window, now).used;
        let sum = |length: u64| times.iter().filter(|(at, _)| now - at < length).map(|(_, used)| used).sum::<u64>();
        prop_assert!(counted >= sum(length) && counted <= sum(part * PARTS + 2 * part), "{counted}");
        prop_assert_eq!(spend.standing(&window, now + part * (PARTS + 2)).used, 0);
    }
}

fn spent(spend: &Spend, of: Allowance<'_>, used: u64, at: u64, warn: &[u32]) -> Option<u32> {
    let aside = spend.set_aside_anyway(of.window, 0, at);
    spend.spend(of, aside, used, (at, warn)).map(|(permille, _)| permille)
}

#[test]
fn a_share_is_told_once_in_each_window() {
    let window = Window::Calendar(Unit::Day, TimeZone::UTC);
    let (spend, of, warn) = (Spend::default(), Allowance { amount: 100, window: &window }, [500, 800, 1000]);
    let told = [49, 1, 20, 15, 40, 1].map(|used| spent(&spend, of, used, DAY, &warn));
    assert_eq!(told, [None, Some(500), None, Some(800), Some(1000), None]);
    assert_eq!(spent(&spend, of, 90, 2 * DAY, &warn), Some(800), "another day; the highest alone");
}

#[test]
fn a_share_of_a_window_that_rolls_is_told_again_after_it_was_free() {
    let window = Window::Rolling(DAY);
    let (spend, of) = (Spend::default(), Allowance { amount: 100, window: &window });
    assert_eq!(spent(&spend, of, 60, DAY, &[500]), Some(500));
    assert_eq!(spent(&spend, of, 10, 3 * DAY, &[500]), None);
    assert_eq!(spent(&spend, of, 45, 3 * DAY, &[500]), Some(500));
}

#[test]
fn a_call_that_ends_in_another_window_is_paid_for_by_that_which_let_it_in() {
    let window = Window::Calendar(Unit::Day, TimeZone::UTC);
    let (spend, of) = (Spend::default(), Allowance { amount: 100, window: &window });
    let aside = spend.set_aside(of, 80, 2 * DAY - 1).expect("room");
    let next = spend.set_aside(of, 30, 2 * DAY).expect("a new day");
    assert_eq!(spend.spend(of, aside, 70, (2 * DAY, &[])), None);
    spend.give_back(aside);
    let standing = spend.standing(&window, 2 * DAY);
    assert_eq!((standing.used, standing.reserved), (0, 30));
    assert_eq!((standing.start_ns, standing.frees_at_ns), (2 * DAY, Some(3 * DAY)));
    spend.give_back(next);
}

#[test]
fn a_clock_that_is_set_back_opens_no_new_window() {
    let window = Window::Calendar(Unit::Day, TimeZone::UTC);
    let (spend, of) = (Spend::default(), Allowance { amount: 100, window: &window });
    spent(&spend, of, 100, 2 * DAY + 5, &[]);
    assert!(spend.set_aside(of, 1, 2 * DAY - 5).is_err());
    assert!(spend.set_aside(of, 1, DAY).is_err());
}

#[test]
fn threads_that_spend_at_once_lose_nothing() {
    let spend = Arc::new(Spend::default());
    let of = Allowance { amount: 1_000, window: &Window::Lifetime };
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let spend = Arc::clone(&spend);
            std::thread::spawn(move || {
                let of = Allowance { amount: 1_000, window: &Window::Lifetime };
                let taken = (0..1_000).filter_map(|_| spend.set_aside(of, 3, 1).ok()).collect::<Vec<_>>();
                let count = taken.len() as u64;
                for aside in taken {
                    spend.spend(of, aside, 2, (1, &[]));
                    spend.give_back(aside);
                }
                count
            })
        })
        .collect();
    let taken: u64 = threads.into_iter().map(|thread| thread.join().expect("ends")).sum();
    let standing = spend.standing(of.window, 1);
    assert_eq!((standing.used, standing.reserved), (2 * taken, 0));
    assert!((333..=500).contains(&taken), "{taken}");
}
