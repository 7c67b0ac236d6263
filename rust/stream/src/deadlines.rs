//! The deadlines of one answer.

use crate::idle::Idle;
use crate::terms::Terms;
use fault::{Fault, Kind};
use record::Alarm;
use std::task::{Context, Poll, ready};

/// How long an answer may take, on the clock of its wheel, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// When the answer must be whole, and what it is when it is not: [`Kind::AttemptTimeout`] or [`Kind::TotalTimeout`].
    pub whole: (u64, Kind),
    /// Of a stream: when its first content must have come.
    pub first_token: u64,
    /// Of a stream: how long it may go without content, after the first.
    pub idle_ns: u64,
}

/// How long a provider may take to end a body whose stream has said that it is over.
const OVER_NS: u64 = 1_000_000_000;

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Due {
    /// To give up.
    Fault(Fault),
    /// To show the caller that its connection lives.
    KeepAlive,
}

/// Deadlines with their alarm.
///
/// The alarm is set to the earliest of them and left there while that moves away; when it rings, they are looked at
/// again. So a piece of a stream that goes on costs a store.
#[derive(Debug)]
pub(crate) struct Watch {
    alarm: Alarm,
    whole: (u64, Kind),
    /// Of a stream.
    idle: Option<Idle>,
    keep_alive_ns: Option<u64>,
    /// When the caller last got something.
    sent_at: u64,
}

impl Watch {
    /// Watches an answer that is not a stream.
    pub(crate) fn whole(alarm: Alarm, deadlines: &Deadlines) -> Self {
        let watch = Self { alarm, whole: deadlines.whole, idle: None, keep_alive_ns: None, sent_at: 0 };
        watch.arm();
        watch
    }

    /// Watches a stream whose first content has not come.
    pub(crate) fn stream(alarm: Alarm, terms: &Terms) -> Self {
        let Deadlines { whole, first_token, idle_ns } = terms.deadlines;
        let idle = Some(Idle::new(first_token, idle_ns));
        let sent_at = alarm.wheel().now();
        let watch = Self { alarm, whole, idle, keep_alive_ns: terms.keep_alive_ns, sent_at };
        watch.arm();
        watch
    }

    /// The time.
    pub(crate) fn now(&self) -> u64 {
        self.alarm.wheel().now()
    }

    /// Whether the next event of a stream must be looked at for content.
    pub(crate) fn is_stale(&self, now: u64) -> bool {
        self.idle.as_ref().is_some_and(|idle| idle.is_stale(now))
    }

    /// Content was seen: the next must come within the idle limit.
    pub(crate) fn content(&mut self, now: u64) {
        if let Some(idle) = &mut self.idle
            && idle.content(now)
        {
            self.arm();
        }
    }

    /// Events were looked at and held no content.
    pub(crate) fn ping(&mut self) {
        if let Some(idle) = &mut self.idle
            && idle.ping()
        {
            self.arm();
        }
    }

    /// The caller gets something.
    pub(crate) fn sent(&mut self, now: u64) {
        self.sent_at = now;
    }

    /// The stream is over: its body has to end too.
    pub(crate) fn over(&mut self, now: u64) {
        self.by(now.saturating_add(OVER_NS), Kind::StreamCut);
    }

    /// The caller has left: nobody has to be kept, and the rest may take `ns` more. Past that, the fault is
    /// [`Kind::ClientGone`].
    pub(crate) fn left(&mut self, ns: u64) {
        self.keep_alive_ns = None;
        self.by(self.now().saturating_add(ns), Kind::ClientGone);
    }

    /// After how long a silence the caller gets a comment, in nanoseconds.
    pub(crate) const fn keep_alive_ns(&self) -> Option<u64> {
        self.keep_alive_ns
    }

    /// When the first content came.
    pub(crate) fn first_token_at(&self) -> Option<u64> {
        self.idle.as_ref().and_then(Idle::first_at)
    }

    /// What is due, once something is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Due> {
        loop {
            ready!(self.alarm.poll(cx));
            if self.alarm.wheel().is_cut() {
                return Poll::Ready(Due::Fault(drain_cut()));
            }
            let now = self.now();
            let (at, kind) = self.deadline();
            if at <= now {
                return Poll::Ready(Due::Fault(too_late(kind)));
            }
            let keeps = self.keep_alive_at() <= now;
            if keeps {
                self.sent_at = now;
            }
            self.arm();
            if keeps {
                return Poll::Ready(Due::KeepAlive);
            }
        }
    }

    fn by(&mut self, at: u64, kind: Kind) {
        if at < self.whole.0 {
            self.whole = (at, kind);
            self.arm();
        }
    }

    fn arm(&self) {
        self.alarm.set(Some(self.deadline().0.min(self.keep_alive_at())));
    }

    fn deadline(&self) -> (u64, Kind) {
        let idle = self.idle.as_ref().map(Idle::deadline);
        idle.filter(|idle| idle.0 < self.whole.0).unwrap_or(self.whole)
    }

    fn keep_alive_at(&self) -> u64 {
        self.keep_alive_ns.map_or(u64::MAX, |ns| self.sent_at.saturating_add(ns))
    }
}

fn too_late(kind: Kind) -> Fault {
    let message = match kind {
        Kind::FirstTokenTimeout => "The provider sent no content within `timeouts.first_token`",
        Kind::IdleTimeout => "The provider sent no content for longer than `timeouts.idle`",
        Kind::TotalTimeout => "The answer was not whole within `timeouts.total` (`timeouts.stream_total` of a stream)",
        Kind::StreamCut => "The provider did not end its answer",
        Kind::ClientGone => "The caller had left, and the rest of its answer took too long",
        _ => "The answer was not whole within `timeouts.attempt`",
    };
    Fault::new(kind, message)
}

pub(crate) fn total_timeout() -> Fault {
    too_late(Kind::TotalTimeout)
}

/// What a call gets that is still open when the drain's grace ends.
pub fn drain_cut() -> Fault {
    Fault::new(Kind::DrainCut, "The gateway is shutting down: send the call again")
}
