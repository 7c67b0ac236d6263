//! What a worker's calls share beyond their own lives: randomness, what is learnt of targets, and the tasks that read on
//! after a caller has left.

use crate::shared::Shared;
use attempt::{Held, Transition, Verdict};
use plan::Level;
use random::Rng;
use record::{Lines, Wheel};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::task::JoinSet;

/// How many answers are read on after their callers have left, at most; above it they are given up.
const BESIDE_CAP: usize = 1_000;

/// Randomness of one worker, or of one trial. Not for secrets.
#[derive(Debug)]
pub(crate) struct Dice(RefCell<Rng>);

impl Dice {
    /// One seed, one history.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(RefCell::new(Rng::new(seed)))
    }

    /// A number below `n`; 0 for 0.
    pub(crate) fn draw(&self, n: u64) -> u64 {
        self.0.borrow_mut().bits() % n.max(1)
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
