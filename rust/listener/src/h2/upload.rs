//! The body of an answer over HTTP/2, and the bytes of a connection of which some were read already.

use super::streams::Stream;
use crate::io::Io;
use bytes::{Buf, Bytes};
use fault::{Fault, Kind};
use http1::Source;
use hyper::body::{Body, Frame, SizeHint};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The body of an answer. Its failure resets the stream with `INTERNAL_ERROR`.
pub(crate) struct Answer<B> {
    /// `None` once it has ended, and where the answer has none.
    source: Option<B>,
    /// What is still to come, where that was stated.
    left: Option<u64>,
    failure: Option<Failure>,
    stream: Rc<Stream>,
}

/// A failure that waits until what came before it has had its turn to be written: a reset overtakes what is queued.
struct Failure {
    fault: Fault,
    turns: u8,
}

/// Turns of the connection's task between the last piece and a reset: one to queue the piece, one to write it.
const TURNS: u8 = 3;

impl<B: Source> Answer<B> {
    pub(super) fn new(source: Option<B>, length: Option<u64>, stream: Rc<Stream>) -> Self {
        Self { source, left: length, failure: None, stream }
    }

    fn fail(&mut self, fault: Fault) {
        self.source = None;
        self.failure = Some(Failure { fault, turns: TURNS });
    }

    /// Whether a piece is within the stated length.
    fn fits(&mut self, piece: &Bytes) -> bool {
        let Some(left) = &mut self.left else { return true };
        let less = left.checked_sub(piece.len() as u64);
        *left = less.unwrap_or(0);
        less.is_some()
    }

    fn poll_failure(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let Some(failure) = &mut self.failure else { return Poll::Ready(None) };
        if failure.turns > 0 {
            failure.turns -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.failure.take().map(|failure| Err(failure.fault)))
    }
}

impl<B: Source> Body for Answer<B>
where
    Self: Unpin,
{
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        self.stream.asked();
        let Some(source) = &mut self.source else { return self.poll_failure(cx) };
        match source.poll_piece(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(piece))) if self.fits(&piece) => {
                self.stream.gave();
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            Poll::Ready(Some(Err(fault))) => self.fail(fault),
            Poll::Ready(None) if self.left.is_none_or(|left| left == 0) => self.source = None,
            Poll::Ready(_) => self.fail(Fault::new(Kind::Internal, "The body is not as long as its head states.")),
        }
        self.poll_failure(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none() && self.failure.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

// A source is never pinned.
impl<B> Unpin for Answer<B> {}

/// A connection of which the beginning has been read.
pub(super) struct Prefixed {
    io: Io,
    read: Bytes,
}

impl Prefixed {
    pub(super) fn new(io: Io, read: Bytes) -> Self {
        Self { io, read }
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let taken = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read[..taken]);
        self.read.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
