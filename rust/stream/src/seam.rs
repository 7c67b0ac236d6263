//! Between a stream that was cut and the one that goes on with it.

use crate::ending::{How, Settle};
use crate::events::Events;
use crate::opening::Opening;
use crate::terms::{AfterLeave, Terms};
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use protocol::openai::continuing::{Follow, Text};
use record::{Alarm, Record};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Who can go on with a stream that its provider cut.
///
/// It is asked once, when the first attempt is over and settled. Nothing of what it answers has been seen by the caller.
pub trait GoOn<B: Source, S: Settle<B>>: fmt::Debug {
    /// Begins another attempt that goes on from `text`, which is none where what came is not such that anybody could.
    /// `how` says what the cut was; the record belongs to the attempt until it has begun or failed.
    ///
    /// `Err`: there will be none, and the record as it came.
    #[expect(clippy::result_large_err, reason = "the record changes hands either way")]
    fn go_on(self: Box<Self>, how: &How, text: Option<Text>, record: Record) -> Result<Going<B, S>, Record>;
}

/// An attempt to go on; dropping it gives up what it does, and closes its record as that of a caller that went away.
pub type Going<B, S> = Pin<Box<dyn Future<Output = Result<Next<B, S>, Stopped>>>>;

/// A stream that goes on, committed.
#[derive(Debug)]
pub struct Next<B, S> {
    /// Its body.
    pub body: B,
    /// What has come of it.
    pub opening: Opening,
    /// What makes it a part of the same answer.
    pub follow: Follow,
    /// What it is sent on under.
    pub terms: Terms,
    /// The call's record.
    pub record: Record,
    /// Who wants to know how it ends.
    pub settle: S,
    /// What the caller is told where it begins: the text of a comment, one line.
    pub mark: String,
}

/// There is nothing to go on with.
#[derive(Debug)]
pub struct Stopped {
    /// The call's record.
    pub record: Record,
    /// Why, as far as it is the gateway's doing.
    pub fault: Option<Fault>,
}

/// Why the first stream broke off.
#[derive(Debug)]
pub(crate) enum Cut {
    /// What the caller is to be told.
    Fault(Fault),
    /// Its provider's own error event, and what came after it.
    Theirs(Bytes),
}

/// The state between the two.
pub(crate) struct Seam<B, S> {
    going: Going<B, S>,
    /// Of the first stream, for the last words if nothing follows.
    pub(crate) events: Box<Events>,
    pub(crate) cut: Cut,
    pub(crate) after_leave: Option<AfterLeave>,
    keep_alive: Option<KeepAlive>,
}

impl<B, S> fmt::Debug for Seam<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seam").field("cut", &self.cut).finish_non_exhaustive()
    }
}

/// What came of a seam.
pub(crate) enum Came<B, S> {
    /// A comment for a caller that waits.
    Comment(Bytes),
    /// The stream goes on.
    Next(Box<Next<B, S>>),
    /// It does not.
    Stopped(Box<Stopped>),
}

/// Comments for a caller that waits.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    alarm: Alarm,
    ns: u64,
}

impl KeepAlive {
    /// A comment after each `ns` from now on.
    pub(crate) fn new(alarm: Alarm, ns: u64) -> Self {
        let keep_alive = Self { alarm, ns };
        keep_alive.arm();
        keep_alive
    }

    fn arm(&self) {
        self.alarm.set(Some(self.alarm.wheel().now().saturating_add(self.ns)));
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.alarm.wheel().is_cut() {
            return Poll::Pending; // the attempt hears of that itself
        }
        ready!(self.alarm.poll(cx));
        self.arm();
        Poll::Ready(())
    }
}

impl<B: Source, S: Settle<B>> Seam<B, S> {
    pub(crate) fn new(
        going: Going<B, S>,
        events: Box<Events>,
        cut: Cut,
        waits: (Option<AfterLeave>, Option<KeepAlive>),
    ) -> Self {
        let (after_leave, keep_alive) = waits;
        Self { going, events, cut, after_leave, keep_alive }
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came<B, S>> {
        match self.going.as_mut().poll(cx) {
            Poll::Ready(Ok(next)) => Poll::Ready(Came::Next(Box::new(next))),
            Poll::Ready(Err(stopped)) => Poll::Ready(Came::Stopped(Box::new(stopped))),
            Poll::Pending => {
                let Some(keep_alive) = &self.keep_alive else { return Poll::Pending };
                ready!(keep_alive.poll(cx));
                Poll::Ready(Came::Comment(Events::keep_alive()))
            }
        }
    }
}
