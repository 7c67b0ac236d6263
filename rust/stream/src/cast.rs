//! The one who writes an answer that several callers get.

use crate::ending::{Ending, How, Settle};
use crate::forward::Forward;
use crate::rest::Rest;
use crate::seam::{GoOn, Going, Next};
use crate::tape::{End, Writer};
use crate::terms::AfterLeave;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use protocol::openai::continuing::Text;
use protocol::sse::Numbering;
use record::{Alarm, Record};
use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};

/// What a cast asks of the worker that it runs on.
pub trait Host {
    /// One of the few places for answers that nobody reads at present; dropped, it is free again.
    type Place;

    /// A place, if there is one.
    fn place(&self) -> Option<Self::Place>;

    /// Whether there is room to keep what was read.
    fn has_room(&self) -> bool;
}

/// Tells a cast what its attempt came to, and passes it on.
#[derive(Debug)]
pub struct Telling<S> {
    inner: S,
    how: Rc<RefCell<Option<How>>>,
}

impl<S> Telling<S> {
    /// Around `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner, how: Rc::default() }
    }

    /// The same around what goes on with a stream that was cut: what that comes to counts.
    pub fn around<B>(&self, inner: Box<dyn GoOn<B, S>>) -> Box<dyn GoOn<B, Self>>
    where
        B: Source + 'static,
        S: Settle<B> + 'static,
    {
        Box::new(TellingOn { inner, how: Rc::clone(&self.how) })
    }
}

/// See [`Telling::around`].
struct TellingOn<B: Source, S: Settle<B>> {
    inner: Box<dyn GoOn<B, S>>,
    how: Rc<RefCell<Option<How>>>,
}

impl<B: Source, S: Settle<B>> fmt::Debug for TellingOn<B, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TellingOn").field(&self.inner).finish()
    }
}

impl<B: Source + 'static, S: Settle<B> + 'static> GoOn<B, Telling<S>> for TellingOn<B, S> {
    fn go_on(self: Box<Self>, how: &How, text: Option<Text>, record: Record) -> Result<Going<B, Telling<S>>, Record> {
        let Self { inner, how: told } = *self;
        let going = inner.go_on(how, text, record)?;
        Ok(Box::pin(async move {
            let Next { body, opening, follow, terms, record, settle, mark } = going.await?;
            Ok(Next { body, opening, follow, terms, record, settle: Telling { inner: settle, how: told }, mark })
        }))
    }
}

impl<B: Source, S: Settle<B>> Settle<B> for Telling<S> {
    fn settle(self, ending: Ending, record: &mut Record) {
        *self.how.borrow_mut() = Some(ending.how.clone());
        self.inner.settle(ending, record);
    }

    fn left(self, rest: Rest<B>) {
        self.inner.left(rest);
    }
}

/// The caller who began a call whose record goes with the work: it is there as long as this is.
#[derive(Debug, Default)]
pub struct Lead(Rc<()>);

impl Lead {
    /// For the work, to see whether it still is.
    pub fn watch(&self) -> Weak<()> {
        Rc::downgrade(&self.0)
    }
}

/// What came of a cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// The tape has the end of the answer.
    Ended,
    /// Nobody read it, and it was given up.
    GivenUp,
}

/// Writes what a [`Forward`] yields on a tape, as fast as the tape lets it.
///
/// As long as anybody reads, it goes on; the record of the call that began it goes with it, and says in the end whether
/// that caller was still there. When nobody reads any more it goes on as far as [`Cast::reading_on`] says, and stops for
/// good unless somebody comes back. Dropping it cancels the provider's work.
#[derive(Debug)]
pub struct Cast<B: Source, S: Settle<B>, H> {
    forward: Forward<B, Telling<S>>,
    how: Rc<RefCell<Option<How>>>,
    writer: Writer<H>,
    lead: Weak<()>,
    alarm: Alarm,
    after_leave: Option<AfterLeave>,
    numbering: Option<Numbering>,
    /// How many events have come.
    events: u64,
}

/// While nobody reads: the place that is taken up, and how many bytes may still come.
type Unread<P> = Option<(P, u64)>;

