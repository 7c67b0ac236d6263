//! Timers: a heap by time, then by the order in which they were set.

use super::Executor;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// All timers. One whose task has gone stays until its time and wakes nobody.
#[derive(Default)]
pub(super) struct Timers {
    heap: RefCell<BinaryHeap<Timer>>,
    set: Cell<u64>,
}

struct Timer {
    at: u64,
    number: u64,
    waker: Waker,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    /// The heap gives the greatest first: the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl Timers {
    fn set(&self, at: u64, waker: Waker) {
        let number = self.set.get();
        self.set.set(number + 1);
        self.heap.borrow_mut().push(Timer { at, number, waker });
    }

    /// Takes the earliest.
    pub(super) fn next(&self) -> Option<(u64, Waker)> {
        self.heap.borrow_mut().pop().map(|timer| (timer.at, timer.waker))
    }
}

/// Waits until a time.
pub(crate) struct Sleep {
    world: Executor,
    at: u64,
    is_set: bool,
}

impl Sleep {
    pub(super) fn new(world: Executor, at: u64) -> Self {
        Self { world, at, is_set: false }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.world.now() >= self.at {
            return Poll::Ready(());
        }
        if !self.is_set {
            self.is_set = true;
            self.world.0.timers.set(self.at, context.waker().clone());
        }
        Poll::Pending
    }
}
