//! Time that passes when all wait for it.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Virtual time, in nanoseconds from 0.
#[derive(Debug, Default)]
pub(super) struct Clock {
    now: Cell<u64>,
    alarms: RefCell<BinaryHeap<Reverse<u64>>>,
}

impl Clock {
    pub(super) fn now(&self) -> u64 {
        self.now.get()
    }

    /// Waits until then; not at all where that has passed.
    pub(super) async fn sleep_until(&self, at_ns: u64) {
        if self.now() < at_ns {
            self.alarms.borrow_mut().push(Reverse(at_ns));
        }
        poll_fn(|_| if self.now() < at_ns { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// Runs one future to its end; time jumps to the next alarm whenever it waits. `None`: it waits for nothing.
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return Some(value);
            }
            let Reverse(at_ns) = self.alarms.borrow_mut().pop()?;
            self.now.set(at_ns.max(self.now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_jumps_to_what_is_waited_for() {
        let clock = Clock::default();
        let waits = async {
            clock.sleep_until(30).await;
            clock.sleep_until(10).await;
            clock.sleep_until(45).await;
            clock.now()
        };
        assert_eq!(clock.run(waits), Some(45));
        assert_eq!(clock.run(std::future::pending::<()>()), None, "nothing will ever wake it");
    }
}
