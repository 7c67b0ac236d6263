//! The deadlines of one answer.

use fault::{Fault, Kind};
use record::Alarm;

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

/// Deadlines with their alarm.
#[derive(Debug)]
pub(crate) struct Watch {
    alarm: Alarm,
    whole: (u64, Kind),
    quiet: Option<(u64, Kind)>,
    idle_ns: u64,
}

impl Watch {
    /// Watches an answer that is not a stream.
    pub(crate) fn whole(alarm: Alarm, deadlines: &Deadlines) -> Self {
        let watch = Self { alarm, whole: deadlines.whole, quiet: None, idle_ns: deadlines.idle_ns };
        watch.arm();
        watch
    }

    /// Watches a stream whose first content has not come.
    pub(crate) fn stream(alarm: Alarm, deadlines: &Deadlines) -> Self {
        let quiet = Some((deadlines.first_token, Kind::FirstTokenTimeout));
        let watch = Self { alarm, whole: deadlines.whole, quiet, idle_ns: deadlines.idle_ns };
        watch.arm();
        watch
    }

    /// Content has come: the next must come within the idle limit.
    pub(crate) fn content(&mut self) {
        self.quiet = Some((self.alarm.wheel().now().saturating_add(self.idle_ns), Kind::IdleTimeout));
        self.arm();
    }

    /// The fault of a deadline that has passed.
    pub(crate) fn poll(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Fault> {
        self.alarm.poll(cx).map(|()| self.fault())
    }

    fn arm(&self) {
        self.alarm.set(Some(self.next().0));
    }

    fn next(&self) -> (u64, Kind) {
        self.quiet.filter(|quiet| quiet.0 < self.whole.0).unwrap_or(self.whole)
    }

    fn fault(&self) -> Fault {
        if self.alarm.wheel().is_cut() {
            return drain_cut();
        }
        let kind = self.next().1;
        let message = match kind {
            Kind::FirstTokenTimeout => "The provider sent no content within `timeouts.first_token`",
            Kind::IdleTimeout => "The provider sent no content for longer than `timeouts.idle`",
            Kind::TotalTimeout => {
                "The answer was not whole within `timeouts.total` (`timeouts.stream_total` of a stream)"
            }
            _ => "The answer was not whole within `timeouts.attempt`",
        };
        Fault::new(kind, message)
    }
}

/// What a call gets that is still open when the drain's grace ends.
pub fn drain_cut() -> Fault {
    Fault::new(Kind::DrainCut, "The gateway is shutting down: send the call again")
}
