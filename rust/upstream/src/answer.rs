//! What a provider answered.

use crate::connection::Connection;
use crate::http2::Download;
use crate::pool::Pool;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::{Decoded, Decoder, Framing, ResponseHead, Source};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// An answer up to its body.
#[derive(Debug)]
pub struct Answer {
    /// Status (200..=599) and header lines. It shares the connection's input buffer: dropped before a large body is
    /// read, it spares that body a buffer of its own.
    pub head: ResponseHead,
    /// The body.
    pub body: AnswerBody,
    /// How long the body is, where that is known; after HEAD, how long it would be.
    pub length: Option<u64>,
    /// Whether the connection had been open before.
    pub reused: bool,
    /// How long it took to get the connection; 0 for one that was open.
    pub connect: Duration,
}

/// The body of an answer.
///
/// Its connection serves other calls once the body is whole. Dropped before that, the connection is closed, or the
/// HTTP/2 stream reset, at once. Fails with [`Kind::StreamCut`] where the connection ends too early, and with
/// [`Kind::UpstreamGarbled`] where the framing breaks.
#[derive(Debug)]
pub struct AnswerBody(Inner);

#[derive(Debug)]
enum Inner {
    Http1(Http1),
    Http2(Box<Download>),
    Done,
}

#[derive(Debug)]
struct Http1 {
    connection: Box<Connection>,
    decoder: Decoder,
    /// Whether the connection can be used again, if the body ends where it should.
    reusable: bool,
    pool: Rc<Pool>,
}

impl AnswerBody {
    pub(crate) fn http1(connection: Box<Connection>, framing: Framing, reusable: bool, pool: Rc<Pool>) -> Self {
        let mut body = Self(Inner::Http1(Http1 { connection, decoder: Decoder::new(framing), reusable, pool }));
        body.settle();
        body
    }

    pub(crate) fn http2(download: Download) -> Self {
        if download.is_done() { Self(Inner::Done) } else { Self(Inner::Http2(Box::new(download))) }
    }

    /// Whether the whole body has been taken (or given up); known with the last piece, where its length was.
    pub fn is_done(&self) -> bool {
        matches!(self.0, Inner::Done)
    }

    /// Gives the connection back if the body has been taken whole.
    fn settle(&mut self) {
        if let Inner::Http1(http1) = &self.0
            && http1.decoder.is_done()
            && let Inner::Http1(http1) = std::mem::replace(&mut self.0, Inner::Done)
        {
            http1.finish();
        }
    }
}

impl Source for AnswerBody {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let next = match &mut self.0 {
            Inner::Done => return Poll::Ready(None),
            Inner::Http1(http1) => ready!(http1.poll_piece(cx)),
            Inner::Http2(download) => ready!(download.poll_piece(cx)),
        };
        match next {
            Some(Ok(_)) => self.settle(),
            None if matches!(self.0, Inner::Http1(_)) => self.settle(),
            None | Some(Err(_)) => self.0 = Inner::Done,
        }
        Poll::Ready(next)
    }
}

impl Http1 {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            match self.decoder.decode(&mut self.connection.input) {
                Ok(Decoded::Piece(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(Decoded::Done) => return Poll::Ready(None),
                Ok(Decoded::More) => {}
                Err(refusal) => return Poll::Ready(Some(Err(refusal.as_upstream_fault()))),
            }
            match ready!(self.connection.poll_fill(self.decoder.remaining(), cx)) {
                Ok(0) if self.decoder.at_eof() => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(cut(&self.pool).because("end of input")))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(cut(&self.pool).because(error)))),
            }
        }
    }

    /// The body is whole. What is left over was not asked for, so such a connection is not trusted.
    fn finish(self) {
        if self.reusable && self.connection.input.is_empty() {
            self.pool.put(self.connection);
        }
    }
}

pub(crate) fn cut(pool: &Pool) -> Fault {
    pool.fault(Kind::StreamCut, "closed the connection before its answer was whole")
}
