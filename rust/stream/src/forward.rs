//! The body that the caller gets.

use crate::ending::{How, Settle};
use crate::events::Events;
use crate::flow::{Flow, Step};
use crate::opening::Opening;
use crate::rest::Rest;
use crate::seam::{Came, Cut, GoOn, Next, Seam, Stopped};
use crate::terms::{AfterLeave, Terms};
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use record::{Continued, Record};
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
    /// What comes when nothing is open.
    then: Option<Box<Then<B, S>>>,
}

#[derive(Debug)]
enum Then<B, S> {
    /// The fault that follows the last words of a stream.
    Fault(Fault),
    /// What goes on with a stream that was cut, perhaps.
    Seam(Seam<B, S>),
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
struct Open<B: Source, S: Settle<B>> {
    flow: Flow<B>,
    settle: S,
    after_leave: Option<AfterLeave>,
    go_on: Option<Box<dyn GoOn<B, S>>>,
}

type Polled = Poll<Option<Result<Bytes, Fault>>>;

impl<B: Source, S: Settle<B>> Forward<B, S> {
    /// Forwards `body` from what has begun of it on. `settle` is told how the attempt ended.
    pub fn new(body: B, begun: Begun, terms: &Terms, record: Record, settle: S) -> Self {
        let is_empty = matches!(begun, Begun::Plain(None));
        let flow = Flow::new(body, begun, terms, record);
        let open = Box::new(Open { flow, settle, after_leave: terms.after_leave, go_on: None });
        let mut forward = Self { open: Some(open), then: None };
        if is_empty {
            // Nobody asks for a body that is not there.
            forward.end(Bytes::new());
        }
        forward
    }

    /// The same, and when the provider cuts the stream after its first content, it is continued, once.
    #[must_use]
    pub fn continued_by(mut self, go_on: Box<dyn GoOn<B, S>>) -> Self {
        if let Some(open) = &mut self.open {
            open.flow.gather();
            open.go_on = Some(go_on);
        }
        self
    }

    /// What has not ended yet.
    pub(crate) fn flow(&mut self) -> Option<&mut Flow<B>> {
        self.open.as_mut().map(|open| &mut open.flow)
    }

    /// The provider's body has ended: the last bytes, if any are left.
    fn end(&mut self, rest: Bytes) -> Option<Result<Bytes, Fault>> {
        let mut open = self.open.take()?;
        open.flow.record.delivered(rest.len() as u64);
        open.close(How::Whole);
        (!rest.is_empty()).then_some(Ok(rest))
    }

    /// The answer cannot be finished. A stream that can be continued waits for that; any other gets its last words first;
    /// then, as for any other body, the fault.
    fn fail(&mut self, fault: Fault, cx: &mut Context<'_>) -> Polled {
        let Some(mut open) = self.open.take() else { return Poll::Ready(None) };
        let Some(events) = &open.flow.events else {
            open.close_cut(&fault);
            return Poll::Ready(Some(Err(fault)));
        };
        if events.is_over() && !events.has_stopped() {
            // The provider broke off behind the end of its stream: nothing is missing.
            open.close(How::Whole);
            return Poll::Ready(None);
        }
        if let Some(go_on) = open.go_on.take() {
            return self.begin_seam(*open, go_on, fault, cx);
        }
        let words = events.error(&fault, open.flow.record.id());
        open.close_cut(&fault);
        self.then = Some(Box::new(Then::Fault(fault)));
        Poll::Ready(Some(Ok(words)))
    }

    /// The stream was cut, and may be continued: the first attempt is over, whatever follows.
    fn begin_seam(
        &mut self,
        open: Open<B, S>,
        go_on: Box<dyn GoOn<B, S>>,
        fault: Fault,
        cx: &mut Context<'_>,
    ) -> Polled {
        let Open { flow, settle, after_leave, .. } = open;
        let ending = flow.ending(How::Cut(fault.kind()));
        let how = ending.how.clone();
        let keep_alive = flow.keep_alive();
        let (events, mut record) = flow.into_record();
        settle.settle(ending, &mut record);
        let Some(mut events) = events else { return Poll::Ready(None) };
        let (text, theirs) = events.stop();
        let cut = if theirs.is_empty() { Cut::Fault(fault) } else { Cut::Theirs(theirs) };
        match go_on.go_on(&how, text, record) {
            Ok(going) => {
                let seam = Seam::new(going, events, cut, (after_leave, keep_alive));
                self.then = Some(Box::new(Then::Seam(seam)));
                self.poll_then(cx)
            }
            Err(record) => Poll::Ready(Some(Ok(self.stop(&events, cut, Stopped { record, fault: None })))),
        }
    }

