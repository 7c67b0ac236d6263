//! What a worker's calls share beyond their own lives: randomness, what is learnt of targets, and the tasks that read on
//! after a caller has left.

use crate::shared::Shared;
use attempt::{Held, Transition, Verdict};
use plan::Level;
use record::{Lines, Wheel};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;

/// How many answers are read on after their callers have left, at most; above it they are given up.
const BESIDE_CAP: usize = 1_000;

/// Randomness of one worker, or of one trial. Not for secrets.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    /// One seed, one history.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A number below `n`.
    pub(crate) fn draw(&self, n: u64) -> u64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % n.max(1)
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Local {
    shared: Arc<Shared>,
    wheel: Rc<Wheel>,
    lines: Rc<Lines>,
    dice: Dice,
    beside: RefCell<JoinSet<()>>,
}

impl Local {
    pub(crate) fn new(shared: Arc<Shared>, wheel: Rc<Wheel>, lines: Rc<Lines>, seed: u64) -> Rc<Self> {
        Rc::new(Self { shared, wheel, lines, dice: Dice::new(seed), beside: RefCell::default() })
    }

    /// A number below `n`.
    pub(crate) fn draw(&self, n: u64) -> u64 {
        self.dice.draw(n)
    }

    /// An attempt is over: its target learns of it.
    pub(crate) fn end(&self, held: Held, verdict: Verdict) {
        held.end(verdict, self.wheel.now(), &mut |n| self.draw(n), &mut |key, transition| {
            self.changed(key, transition);
        });
    }

    /// A breaker opened or closed.
    pub(crate) fn changed(&self, key: &str, transition: Transition) {
        let breakers = &self.shared.breakers;
        match transition {
            Transition::Opened(why) => {
                breakers.opened.fetch_add(1, Ordering::Relaxed);
                self.log(Level::Warn, "breaker_opened", json!({"key": key, "why": why.name()}));
            }
            Transition::Closed => {
                breakers.closed.fetch_add(1, Ordering::Relaxed);
                self.log(Level::Info, "breaker_closed", json!({"key": key}));
            }
        }
    }

    /// Writes an event among the lines of calls: no call waits for standard error.
    pub(crate) fn log(&self, level: Level, name: &str, fields: Value) {
        if let Some(word) = self.shared.wanted(level) {
            self.lines.event(word, name, fields);
        }
    }

    /// Whether as many answers are read on as may be.
    pub(crate) fn is_full(&self) -> bool {
        let mut beside = self.beside.borrow_mut();
        while beside.try_join_next().is_some() {}
        beside.len() >= BESIDE_CAP
    }

    /// Runs what is left of an answer whose caller has gone.
    pub(crate) fn beside(&self, rest: impl Future<Output = ()> + 'static) {
        self.beside.borrow_mut().spawn_local(rest);
    }

    /// Waits for what runs beside.
    pub(crate) async fn finish(&self) {
        let mut beside = self.beside.take();
        while beside.join_next().await.is_some() {}
    }
}
