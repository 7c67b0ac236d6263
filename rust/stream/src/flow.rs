//! An answer as it comes: pieces for the caller, up to an end or a fault.

use crate::deadlines::{Due, Watch};
use crate::ending::{Ending, How};
use crate::events::{self, Events};
use crate::forward::Begun;
use crate::metered::Meter;
use crate::seam::KeepAlive;
use crate::terms::Terms;
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use protocol::openai::continuing::Follow;
use protocol::openai::stream::{Finish, State};
use record::Record;
use std::task::{Context, Poll, ready};

/// A body with what is known of it.
#[derive(Debug)]
pub(crate) struct Flow<B> {
    body: B,
    /// What came before the head was sent, in order.
    held: [Option<Bytes>; 2],
    /// The body broke off before that.
    is_broken: bool,
    /// The stream is over although its body is not, see [`Events::has_stopped`].
    has_stopped: bool,
    pub(crate) events: Option<Box<Events>>,
    watch: Watch,
    /// Of an answer that is no stream.
    meter: Option<Meter>,
    pub(crate) record: Record,
}

/// What came next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Something for the caller, not empty.
    Piece(Bytes),
    /// The end, well or with the provider's own error event; and what is left to be sent, possibly nothing.
    End(Bytes),
    /// The answer cannot be finished; unless the stream was over already.
    Fail(Fault),
}

impl<B: Source> Flow<B> {
    pub(crate) fn new(body: B, begun: Begun, terms: &Terms, mut record: Record) -> Self {
        let alarm = record.wheel().alarm();
        let opening = match begun {
            Begun::Plain(first) => {
                let watch = Watch::whole(alarm, &terms.deadlines);
                let mut meter = Meter::new(terms.taps);
                if terms.reads_tier {
                    meter.read_tier();
                }
                if let Some(first) = &first {
                    meter.pass(first);
                }
                return Self {
                    body,
                    held: [first, None],
                    is_broken: false,
                    has_stopped: false,
                    events: None,
                    watch,
                    meter: Some(meter),
                    record,
                };
            }
            Begun::Stream(opening) => opening,
        };
        record.streams();
        let mut watch = Watch::stream(alarm, terms);
        let is_broken = opening.is_broken;
        let (events, held) = opening.into_parts();
        let now = watch.now();
        if events.has_content() {
            watch.content(now);
            record.first_token();
        }
        if events.is_over() {
            watch.over(now);
        }
        Self { body, held, is_broken, has_stopped: false, events: Some(events), watch, meter: None, record }
    }

    /// What comes next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if self.held[0].is_some()
            && let Some(piece) = self.next_held()
        {
            return Poll::Ready(Step::Piece(piece));
        }
        loop {
            if self.has_stopped {
                return Poll::Ready(Step::Fail(events::cut()));
            }
            match self.body.poll_piece(cx) {
                Poll::Ready(Some(Ok(piece))) => {
                    let whole = self.take(piece);
                    if !whole.is_empty() {
                        return Poll::Ready(Step::Piece(whole));
                    }
                }
                Poll::Ready(Some(Err(fault))) => return Poll::Ready(Step::Fail(fault)),
                Poll::Ready(None) => return Poll::Ready(self.end()),
                Poll::Pending => match ready!(self.watch.poll(cx)) {
                    Due::Fault(fault) => return Poll::Ready(Step::Fail(fault)),
                    Due::KeepAlive => {
                        if let Some(comment) = self.events.as_ref().and_then(|events| events.comment()) {
                            return Poll::Ready(Step::Piece(comment));
                        }
                    }
                },
            }
        }
    }

    /// What the stream says is gathered, from what is held on.
    pub(crate) fn gather(&mut self) {
        if let Some(events) = &mut self.events {
            events.gather(&self.held);
        }
    }

    /// The stream is made a part of an earlier answer, behind a comment; whether it goes on from that.
    pub(crate) fn follow(&mut self, follow: Follow, mark: &str) -> bool {
        let Some(first) = self.events.as_mut().and_then(|events| events.follow(follow, &self.held)) else {
            return false;
        };
        self.held = [Some([b": ", mark.as_bytes(), b"\n\n", &first].concat().into()), None];
        true
    }

    /// Comments for a caller that waits for what follows this.
    pub(crate) fn keep_alive(&self) -> Option<KeepAlive> {
        let ns = self.watch.keep_alive_ns()?;
        Some(KeepAlive::new(self.record.wheel().alarm(), ns))
    }

    /// Gives the body up, which cancels the provider's work.
    pub(crate) fn into_record(self) -> (Option<Box<Events>>, Record) {
        (self.events, self.record)
    }

    /// The caller has left: the rest may take `ns` more.
    pub(crate) fn left(&mut self, ns: u64) {
        self.watch.left(ns);
    }

    /// How the attempt ended: as its stream says, if that was over, and `otherwise` if not.
    pub(crate) fn ending(&self, otherwise: How) -> Ending {
        let events = self.events.as_deref();
        let how = match events.map(Events::state) {
            Some(State::Done) => How::Whole,
            Some(State::Failed) => How::ErrorEvent(events.map(Events::failure).unwrap_or_default()),
            Some(State::Open | State::Content) | None => otherwise,
        };
        let finish = events.map_or(Finish::None, Events::finish);
        let metered = self.meter.as_ref().map(Meter::read).or_else(|| events.map(Events::metered)).unwrap_or_default();
        Ending { how, first_token_at: self.watch.first_token_at(), finish, metered }
    }

    /// A piece has come from the provider: what of it goes on now, possibly nothing.
    fn take(&mut self, piece: Bytes) -> Bytes {
        let Some(events) = &mut self.events else {
            if let Some(meter) = &mut self.meter {
                meter.pass(&piece);
            }
            return piece;
        };
        let now = self.watch.now();
        if self.watch.is_stale(now) {
            events.seek();
        }
        let sought = events.seeks();
        let whole = events.push(piece);
        self.has_stopped = events.has_stopped();
        if whole.is_empty() {
            return whole;
        }
        self.watch.sent(now);
        if sought && events.seeks() {
            self.watch.ping();
        } else if sought {
            self.watch.content(now);
            self.record.first_token();
        }
        if events.is_over() {
            self.watch.over(now);
        }
        whole
    }

    fn next_held(&mut self) -> Option<Bytes> {
        let next = self.held[1].take();
        std::mem::replace(&mut self.held[0], next)
    }

    fn end(&mut self) -> Step {
        if self.is_broken {
            return Step::Fail(events::cut());
        }
        match self.events.as_mut().map_or(Ok(Bytes::new()), |events| events.end()) {
            Ok(rest) => Step::End(rest),
            Err(fault) => Step::Fail(fault),
        }
    }
}
