//! What must hold in every world, whatever happens in it.
//!
//! Checked by code that shares nothing with the code under test: no function, no constant and no table of `attempt`. It
//! reads what providers wrote down, what callers got, and what the gateway announces.
//!
//! | rule | says |
//! | --- | --- |
//! | O1 | a caller's good end is the provider's good end |
//! | O2 | what a caller gets comes from one attempt, and nothing is tried after content was delivered |
//! | O3 | attempts stay within the policy's bounds, and a call ends with its deadline |
//! | O4 | retries of a replica at a provider stay within the budget, over any window |
//! | O5 | every attempt is numbered, ends, and is told once |
//! | O7 | at rest nothing is held: no attempt, no place, no task |
//! | O8 | a health key pays for its own failures alone, and what is no target's fault is not tried again |
//! | O9 | of a key that is out of service there is one probe at a time for each replica |

mod blame;
mod breakers;
mod budgets;
mod calls;
mod keys;

pub(crate) use breakers::{Ended, Reason, Told};
pub(crate) use calls::{Got, Over};
use keys::Keys;

use crate::visit::{Cause, Place};
use breakers::Breakers;
use budgets::Budget;
use plan::Plan;
use std::cell::RefCell;

/// So many are told; the rest is counted.
const MOST_KEPT: usize = 20;

/// A rule that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) rule: &'static str,
    pub(crate) at_ns: u64,
    pub(crate) text: String,
}

/// Rules that were broken.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    pub(crate) kept: Vec<Violation>,
    pub(crate) count: u64,
}

impl Violations {
    pub(crate) fn add(&mut self, rule: &'static str, at_ns: u64, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.kept.len() < MOST_KEPT {
            self.kept.push(Violation { rule, at_ns, text: text() });
        }
    }
}

/// All checks of one world.
pub(crate) struct Oracle {
    keys: Keys,
    inner: RefCell<Inner>,
}

struct Inner {
    replicas: Vec<Replica>,
    open: u64,
    violations: Violations,
}

/// What is known of one replica.
struct Replica {
    budgets: Vec<Budget>,
    breakers: Breakers,
}

/// An attempt that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    pub(crate) replica: usize,
    pub(crate) place: Place,
    /// Which attempt of its call, from 1.
    pub(crate) number: u32,
    /// Whether it is to be paid for: its call has asked this provider before, or asks another one at the same time.
    pub(crate) is_retry: bool,
}

impl Oracle {
    pub(crate) fn new(plan: &Plan, replicas: usize) -> Self {
        let keys = Keys::of(plan);
        let replica = || Replica {
            budgets: plan.providers.iter().map(Budget::new).collect(),
            breakers: Breakers::new(plan, &keys),
        };
        let replicas = std::iter::repeat_with(replica).take(replicas).collect();
        let inner = RefCell::new(Inner { replicas, open: 0, violations: Violations::default() });
        Self { keys, inner }
    }

    /// An attempt begins.
    pub(crate) fn began(&self, now_ns: u64, began: &Began) {
        let inner = &mut *self.inner.borrow_mut();
        inner.open += 1;
        let Some(replica) = inner.replicas.get_mut(began.replica) else { return };
        if let Some(budget) = replica.budgets.get_mut(began.place.provider) {
            if began.is_retry {
                budget.retry(now_ns, &mut inner.violations);
            } else {
                budget.first(now_ns);
            }
        }
        replica.breakers.began(now_ns, began, &self.keys, &mut inner.violations);
    }

    /// Its first content came.
    pub(crate) fn committed(&self, now_ns: u64, replica: usize, place: &Place, began_ns: u64) {
        if let Some(replica) = self.inner.borrow_mut().replicas.get_mut(replica) {
            replica.breakers.committed(now_ns, place, began_ns, &self.keys);
        }
    }

    /// It is over.
    pub(crate) fn ended(&self, now_ns: u64, replica: usize, place: &Place, ended: Ended) {
        let inner = &mut *self.inner.borrow_mut();
        inner.open -= 1;
        if let Some(replica) = inner.replicas.get_mut(replica) {
            replica.breakers.ended(now_ns, place, ended, &self.keys);
        }
    }

    /// The gateway's verdict of a failed attempt, in its own words.
    pub(crate) fn judged(&self, now_ns: u64, cause: Cause, class: &str, blame: &str) {
        let wanted = blame::scope(cause).map_or("nobody", keys::Scope::name);
        if (class, blame) == (blame::class(cause), wanted) {
            return;
        }
        self.inner.borrow_mut().violations.add("O8", now_ns, || {
            format!(
                "{}: taken for {class}, blamed on {blame}; it is {}, of {wanted}",
                cause.name(),
                blame::class(cause)
            )
        });
    }

    /// The gateway says that a health key changed.
    pub(crate) fn told(&self, now_ns: u64, replica: usize, key: &str, told: Told) {
        let inner = &mut *self.inner.borrow_mut();
        match (self.keys.find(key), inner.replicas.get_mut(replica)) {
            (Some(number), Some(replica)) => {
                replica.breakers.told(now_ns, number, told, &self.keys, &mut inner.violations);
            }
            _ => inner.violations.add("O8", now_ns, || format!("there is no health key {key}")),
        }
    }

    /// A call is over.
    pub(crate) fn over(&self, over: &Over<'_>) {
        over.check(&mut self.inner.borrow_mut().violations);
    }

    /// All calls are over: what is still held is held for ever.
    pub(crate) fn rest(&self, now_ns: u64, held: impl IntoIterator<Item = String>) {
        let inner = &mut *self.inner.borrow_mut();
        if inner.open > 0 {
            let open = inner.open;
            inner.violations.add("O7", now_ns, || format!("{open} attempts are open at rest"));
        }
        for what in held {
            inner.violations.add("O7", now_ns, || format!("at rest: {what}"));
        }
    }

    /// The world itself came to a stop.
    pub(crate) fn stuck(&self, now_ns: u64, why: String) {
        self.inner.borrow_mut().violations.add("O7", now_ns, || why);
    }

    /// What was broken.
    pub(crate) fn violations(&self) -> Violations {
        std::mem::take(&mut self.inner.borrow_mut().violations)
    }
}