    /// What comes when nothing is open.
    fn poll_then(&mut self, cx: &mut Context<'_>) -> Polled {
        let mut seam = match self.then.take().map(|then| *then) {
            None => return Poll::Ready(None),
            Some(Then::Fault(fault)) => return Poll::Ready(Some(Err(fault))),
            Some(Then::Seam(seam)) => seam,
        };
        match seam.poll(cx) {
            Poll::Pending => {
                self.then = Some(Box::new(Then::Seam(seam)));
                Poll::Pending
            }
            Poll::Ready(Came::Comment(comment)) => {
                self.then = Some(Box::new(Then::Seam(seam)));
                Poll::Ready(Some(Ok(comment)))
            }
            Poll::Ready(Came::Next(next)) => self.end_seam(seam, *next, cx),
            Poll::Ready(Came::Stopped(stopped)) => Poll::Ready(Some(Ok(self.stop(&seam.events, seam.cut, *stopped)))),
        }
    }

    /// Another stream goes on.
    fn end_seam(&mut self, seam: Seam<B, S>, next: Next<B, S>, cx: &mut Context<'_>) -> Polled {
        let Next { body, opening, follow, terms, mut record, settle, mark } = next;
        record.was_continued(Continued::Whole);
        let mut flow = Flow::new(body, Begun::Stream(opening), &terms, record);
        if flow.follow(follow, &mark) {
            self.open = Some(Box::new(Open { flow, settle, after_leave: seam.after_leave, go_on: None }));
            return self.poll_piece(cx);
        }
        // It says something else than what would go on from the text.
        let ending = flow.ending(How::Dropped);
        let (_, mut record) = flow.into_record();
        settle.settle(ending, &mut record);
        record.was_continued(Continued::Failed);
        Poll::Ready(Some(Ok(self.stop(&seam.events, seam.cut, Stopped { record, fault: None }))))
    }

    /// A cut stream is not continued: it ends as it would have without the attempt to.
    fn stop(&mut self, events: &Events, cut: Cut, stopped: Stopped) -> Bytes {
        let Stopped { mut record, fault } = stopped;
        let fault = match (fault, cut) {
            (Some(fault), _) | (None, Cut::Fault(fault)) => fault,
            (None, Cut::Theirs(words)) => {
                record.delivered(words.len() as u64);
                record.close_cut(&provider_failed());
                return words;
            }
        };
        let words = events.error(&fault, record.id());
        record.close_cut(&fault);
        self.then = Some(Box::new(Then::Fault(fault)));
        words
    }
}

#[expect(clippy::boxed_local, reason = "its parts are used where they are, instead of being copied out first")]
impl<B: Source, S: Settle<B>> Open<B, S> {
    /// The caller has all that the provider sent. A stream that ended with the provider's own error is no answer.
    fn close(mut self: Box<Self>, how: How) {
        let ending = self.flow.ending(how);
        let has_failed = matches!(ending.how, How::ErrorEvent(_));
        self.settle.settle(ending, &mut self.flow.record);
        if has_failed {
            self.flow.record.close_cut(&provider_failed());
        } else {
            self.flow.record.close();
        }
    }

    fn close_cut(mut self: Box<Self>, fault: &Fault) {
        let ending = self.flow.ending(How::Cut(fault.kind()));
        self.settle.settle(ending, &mut self.flow.record);
        self.flow.record.close_cut(fault);
    }

    /// The caller has gone; the record says so when it is dropped.
    fn leave(self: Box<Self>) {
        let Self { flow, settle, after_leave, .. } = *self;
        let ending = flow.ending(How::Dropped);
        match after_leave {
            Some(limits) if ending.how == How::Dropped && !flow.record.wheel().is_cut() => {
                settle.left(Rest::new(flow, limits));
            }
            Some(_) | None => {
                let (_, mut record) = flow.into_record();
                settle.settle(ending, &mut record);
            }
        }
    }
}

impl<B: Source, S: Settle<B>> Source for Forward<B, S> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(open) = &mut self.open else { return self.poll_then(cx) };
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
            Poll::Ready(Step::Fail(fault)) => self.fail(fault, cx),
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
pub(crate) fn provider_failed() -> Fault {
    Fault::new(Kind::StreamCut, "The provider ended the stream with an error of its own")
}
