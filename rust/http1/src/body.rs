//! Bodies: how one is delimited, and how its pieces are asked for.

use bytes::Bytes;
use fault::Fault;
use std::task::{Context, Poll};

/// How a body is delimited on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// As many bytes as stated; never 0.
    Length(u64),
    /// In chunks, until the last one.
    Chunked,
    /// Until the sender closes; answers only.
    UntilClose,
}

/// A body that arrives piece by piece.
///
/// Dropping a source before its end gives up the rest: a connection that it reads from is not used again.
pub trait Source {
    /// The next piece, never empty; `None` once the body is whole. A fault is final, as is `None`: after either, the
    /// source answers `None`.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>>;

    /// The next piece, as a future.
    fn piece(&mut self) -> impl Future<Output = Option<Result<Bytes, Fault>>>
    where
        Self: Sized,
    {
        std::future::poll_fn(|cx| self.poll_piece(cx))
    }
}

/// A body with nothing in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Empty;

impl Source for Empty {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        Poll::Ready(None)
    }
}
