//! Writing one HTTP/1.1 request.

use crate::lines::ProviderLines;
use crate::outgoing::{Outgoing, OutgoingBody, TIMEOUT_HEADER};
use crate::pool::Pool;
use crate::request_lines;
use crate::wire::Wire;
use bytes::Bytes;
use fault::{Fault, Kind};
use http1::{Source, write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// A body up to this size is copied behind its head: one plain write costs less than a vector of slices.
const COPIED_BYTES: u64 = 4 * 1024;
/// Room for a usual head with a small body, taken at once rather than by growing.
const STAGED_BYTES: usize = 1024;
/// Slices handed to one write.
const SLICES: usize = 32;
/// A TLS record holds 16 KiB. A request within one record is either whole at the provider or unreadable.
const ONE_RECORD_BYTES: u64 = 16 * 1024;

/// Why a request could not be sent.
pub(crate) enum Stop {
    /// The connection failed. `untouched`: the provider cannot have read any of the request.
    Wire { error: io::Error, untouched: bool },
    /// The body failed.
    Source(Fault),
}

/// A request on its way out: a buffer that begins with the head, and the body behind it.
pub(crate) struct Sending<'a> {
    /// The head with a small body; later the size line of a chunk.
    staged: Vec<u8>,
    rest: Rest<'a>,
    /// Which part is being written (0: `staged`), and from where.
    part: usize,
    offset: usize,
    /// Bytes of the whole request; `None` when it arrives piece by piece.
    total: Option<u64>,
    written: bool,
}

/// What follows the staged bytes.
enum Rest<'a> {
    Nothing,
    Pieces(&'a [Bytes]),
    Stream(Stream<'a>),
}

struct Stream<'a> {
    source: &'a mut dyn Source,
    piece: Bytes,
    /// What the length still allows; `None`: in chunks.
    left: Option<u64>,
    ended: bool,
}

impl<'a> Sending<'a> {
    /// Encodes the head into `staged`, which is empty.
    pub(crate) fn new(mut staged: Vec<u8>, pool: &Pool, outgoing: &'a mut Outgoing<'_>) -> Self {
        staged.reserve(STAGED_BYTES);
        let target = [&*pool.absolute, pool.endpoint.base_path.as_bytes(), outgoing.path];
        write::request_line(&mut staged, outgoing.method, &target);
        let out = &mut staged;
        let provider: &ProviderLines = outgoing.provider;
        let seen = request_lines::for_each(outgoing.head, provider, |name, value| write::line(out, name, value));
        if let (false, crate::proxy::Way::Proxy(proxy)) = (pool.absolute.is_empty(), &pool.way) {
            staged.extend_from_slice(&proxy.authorization);
        }
        provider.write(outgoing.credential, seen.user_agent, &mut staged);
        write::number(&mut staged, TIMEOUT_HEADER.as_bytes(), outgoing.left_ms);
        let (rest, total) = body(&mut staged, outgoing.method, &mut outgoing.body);
        Self { staged, rest, part: 0, offset: 0, total, written: false }
    }

    /// Writes until the request has gone whole.
    pub(crate) fn poll(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        loop {
            while self.part(self.part).is_some() {
                match ready!(self.poll_write(wire, cx)) {
                    Ok(0) => return Poll::Ready(Err(self.stop(wire, io::ErrorKind::WriteZero.into()))),
                    Ok(count) => self.advance(count),
                    Err(error) => return Poll::Ready(Err(self.stop(wire, error))),
                }
            }
            let Rest::Stream(stream) = &mut self.rest else { break };
            match stream.poll_next(&mut self.staged, cx) {
                Poll::Ready(Ok(true)) => {
                    (self.part, self.offset) = (0, 0);
                    self.advance(0); // past a size line that is not there
                }
                Poll::Ready(Ok(false)) => break,
                Poll::Ready(Err(fault)) => return Poll::Ready(Err(Stop::Source(fault))),
                Poll::Pending => {
                    // While the caller is silent nothing of what it sent waits here.
                    if let Poll::Ready(Err(error)) = Pin::new(wire).poll_flush(cx) {
                        return Poll::Ready(Err(Stop::Wire { error, untouched: false }));
                    }
                    return Poll::Pending;
                }
            }
        }
        Pin::new(wire).poll_flush(cx).map_err(|error| Stop::Wire { error, untouched: false })
    }

