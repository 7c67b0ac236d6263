//! The body of an HTTP/2 request.
//!
//! hyper wants a body that owns all it needs, while a source is lent for the exchange alone. So the two are joined by a
//! slot for one piece: the exchange fills it, hyper's task empties it. The slot has one thread and needs no lock.

use crate::outgoing::OutgoingBody;
use crate::send::wrong_length;
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use hyper::body::{Body, Frame, SizeHint};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// What hyper sends.
pub(crate) enum Upload {
    Pieces { pieces: VecDeque<Bytes>, left: u64 },
    Slot { slot: Rc<RefCell<Slot>>, length: Option<u64> },
}

/// The place where the next piece waits.
#[derive(Default)]
pub(crate) struct Slot {
    piece: Option<Bytes>,
    end: End,
    /// Who waits: hyper for a piece, or the exchange for room.
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    Whole,
    Cut,
}

/// The exchange's side of a slot.
pub(crate) struct Feed<'a> {
    source: &'a mut dyn Source,
    left: Option<u64>,
    held: Held,
}

/// Keeps a slot open; a body that was not whole is cut when this is dropped.
pub(crate) struct Held(Rc<RefCell<Slot>>);

/// The request was given up before its body was whole.
#[derive(Debug)]
pub(crate) struct GivenUp;

impl std::fmt::Display for GivenUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request was given up")
    }
}

impl std::error::Error for GivenUp {}

/// A body for hyper and, where it streams, the side that feeds it.
pub(crate) fn split<'a>(body: &'a mut OutgoingBody<'_>) -> (Upload, Option<Feed<'a>>) {
    match body {
        OutgoingBody::None | OutgoingBody::Stream { length: Some(0), .. } => {
            (Upload::Pieces { pieces: VecDeque::new(), left: 0 }, None)
        }
        OutgoingBody::Pieces(pieces) => {
            let pieces: VecDeque<_> = pieces.iter().filter(|piece| !piece.is_empty()).cloned().collect();
            let left = pieces.iter().map(|piece| piece.len() as u64).sum();
            (Upload::Pieces { pieces, left }, None)
        }
        OutgoingBody::Stream { source, length } => {
            let slot = Rc::new(RefCell::new(Slot::default()));
            let upload = Upload::Slot { slot: Rc::clone(&slot), length: *length };
            (upload, Some(Feed { source: &mut **source, left: *length, held: Held(slot) }))
        }
    }
}

impl Feed<'_> {
    /// Moves pieces from the source to the slot; ready once the body is whole.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        loop {
            {
                let mut slot = self.held.0.borrow_mut();
                if slot.piece.is_some() {
                    slot.writer = Some(cx.waker().clone());
                    return Poll::Pending;
                }
            }
            let piece = ready!(self.source.poll_piece(cx)).transpose()?;
            let size = piece.as_ref().map_or(0, Bytes::len) as u64;
            if let Some(left) = &mut self.left {
                *left = left.checked_sub(size).filter(|rest| *rest == 0 || piece.is_some()).ok_or_else(wrong_length)?;
            }
            let whole = piece.is_none() || self.left == Some(0);
            let mut slot = self.held.0.borrow_mut();
            if whole {
                slot.end = End::Whole;
            }
            slot.piece = piece;
            if let Some(reader) = slot.reader.take() {
                reader.wake();
            }
            if whole {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Lets go of the source and keeps the slot open.
    pub(crate) fn into_held(self) -> Held {
        self.held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut slot = self.0.borrow_mut();
        if slot.end == End::Open {
            slot.end = End::Cut;
            if let Some(reader) = slot.reader.take() {
                reader.wake();
            }
        }
    }
}

impl Slot {
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        // A cut comes before a piece that still waits: nobody will ask for its answer.
        match (self.end, self.piece.take()) {
            (End::Cut, _) => Poll::Ready(Some(Err(GivenUp))),
            (_, Some(piece)) => {
                if let Some(writer) = self.writer.take() {
                    writer.wake();
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            (End::Whole, None) => Poll::Ready(None),
            (End::Open, None) => {
                self.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        match self.get_mut() {
            Self::Pieces { pieces, left } => Poll::Ready(pieces.pop_front().map(|piece| {
                *left = left.saturating_sub(piece.len() as u64);
                Ok(Frame::data(piece))
            })),
            Self::Slot { slot, .. } => slot.borrow_mut().poll_take(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Pieces { pieces, .. } => pieces.is_empty(),
            Self::Slot { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Pieces { left, .. } => SizeHint::with_exact(*left),
            Self::Slot { length: Some(length), .. } => SizeHint::with_exact(*length),
            Self::Slot { length: None, .. } => SizeHint::default(),
        }
    }
}
