//! The reading side of a connection: its buffer, the request that is being read, and the watch for a caller who left.
//!
//! The connection's loop and the body that the service holds both work on it, within one task and never at once: each
//! borrows it within a poll function and no longer.

use crate::Limits;
use crate::io::Io;
use crate::pace::Pace;
use crate::timer::Timer;
use bytes::{Bytes, BytesMut};
use fault::{Fault, Kind};
use http1::{Decoded, Decoder, Framing};
use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Instant;

/// Room for a head.
const HEAD_ROOM: usize = 8 * 1024;
/// Room for a body of which much is still to come.
const SLAB: usize = 64 * 1024;
/// What may arrive ahead of its turn: then no more is read.
const AHEAD: usize = 64 * 1024;

/// A wire and whoever works on it.
pub(crate) type Shared = Rc<RefCell<Wire>>;

/// The reading side of a connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) io: Io,
    pub(crate) buffer: BytesMut,
    pub(crate) timer: Timer,
    pub(crate) limits: Rc<Limits>,
    upload: Upload,
    /// Which request `upload` belongs to; bodies of earlier ones read nothing.
    serial: u64,
    /// The room that the next read makes where it has none: larger after large requests.
    room: usize,
    /// Whether the buffer may stand on a slab.
    large: bool,
    gone: bool,
}

/// The body of the current request.
#[derive(Debug)]
struct Upload {
    state: State,
    /// Nobody will ask for the rest.
    abandoned: bool,
    /// The caller waits for `100 Continue`.
    expected: bool,
    /// What of `100 Continue` is still to be written.
    interim: &'static [u8],
    received: u64,
    pace: Pace,
}

#[derive(Debug)]
enum State {
    Open(Decoder),
    Whole,
    Failed,
}

impl Wire {
    pub(crate) fn new(io: Io, buffer: BytesMut, limits: Rc<Limits>) -> Self {
        let upload = Upload::new(State::Whole, false);
        let timer = Timer::default();
        Self { io, buffer, timer, limits, upload, serial: 0, room: HEAD_ROOM, large: false, gone: false }
    }

    /// Begins with the body of the next request; the serial that its holder reads with.
    pub(crate) fn begin(&mut self, framing: Framing, expects_continue: bool) -> u64 {
        let state = match framing {
            Framing::Empty => State::Whole,
            framing => State::Open(Decoder::new(framing)),
        };
        self.upload = Upload::new(state, expects_continue);
        self.serial += 1;
        self.serial
    }

    /// Ends with the body of the request that was answered.
    pub(crate) fn end(&mut self) {
        let received = usize::try_from(self.upload.received).unwrap_or(usize::MAX);
        self.room = received.saturating_add(HEAD_ROOM / 2).clamp(HEAD_ROOM, SLAB);
        self.serial += 1;
    }