    /// The buffer, for the next call.
    pub(crate) fn into_scratch(self) -> Vec<u8> {
        self.staged
    }

    fn part(&self, index: usize) -> Option<&[u8]> {
        match (&self.rest, index) {
            (_, 0) => Some(&self.staged),
            (Rest::Pieces(pieces), _) => pieces.get(index - 1).map(|piece| &**piece),
            (Rest::Stream(stream), 1) => Some(&stream.piece),
            (Rest::Stream(stream), 2) => (stream.left.is_none() && !stream.piece.is_empty()).then_some(b"\r\n"),
            (Rest::Nothing | Rest::Stream(_), _) => None,
        }
    }

    fn poll_write(&self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        let mut offset = self.offset;
        for index in self.part.. {
            let Some(part) = self.part(index) else { break };
            let rest = part.get(offset..).unwrap_or_default();
            offset = 0;
            if rest.is_empty() {
                continue;
            }
            slices[count] = IoSlice::new(rest);
            count += 1;
            if count == SLICES {
                break;
            }
        }
        match &slices[..count] {
            [only] => Pin::new(wire).poll_write(cx, only),
            several => Pin::new(wire).poll_write_vectored(cx, several),
        }
    }

    fn advance(&mut self, mut count: usize) {
        self.written = true;
        while let Some(part) = self.part(self.part) {
            let rest = part.len() - self.offset;
            if count < rest {
                self.offset += count;
                return;
            }
            count -= rest;
            self.part += 1;
            self.offset = 0;
        }
    }

    fn stop(&self, wire: &Wire, error: io::Error) -> Stop {
        let all_or_nothing = !wire.is_tls() || self.total.is_some_and(|total| total <= ONE_RECORD_BYTES);
        Stop::Wire { error, untouched: !self.written && all_or_nothing }
    }
}

/// Ends the head with the framing of its body, and says what follows and how long all of it is.
fn body<'a>(staged: &mut Vec<u8>, method: &[u8], body: &'a mut OutgoingBody<'_>) -> (Rest<'a>, Option<u64>) {
    match body {
        OutgoingBody::None => {
            if !matches!(method, b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS") {
                write::content_length(staged, 0); // RFC 9110, 8.6: expected where the method gives a body a meaning
            }
            write::end(staged);
            (Rest::Nothing, Some(staged.len() as u64))
        }
        OutgoingBody::Pieces(pieces) => {
            let length = pieces.iter().map(|piece| piece.len() as u64).sum();
            write::content_length(staged, length);
            write::end(staged);
            let total = Some(staged.len() as u64 + length);
            if length > COPIED_BYTES {
                return (Rest::Pieces(pieces), total);
            }
            pieces.iter().for_each(|piece| staged.extend_from_slice(piece));
            (Rest::Nothing, total)
        }
        OutgoingBody::Stream { source, length } => {
            match *length {
                Some(length) => write::content_length(staged, length),
                None => write::chunked(staged),
            }
            write::end(staged);
            let ended = *length == Some(0);
            (Rest::Stream(Stream { source: &mut **source, piece: Bytes::new(), left: *length, ended }), None)
        }
    }
}

impl Stream<'_> {
    /// Stages the next piece; false once there is nothing more to write.
    fn poll_next(&mut self, staged: &mut Vec<u8>, cx: &mut Context<'_>) -> Poll<Result<bool, Fault>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        let piece = ready!(self.source.poll_piece(cx)).transpose()?;
        staged.clear();
        self.ended = piece.is_none();
        self.piece = piece.unwrap_or_default();
        match &mut self.left {
            None if self.ended => staged.extend_from_slice(write::LAST_CHUNK),
            None => write::chunk_size(staged, self.piece.len()),
            Some(left) => {
                *left = left.checked_sub(self.piece.len() as u64).ok_or_else(wrong_length)?;
                if self.ended && *left > 0 {
                    return Poll::Ready(Err(wrong_length()));
                }
                self.ended |= *left == 0; // whole, whether or not the source has said so yet
            }
        }
        Poll::Ready(Ok(true))
    }
}

/// The listener holds bodies to their length; this guards against sending a call that is not the caller's.
pub(crate) fn wrong_length() -> Fault {
    Fault::new(Kind::Internal, "The body of the request does not have the length that was announced")
}