impl<B: Source, S: Settle<B>, H> Cast<B, S, H> {
    /// `forward` was made with `telling`, which gives its handle before; its terms leave nothing to be read on after a
    /// leave, since that is decided here.
    pub fn new(telling: Telling<S>, forward: impl FnOnce(Telling<S>) -> Forward<B, Telling<S>>, to: To<H>) -> Self {
        let how = Rc::clone(&telling.how);
        let To { writer, lead, alarm } = to;
        let forward = forward(telling);
        Self { forward, how, writer, lead, alarm, after_leave: None, numbering: None, events: 0 }
    }

    /// How far the answer is read when nobody takes it; not at all, where nothing is said.
    #[must_use]
    pub fn reading_on(mut self, after_leave: Option<AfterLeave>) -> Self {
        self.after_leave = after_leave;
        self
    }

    /// Puts `id: NAME:N` into each event.
    #[must_use]
    pub fn numbered(mut self, name: &str) -> Self {
        self.numbering = Some(Numbering::new(name));
        self
    }

    /// Writes to the end.
    pub async fn run<W: Host>(mut self, host: &W) -> Ran {
        let mut unread = None;
        let end = poll_fn(|cx| self.poll(cx, host, &mut unread)).await;
        let Some(end) = end else {
            // For whoever comes at this very moment.
            self.writer.end(End::Cut(Fault::new(
                Kind::StreamNotFound,
                "This stream was given up, since nobody read it any more: send the call again",
            )));
            return Ran::GivenUp;
        };
        self.writer.end(end);
        Ran::Ended
    }

    /// The end, or none where it is given up.
    fn poll<W: Host>(&mut self, cx: &mut Context<'_>, host: &W, unread: &mut Unread<W::Place>) -> Poll<Option<End>> {
        loop {
            let room = self.writer.poll_room(cx);
            if self.look_for_readers(host, unread).is_none() || (unread.is_some() && self.alarm.poll(cx).is_ready()) {
                return Poll::Ready(None);
            }
            ready!(room);
            let piece = match ready!(self.forward.poll_piece(cx)) {
                Some(Ok(piece)) => piece,
                Some(Err(fault)) => return Poll::Ready(Some(End::Cut(fault))),
                None => return Poll::Ready(Some(self.end())),
            };
            if let Some((_, left)) = unread {
                match left.checked_sub(piece.len() as u64) {
                    Some(less) => *left = less,
                    None => return Poll::Ready(None),
                }
            }
            self.write(&piece, host.has_room());
        }
    }

    /// Notes who has left; none when that is the end of it.
    fn look_for_readers<W: Host>(&mut self, host: &W, unread: &mut Unread<W::Place>) -> Option<()> {
        if self.lead.strong_count() == 0
            && let Some(flow) = self.forward.flow()
        {
            flow.record.left();
        }
        if self.writer.readers() > 0 {
            *unread = None;
        } else if unread.is_none() {
            let limits = self.after_leave.filter(|_| !self.alarm.wheel().is_cut())?;
            *unread = Some((host.place()?, limits.bytes));
            self.alarm.set(Some(self.alarm.wheel().now().saturating_add(limits.ns)));
        }
        Some(())
    }

    fn write(&mut self, piece: &Bytes, keeps: bool) {
        let flow = self.forward.flow();
        let Some(numbering) = &mut self.numbering else {
            // The last words of a stream come when nothing is left to be counted.
            self.events = flow.and_then(|flow| flow.events.as_ref()).map_or(self.events + 1, |events| events.count());
            return self.writer.push(piece.clone(), self.events, keeps);
        };
        let mut written = 0;
        numbering.push(piece, |piece, number| {
            written += piece.len();
            self.writer.push(piece, number, keeps);
        });
        if let Some(flow) = flow {
            flow.record.delivered((written - piece.len()) as u64);
        }
    }

    fn end(&self) -> End {
        match *self.how.borrow() {
            // What was to go on behind the provider's error said something else, and was dropped.
            Some(How::ErrorEvent(_) | How::Dropped) => End::Failed,
            Some(How::Whole | How::Cut(_)) | None => End::Whole,
        }
    }
}

/// Where a cast goes.
#[derive(Debug)]
pub struct To<H> {
    /// The tape.
    pub writer: Writer<H>,
    /// Who began, see [`Lead::watch`].
    pub lead: Weak<()>,
    /// Rings when nobody has read for too long.
    pub alarm: Alarm,
}
