//! The body of a request, over either version of HTTP.

use crate::h1::Shared;
use crate::h2::Download;
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use std::task::{Context, Poll};

/// The body of a request; see [`Source`].
///
/// Faults: `BadFraming` (chunks that are not well formed), `RequestTimeout` (it stopped arriving), `ClientGone`.
/// Dropping it before its end is allowed; an HTTP/1.1 connection then ends with the answer, unless what was left has
/// arrived already.
#[derive(Debug)]
pub struct RequestBody(Inner);

#[derive(Debug)]
enum Inner {
    Empty,
    Http1 { wire: Shared, serial: u64 },
    Http2(Box<Download>),
}

impl RequestBody {
    /// No body.
    pub const EMPTY: Self = Self(Inner::Empty);

    pub(crate) fn http1(wire: Shared, serial: u64) -> Self {
        Self(Inner::Http1 { wire, serial })
    }

    pub(crate) fn http2(download: Download) -> Self {
        Self(Inner::Http2(Box::new(download)))
    }
}

impl Source for RequestBody {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Http1 { wire, serial } => wire.borrow_mut().poll_upload(cx, *serial),
            Inner::Http2(download) => download.poll_piece(cx),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Inner::Http1 { wire, serial } = &self.0 {
            wire.borrow_mut().abandon(*serial);
        }
    }
}
