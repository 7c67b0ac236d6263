//! The body that the caller gets.

use crate::ending::{How, Settle};
use crate::flow::{Flow, Step};
use crate::opening::Opening;
use crate::rest::Rest;
use crate::terms::{AfterLeave, Terms};
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use record::Record;
use std::task::{Context, Poll};

/// A provider's body on its way to the caller; closes the call's record when the last byte has been taken, and settles
/// the attempt.
///
/// Dropping it before its end gives the provider's body up, which cancels the provider's work, unless the terms say that
/// it is to be read on; the record then counts a caller that went away.
#[derive(Debug)]
pub struct Forward<B: Source, S: Settle<B>> {
    /// None once the call is closed. In a box, since a reply changes hands several times.
    open: Option<Box<Open<B, S>>>,
    /// The fault that follows the last words of a stream.
    cut: Option<Box<Fault>>,
}

/// What came of an answer before its head was sent on.
#[derive(Debug)]
pub enum Begun {
    /// Of an answer that is not an event stream: the first piece, none when the body is empty.
    Plain(Option<Bytes>),
    /// Of an event stream: its opening, committed or not.
    Stream(Opening),
}

#[derive(Debug)]
struct Open<B, S> {
    flow: Flow<B>,
    settle: S,
    after_leave: Option<AfterLeave>,
}

impl<B: Source, S: Settle<B>> Forward<B, S> {
    /// Forwards `body` from what has begun of it on. `settle` is told how the attempt ended.
    pub fn new(body: B, begun: Begun, terms: &Terms, record: Record, settle: S) -> Self {
        let is_empty = matches!(begun, Begun::Plain(None));
        let flow = Flow::new(body, begun, terms, record);
        let open = Box::new(Open { flow, settle, after_leave: terms.after_leave });
        let mut forward = Self { open: Some(open), cut: None };
        if is_empty {
            // Nobody asks for a body that is not there.
            forward.end(Bytes::new());
        }
        forward
    }

    /// The provider's body has ended: the last bytes, if any are left.
    fn end(&mut self, rest: Bytes) -> Option<Result<Bytes, Fault>> {
        let mut open = self.open.take()?;
        open.flow.record.delivered(rest.len() as u64);
        open.close(How::Whole);
        (!rest.is_empty()).then_some(Ok(rest))
    }

    /// The answer cannot be finished. A stream gets its last words first; then, as for any other body, the fault.
    fn fail(&mut self, fault: Fault) -> Option<Result<Bytes, Fault>> {
        let open = self.open.take()?;
        let Some(events) = &open.flow.events else {
            open.close_cut(&fault);
            return Some(Err(fault));
        };
        if events.is_over() {
            // The provider broke off behind the end of its stream: nothing is missing.
            open.close(How::Whole);
            return None;
        }
        let words = events.error(&fault, open.flow.record.id());
        open.close_cut(&fault);
        self.cut = Some(Box::new(fault));
        Some(Ok(words))
    }
}

#[expect(clippy::boxed_local, reason = "its parts are used where they are, instead of being copied out first")]
impl<B: Source, S: Settle<B>> Open<B, S> {
    /// The caller has all that the provider sent. A stream that ended with the provider's own error is no answer.
    fn close(self: Box<Self>, how: How) {
        let ending = self.flow.ending(how);
        match &ending.how {
            How::ErrorEvent(_) => self.flow.record.close_cut(&provider_failed()),
            How::Whole | How::Cut(_) | How::Dropped => self.flow.record.close(),
        }
        self.settle.settle(ending);
    }

    fn close_cut(self: Box<Self>, fault: &Fault) {
        let ending = self.flow.ending(How::Cut(fault.kind()));
        self.flow.record.close_cut(fault);
        self.settle.settle(ending);
    }

    /// The caller has gone; the record says so when it is dropped.
    fn leave(self: Box<Self>) {
        let Self { flow, settle, after_leave } = *self;
        let ending = flow.ending(How::Dropped);
        match after_leave {
            Some(limits) if ending.how == How::Dropped && !flow.record.wheel().is_cut() => {
                settle.left(Rest::new(flow, limits));
            }
            Some(_) | None => {
                drop(flow);
                settle.settle(ending);
            }
        }
    }
}

impl<B: Source, S: Settle<B>> Source for Forward<B, S> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let Some(open) = &mut self.open else {
            return Poll::Ready(self.cut.take().map(|fault| Err(*fault)));
        };
        let flow = &mut open.flow;
        flow.record.asked_for_piece();
        match flow.poll(cx) {
            Poll::Pending => {
                flow.record.has_no_piece();
                Poll::Pending
            }
            Poll::Ready(Step::Piece(piece)) => {
                flow.record.delivered(piece.len() as u64);
                flow.record.hands_piece_on();
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(Step::End(rest)) => Poll::Ready(self.end(rest)),
            Poll::Ready(Step::Fail(fault)) => Poll::Ready(self.fail(fault)),
        }
    }
}

impl<B: Source, S: Settle<B>> Drop for Forward<B, S> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            open.leave();
        }
    }
}

/// What the record of a call says whose stream ended with the provider's own error.
fn provider_failed() -> Fault {
    Fault::new(Kind::StreamCut, "The provider ended the stream with an error of its own")
}
