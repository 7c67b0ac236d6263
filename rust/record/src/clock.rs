//! The stages of one call, as it passes them.

use crate::call::Record;
use crate::stages::{Stage, Stages};
use std::task::Poll;
use std::time::Duration;

/// Where a call stands in its run.
#[derive(Debug)]
pub(crate) struct Clock {
    /// 0: the call is not looked at, and nothing else here means anything.
    run: u32,
    /// Up to when the time is accounted for.
    last_ns: u64,
    /// Worked since the last mark, and not counted yet.
    worked_ns: u64,
    /// Waited since the last mark, and not counted yet.
    waited_ns: u64,
    /// The last wait of these.
    last_wait_ns: u64,
    paused: bool,
}

impl Clock {
    /// The clock of a call whose record opens at `now_ns`.
    pub(crate) fn open(stages: &Stages, now_ns: u64) -> Self {
        let run = stages.join();
        stages.end((run != 0).then_some(Stage::Head), || now_ns);
        Self { run, last_ns: now_ns, worked_ns: 0, waited_ns: 0, last_wait_ns: 0, paused: false }
    }

    /// The clock of a call that is not looked at.
    pub(crate) const fn off() -> Self {
        Self { run: 0, last_ns: 0, worked_ns: 0, waited_ns: 0, last_wait_ns: 0, paused: false }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.run != 0
    }

    /// Time up to now.
    fn lap(&mut self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(std::mem::replace(&mut self.last_ns, now_ns))
    }

    /// Some of the time since the last mark was spent waiting.
    pub(crate) fn waited(&mut self, ns: u64) {
        self.waited_ns += ns;
        self.last_ns += ns;
    }

    fn pause(&mut self, now_ns: u64) {
        self.worked_ns += self.lap(now_ns);
        self.paused = true;
    }

    fn resume(&mut self, now_ns: u64) {
        if std::mem::take(&mut self.paused) {
            self.last_wait_ns = self.lap(now_ns);
            self.waited_ns += self.last_wait_ns;
        }
    }

    /// The same; the time since the last mark was somebody else's.
    fn resume_elsewhere(&mut self, now_ns: u64) {
        self.resume(now_ns);
        self.last_ns = now_ns;
    }

    /// What was worked since the last mark belongs to `stage`.
    fn work(&mut self, stages: &Stages, stage: Stage) {
        stages.count(self.run, stage, std::mem::take(&mut self.worked_ns));
    }

    /// What was waited since the last mark belongs to `stage`, if it was anything.
    fn wait(&mut self, stages: &Stages, stage: Stage) {
        let waited_ns = std::mem::take(&mut self.waited_ns);
        if waited_ns > 0 {
            stages.count(self.run, stage, waited_ns);
        }
    }
}

/// What the stages tell of their time; nothing happens in a call that is not looked at.
impl Record {
    /// `stage` ends here, and began where the one before it ended. Waiting in between was for the caller.
    pub fn mark(&mut self, stage: Stage) {
        if self.clock.is_on() {
            let now_ns = self.wheel().now();
            self.clock.worked_ns += self.clock.lap(now_ns);
            self.clock.work(&self.meters.stages, stage);
            self.clock.wait(&self.meters.stages, Stage::BodyWait);
        }
    }

    /// One turn of an exchange with a provider: what passes between turns is waiting.
    pub fn exchanges<T>(&mut self, turn: impl FnOnce() -> Poll<T>) -> Poll<T> {
        if !self.clock.is_on() {
            return turn();
        }
        self.clock.resume(self.wheel().now());
        let polled = turn();
        let now_ns = self.wheel().now();
        if polled.is_pending() {
            self.clock.pause(now_ns);
        } else if self.clock.waited_ns == 0 {
            self.clock.worked_ns += self.clock.lap(now_ns);
        }
        polled
    }

    /// An exchange has its first byte, or has failed. Its last turn belongs to what follows, unless it was the only one.
    ///
    /// `connect`: how long a new connection took, work included; 0 for one that was open. The last wait was for the
    /// answer even where that leaves less for it.
    pub fn exchanged(&mut self, connect: Duration) {
        if self.clock.is_on() {
            let stages = &self.meters.stages;
            self.clock.work(stages, Stage::Send);
            if !connect.is_zero() {
                let connect_ns = u64::try_from(connect.as_nanos()).unwrap_or(u64::MAX);
                let waited_ns = self.clock.waited_ns;
                self.clock.waited_ns = waited_ns.saturating_sub(connect_ns).max(self.clock.last_wait_ns.min(waited_ns));
                stages.count(self.clock.run, Stage::ConnectWait, waited_ns - self.clock.waited_ns);
            }
            self.clock.wait(stages, Stage::Wait);
        }
    }

    /// The answer's body is asked for a piece.
    pub fn asked_for_piece(&mut self) {
        if self.clock.is_on() {
            self.clock.resume_elsewhere(self.wheel().now());
        }
    }

    /// The answer's body has no piece just now.
    pub fn has_no_piece(&mut self) {
        if self.clock.is_on() {
            self.clock.pause(self.wheel().now());
        }
    }

    /// The answer's body hands a piece on.
    pub fn hands_piece_on(&mut self) {
        if self.clock.is_on() {
            self.mark_closing(Stage::Forward);
        }
    }

    /// The record has done all that it does at its end.
    pub(crate) fn mark_closed(&mut self) {
        if self.clock.is_on() {
            self.mark_closing(Stage::Close);
        }
    }

    /// The call ends where nobody knows what it was about to do: the time since the last mark is nobody's.
    pub(crate) fn abandon_stage(&mut self) {
        if self.clock.is_on() {
            self.clock.resume_elsewhere(self.wheel().now());
            (self.clock.worked_ns, self.clock.waited_ns) = (0, 0);
        }
    }

    fn mark_closing(&mut self, stage: Stage) {
        let now_ns = self.wheel().now();
        self.clock.worked_ns += self.clock.lap(now_ns);
        self.clock.work(&self.meters.stages, stage);
        self.clock.wait(&self.meters.stages, Stage::PieceWait);
    }
}

#[cfg(test)]
mod tests;
