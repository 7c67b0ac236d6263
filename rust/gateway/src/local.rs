//! What a worker's calls share beyond their own lives: randomness, what is learnt of targets, calls that others may join,
//! and the tasks that read on after a caller has left.

use crate::coalesce::Flights;
use crate::shared::Shared;
use admission::{Limits, Measured, Now, Rule, Warning};
use attempt::{Held, Transition, Verdict};
use plan::Level;
use random::Rng;
use record::{Alarm, Lines, Wheel, usd};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use stream::Host;
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
    /// Answers that are written on tapes.
    casts: RefCell<JoinSet<()>>,
    /// How many of these nobody reads.
    unread: Rc<Cell<usize>>,
    /// Calls that others may join.
    pub(crate) flights: Rc<Flights>,
    tickets: Cell<u64>,
}

impl Local {
    pub(crate) fn new(shared: Arc<Shared>, wheel: Rc<Wheel>, lines: Rc<Lines>, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            shared,
            wheel,
            lines,
            dice: Dice::new(seed),
            beside: RefCell::default(),
            casts: RefCell::default(),
            unread: Rc::default(),
            flights: Rc::default(),
            tickets: Cell::new(0),
        })
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
        beside.len() + self.unread.get() >= BESIDE_CAP
    }

    /// Runs what is left of an answer whose caller has gone.
    pub(crate) fn beside(&self, rest: impl Future<Output = ()> + 'static) {
        self.beside.borrow_mut().spawn_local(rest);
    }

    /// Runs what writes an answer that several may read.
    pub(crate) fn cast(&self, work: impl Future<Output = ()> + 'static) {
        let mut casts = self.casts.borrow_mut();
        while casts.try_join_next().is_some() {}
        casts.spawn_local(work);
    }

    /// The moment that limits go by.
    pub(crate) fn moment(&self) -> Now {
        self.shared.clock.at(self.wheel.now())
    }

    /// A number for a reservation.
    pub(crate) fn next_ticket(&self) -> u64 {
        self.tickets.replace(self.tickets.get() + 1)
    }

    /// Shares of budgets are spent.
    pub(crate) fn warn(&self, warnings: &[Warning], limits: &Limits) {
        for Warning { rule, value, permille, standing } in warnings {
            let Some(Rule { id, per, measured: Measured::Money(money), .. }) = limits.rules().get(*rule) else {
                continue;
            };
            let fields = json!({
                "budget": id, "per": per, "value": per.map(|_| value), "share": f64::from(*permille) / 1000.0,
                "used_usd": usd(standing.used), "budget_usd": usd(money.nano_usd), "window": money.words,
            });
            self.log(Level::Warn, "budget_warned", fields);
        }
    }

    /// The time, in nanoseconds of the wheel.
    pub(crate) fn now(&self) -> u64 {
        self.wheel.now()
    }

    /// An alarm, not set.
    pub(crate) fn alarm(&self) -> Alarm {
        self.wheel.alarm()
    }

    /// Waits for what runs beside.
    pub(crate) async fn finish(&self) {
        for tasks in [&self.beside, &self.casts] {
            let mut tasks = tasks.take();
            while tasks.join_next().await.is_some() {}
        }
    }
}

impl Host for Local {
    type Place = Place;

    fn place(&self) -> Option<Place> {
        if self.is_full() {
            return None;
        }
        self.unread.set(self.unread.get() + 1);
        Some(Place(Rc::clone(&self.unread)))
    }

    fn has_room(&self) -> bool {
        self.shared.has_room_to_keep()
    }
}

/// A place among the answers that are read on though nobody waits for them.
#[derive(Debug)]
pub(crate) struct Place(Rc<Cell<usize>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