    /// Whether the caller has left, as far as it was seen.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Reads once; 0 at the end of the input. Makes room for `want` bytes where there is little left.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, want: usize) -> Poll<io::Result<usize>> {
        ready!(self.io.poll_readable(cx))?;
        if self.buffer.capacity() - self.buffer.len() < want / 4 {
            self.buffer.reserve(want);
            self.large |= want > HEAD_ROOM;
        }
        pin!(self.io.read_buf(&mut self.buffer)).poll(cx)
    }

    /// Reads a part of a head.
    pub(crate) fn poll_fill_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.poll_fill(cx, self.room)
    }

    /// Gives a large, empty buffer back: the connection rests.
    pub(crate) fn rest(&mut self) {
        if self.large && self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.large = false;
        }
    }

    /// Ready once the caller has left: its side is closed, even if only that side, or broken.
    ///
    /// Not looked for while a body is being read by its holder, who would find out, nor once much has arrived ahead of
    /// its turn.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.gone {
            return Poll::Ready(());
        }
        if matches!(self.upload.state, State::Open(_)) && !self.upload.abandoned {
            return Poll::Pending;
        }
        while self.buffer.len() < self.limits.head.head_bytes + AHEAD {
            let read = ready!(self.poll_fill(cx, HEAD_ROOM));
            if !matches!(read, Ok(1..)) {
                self.gone = true;
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// The next piece of the body of request `serial`.
    pub(crate) fn poll_upload(&mut self, cx: &mut Context<'_>, serial: u64) -> Poll<Option<Result<Bytes, Fault>>> {
        if serial != self.serial {
            return Poll::Ready(None);
        }
        loop {
            let State::Open(decoder) = &mut self.upload.state else { return Poll::Ready(None) };
            match decoder.decode(&mut self.buffer) {
                Ok(Decoded::Piece(piece)) => {
                    if decoder.is_done() {
                        self.upload.state = State::Whole;
                    }
                    self.upload.came(piece.len());
                    return Poll::Ready(Some(Ok(piece)));
                }
                Ok(Decoded::Done) => self.upload.state = State::Whole,
                Ok(Decoded::More) => match ready!(self.poll_more(cx)) {
                    Ok(()) => {}
                    Err(fault) => return Poll::Ready(Some(Err(self.fail(fault)))),
                },
                Err(refusal) => return Poll::Ready(Some(Err(self.fail(refusal.into())))),
            }
        }
    }

    /// Reads more of the body, within the limits of time.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        let left = |error: io::Error| Fault::new(Kind::ClientGone, "The caller went away.").because(error);
        self.upload.ask_for_it(self.buffer.is_empty());
        if let Err(error) = ready!(self.poll_interim(cx)) {
            self.gone = true;
            return Poll::Ready(Err(left(error)));
        }
        let want = self.upload_room();
        match self.poll_fill(cx, want) {
            Poll::Ready(Ok(1..)) => Poll::Ready(Ok(())),
            Poll::Ready(ended) => {
                self.gone = true;
                let why = ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                Poll::Ready(Err(left(why)))
            }
            Poll::Pending => {
                let deadline = self.upload.pace.deadline(self.limits.read_gap);
                self.timer.poll_until(cx, deadline).map(|()| Err(too_slow("body")))
            }
        }
    }

    /// How much of the body to make room for.
    fn upload_room(&self) -> usize {
        let left = match &self.upload.state {
            State::Open(decoder) => decoder.remaining().and_then(|left| usize::try_from(left).ok()),
            State::Whole | State::Failed => None,
        };
        left.map_or(SLAB / 4, |left| left.min(SLAB))
    }

    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.upload.interim.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.upload.interim.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, self.upload.interim))?;
            self.upload.interim = self.upload.interim.get(written..).unwrap_or_default();
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// What of `100 Continue` must still go before the answer: the rest, once a part of it has gone.
    pub(crate) fn take_interim(&mut self) -> &'static [u8] {
        let rest = std::mem::take(&mut self.upload.interim);
        if rest.len() == http1::write::CONTINUE.len() { &[] } else { rest }
    }

    fn fail(&mut self, fault: Fault) -> Fault {
        self.upload.state = State::Failed;
        fault
    }

    /// The holder of the body of request `serial` has dropped it.
    pub(crate) fn abandon(&mut self, serial: u64) {
        if serial == self.serial {
            self.upload.abandoned = true;
        }
    }

    /// Whether the connection can go on to another request, as far as this one's body is concerned. What has arrived
    /// of a body that nobody will read is thrown away first; one that is still being read may yet end well.
    pub(crate) fn can_go_on(&mut self) -> bool {
        while let State::Open(decoder) = &mut self.upload.state {
            if !self.upload.abandoned {
                return true;
            }
            match decoder.decode(&mut self.buffer) {
                Ok(Decoded::Piece(_)) => {}
                Ok(Decoded::Done) => self.upload.state = State::Whole,
                Ok(Decoded::More) => return false,
                Err(_) => self.upload.state = State::Failed,
            }
        }
        matches!(self.upload.state, State::Whole)
    }

    /// Whether nothing of the request is left to come.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.upload.state, State::Whole)
    }

    /// Whether the caller has nothing more to say that we know of: closing now does not hide the answer from it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_whole() && self.buffer.is_empty()
    }

    /// Closes our side.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    /// Ready once `deadline` has passed.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.timer.poll_until(cx, deadline)
    }
}

impl Upload {
    fn new(state: State, expected: bool) -> Self {
        Self { state, abandoned: false, expected, interim: &[], received: 0, pace: Pace::default() }
    }

    fn came(&mut self, bytes: usize) {
        self.received += bytes as u64;
        self.expected = false;
        self.pace.came(bytes);
    }

    /// Sends `100 Continue` if the caller waits for it. One who has begun with the body already does not.
    fn ask_for_it(&mut self, nothing_here: bool) {
        if std::mem::take(&mut self.expected) && nothing_here {
            self.interim = http1::write::CONTINUE;
        }
    }
}

/// The fault of a request that stopped arriving.
pub(crate) fn too_slow(part: &str) -> Fault {
    let message = format!("The {part} of the request stopped arriving; send it without a pause.");
    Fault::new(Kind::RequestTimeout, message)
}
