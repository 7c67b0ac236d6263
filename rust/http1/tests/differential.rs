//! The codec against hyper, over generated cases.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[allow(dead_code, reason = "each test uses its part")]
mod support;

use std::collections::BTreeMap;
use support::compare::{self, Outcome};
use support::generate::{self, Dice};
use support::{codec, oracle};

/// Cases of either direction.
const CASES: usize = 100_000;

/// How often each outcome was seen.
#[derive(Default)]
struct Tally {
    /// Messages that both delivered.
    delivered: usize,
    stricter: BTreeMap<String, usize>,
    differ: usize,
}

impl Tally {
    fn count(&mut self, seed: usize, input: &[u8], outcome: Outcome) {
        match outcome {
            Outcome::Same => {}
            Outcome::Stricter(reason) => *self.stricter.entry(reason).or_default() += 1,
            Outcome::Differ(how) => {
                self.differ += 1;
                if self.differ < 10 {
                    eprintln!("case {seed}: {}\n{how}\n", input.escape_ascii());
                }
            }
        }
    }

    /// Every listed reason is one that some case shows, so that the list holds no more than is so.
    fn check(&self, listed: &[(&str, &str)]) {
        assert_eq!(self.differ, 0, "cases where the two differ, and no reason is listed");
        let unseen: Vec<_> = listed.iter().filter(|(reason, _)| !self.stricter.contains_key(*reason)).collect();
        assert!(unseen.is_empty(), "no case shows {unseen:?}");
        assert!(self.delivered > CASES / 3, "both delivered {} messages only", self.delivered);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn requests_that_both_accept_are_delivered_the_same() {
    let mut tally = Tally::default();
    runtime().block_on(async {
        for seed in 0..CASES {
            let mut dice = Dice::new(seed);
            let input = generate::requests(&mut dice);
            let ours = codec::requests(&generate::pieces(&mut dice, &input));
            let hypers = oracle::requests(&input).await;
            tally.delivered += ours.0.len().min(hypers.len());
            tally.count(seed, &input, compare::requests(&ours, &hypers));
        }
    });
    tally.check(compare::STRICTER_REQUESTS);
}

#[test]
fn answers_that_both_accept_are_delivered_the_same() {
    let mut tally = Tally::default();
    runtime().block_on(async {
        for seed in 0..CASES {
            let mut dice = Dice::new(seed);
            let (input, to_head) = generate::answer(&mut dice);
            let ours = codec::answer(&generate::pieces(&mut dice, &input), to_head);
            let hypers = oracle::answer(&input, to_head).await;
            tally.delivered += usize::from(ours.is_ok() && hypers.is_some());
            tally.count(seed, &input, compare::answer(&ours, hypers.as_ref()));
        }
    });
    tally.check(compare::STRICTER_ANSWERS);
}
