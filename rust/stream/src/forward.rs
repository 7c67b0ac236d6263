//! The body that the caller gets.

use crate::deadlines::{Deadlines, Watch};
use crate::events::Events;
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use protocol::openai::paths::Streams;
use record::Record;
use std::task::{Context, Poll};

/// A provider's body on its way to the caller; closes the call's record when the last byte has been taken.
///
/// Dropping it before its end gives the provider's body up, which cancels the provider's work, and leaves the record to
/// count a caller that went away.
#[derive(Debug)]
pub struct Forward<B> {
    body: B,
    /// The first piece, which came before the head was sent.
    first: Option<Bytes>,
    events: Option<Box<Events>>,
    watch: Watch,
    /// None once the call is closed.
    record: Option<Record>,
    /// The fault that follows the last words of a stream.
    cut: Option<Fault>,
}

impl<B: Source> Forward<B> {
    /// Forwards `body` from its first piece on (`None` when the body is empty).
    ///
    /// `streams` says that the answer is an event stream, and of which kind.
    pub fn new(
        body: B,
        first: Option<Bytes>,
        streams: Option<Streams>,
        deadlines: &Deadlines,
        mut record: Record,
    ) -> Self {
        let alarm = record.wheel().alarm();
        let (watch, events) = match streams {
            Some(streams) => {
                record.streams();
                (Watch::stream(alarm, deadlines), Some(Box::new(Events::new(streams))))
            }
            None => (Watch::whole(alarm, deadlines), None),
        };
        Self { body, first, events, watch, record: Some(record), cut: None }
    }

    /// A piece has come from the provider: what of it goes on now, possibly nothing.
    fn take(&mut self, piece: Bytes) -> Bytes {
        let Some(events) = &mut self.events else { return piece };
        let progress = events.push(piece);
        if progress.data && events.content() {
            self.watch.content();
            if let Some(record) = &mut self.record {
                record.first_token();
            }
        }
        progress.whole
    }

    /// The provider's body has ended: the last bytes, if any are left.
    fn end(&mut self) -> Option<Result<Bytes, Fault>> {
        match self.events.as_mut().map_or(Ok(Bytes::new()), |events| events.end()) {
            Ok(rest) => {
                if let Some(mut record) = self.record.take() {
                    record.delivered(rest.len() as u64);
                    record.close();
                }
                (!rest.is_empty()).then_some(Ok(rest))
            }
            Err(fault) => self.fail(fault),
        }
    }

    /// The answer cannot be finished. A stream gets its last words first; then, as for any other body, the fault.
    fn fail(&mut self, fault: Fault) -> Option<Result<Bytes, Fault>> {
        let record = self.record.take()?;
        if let Some(events) = &self.events {
            if events.is_over() {
                // The provider broke off behind the end of its stream: nothing is missing.
                record.close();
                return None;
            }
            let words = events.error(&fault, record.id());
            record.close_cut(&fault);
            self.cut = Some(fault);
            return Some(Ok(words));
        }
        record.close_cut(&fault);
        Some(Err(fault))
    }
}

impl<B: Source> Source for Forward<B> {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        if let Some(record) = &mut self.record {
            record.asked_for_piece();
        }
        let polled = self.next(cx);
        if let Some(record) = &mut self.record {
            if polled.is_pending() { record.has_no_piece() } else { record.hands_piece_on() }
        }
        polled
    }
}

impl<B: Source> Forward<B> {
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        if self.record.is_none() {
            return Poll::Ready(self.cut.take().map(Err));
        }
        loop {
            let piece = match self.first.take() {
                Some(first) => Poll::Ready(Some(Ok(first))),
                None => self.body.poll_piece(cx),
            };
            match piece {
                Poll::Ready(Some(Ok(piece))) => {
                    let whole = self.take(piece);
                    if !whole.is_empty() {
                        if let Some(record) = &mut self.record {
                            record.delivered(whole.len() as u64);
                        }
                        return Poll::Ready(Some(Ok(whole)));
                    }
                }
                Poll::Ready(Some(Err(fault))) => return Poll::Ready(self.fail(fault)),
                Poll::Ready(None) => return Poll::Ready(self.end()),
                Poll::Pending => {
                    return match self.watch.poll(cx) {
                        Poll::Ready(fault) => Poll::Ready(self.fail(fault)),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}
