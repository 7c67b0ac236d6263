//! Waking at a time that is meant to the microsecond.
//!
//! The timers of the runtime count milliseconds, which is longer than a whole call takes. Here the kernel counts:
//! all waits of a thread share one `timerfd`, set to the earliest of them, and the event loop sees it like any socket.

use crate::clock;
use rustix::fd::OwnedFd;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::io;
use std::task::{Poll, Waker};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The waits of one thread.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: AsyncFd<OwnedFd>,
    waits: RefCell<BinaryHeap<Wait>>,
    late_max: Cell<u64>,
}

impl Timer {
    /// Has to be called within the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe for types that lie about their descriptor; this one owns it"
        )]
        let fd = AsyncFd::with_interest(fd, Interest::READABLE)?;
        Ok(Self { fd, waits: RefCell::default(), late_max: Cell::new(0) })
    }

    /// Returns at `at`, or as soon after it as the event loop turns. Takes effect only while [`Timer::drive`] runs.
    pub(crate) async fn at(&self, at: u64) {
        let mut registered = false;
        poll_fn(|cx| {
            if clock::now() >= at {
                return Poll::Ready(());
            }
            if !registered {
                registered = true;
                self.register(at, cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// The longest time by which the event loop came too late to a wait since this was last asked.
    pub(crate) fn take_late_max(&self) -> u64 {
        self.late_max.take()
    }

    /// Wakes whoever waits. Never ends.
    pub(crate) async fn drive(&self) {
        loop {
            match self.fd.readable().await {
                // Setting the timer anew takes back what it has reported, so that it needs no reading.
                Ok(mut ready) => ready.clear_ready(),
                Err(_) => return,
            }
            self.wake();
        }
    }

    fn register(&self, at: u64, waker: Waker) {
        let mut waits = self.waits.borrow_mut();
        let is_first = waits.peek().is_none_or(|first| at < first.at);
        waits.push(Wait { at, waker });
        if is_first {
            self.set(at);
        }
    }

    fn wake(&self) {
        let now = clock::now();
        let mut waits = self.waits.borrow_mut();
        if let Some(first) = waits.peek() {
            self.late_max.set(self.late_max.get().max(now.saturating_sub(first.at)));
        }
        while let Some(first) = waits.peek() {
            if first.at > now {
                self.set(first.at);
                return;
            }
            if let Some(wait) = waits.pop() {
                wait.waker.wake();
            }
        }
    }

    fn set(&self, at: u64) {
        let part = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let it_value = Timespec { tv_sec: part(at / 1_000_000_000), tv_nsec: part(at % 1_000_000_000) };
        let time = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        // Fails for arguments that make no sense, which these are not.
        let _ = timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &time);
    }
}

#[derive(Debug)]
struct Wait {
    at: u64,
    waker: Waker,
}

impl Ord for Wait {
    /// The earliest is the greatest, which is what the heap hands out.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.cmp(&self.at)
    }
}

impl PartialOrd for Wait {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Wait {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Wait {}
