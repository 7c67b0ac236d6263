//! The writing side: one answer, head and body, as fast as the caller reads and no faster.

use super::outbox::Outbox;
use super::wire::Shared;
use crate::date::DateLine;
use crate::{Phase, Reply, Service, Work};
use http1::{Source, write};
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// What of a request its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// HTTP/1.`minor`.
    pub(crate) minor: u8,
    /// The method was HEAD.
    pub(crate) head_only: bool,
    /// The caller wants to use the connection again.
    pub(crate) keep_alive: bool,
}

/// How the body of an answer is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// There is none, whatever the head says.
    None,
    /// So many bytes.
    Length(u64),
    Chunked,
    UntilClose,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The caller has it all.
    Whole,
    /// Its body failed; the caller must see that it is not whole.
    Aborted,
    /// The caller left.
    Gone,
    /// The caller stopped reading.
    Stalled,
}

/// Writes the head of an answer. Returns how the body goes on, and whether the connection ends with it.
pub(crate) fn begin<B>(
    outbox: &mut Outbox,
    reply: &Reply<B>,
    asked: Asked,
    phase: Phase,
    dates: &DateLine,
) -> (Shape, bool) {
    let status = if (200..=599).contains(&reply.head.status) { reply.head.status } else { 500 };
    let shape = match reply.length {
        _ if asked.head_only || status == 204 || status == 304 => Shape::None,
        Some(length) => Shape::Length(length),
        None if asked.minor == 0 => Shape::UntilClose,
        None => Shape::Chunked,
    };
    let closes = !asked.keep_alive || reply.closes || phase > Phase::Open || shape == Shape::UntilClose;
    outbox.encode(|out| {
        write::status_line(out, status);
        out.extend_from_slice(&reply.head.lines);
        match (shape, reply.length) {
            (Shape::Length(length), _) => write::content_length(out, length),
            (Shape::None, Some(length)) if asked.head_only => write::content_length(out, length),
            (Shape::Chunked, _) => write::chunked(out),
            (Shape::None | Shape::UntilClose, _) => {}
        }
        if closes {
            out.extend_from_slice(b"connection: close\r\n");
        } else if asked.minor == 0 {
            out.extend_from_slice(b"connection: keep-alive\r\n");
        }
        dates.push(out);
        write::end(out);
    });
    (shape, closes)
}

/// Sends what is in the outbox, then the body.
///
/// What the body has ready at once goes with the head, in one write; later pieces go as they come, several at once when
/// they are there. The body is asked for more only when all before has gone to the kernel.
pub(crate) async fn send<S: Service>(
    service: &S,
    wire: &Shared,
    outbox: &mut Outbox,
    body: S::Body,
    shape: Shape,
) -> Sent {
    let body = (shape != Shape::None).then_some(body);
    let mut sending = Sending { service, wire, outbox, body, shape, ended: None, stalled: None };
    if sending.body.is_none() {
        sending.ended = Some(Sent::Whole);
    }
    poll_fn(|cx| sending.poll(cx)).await
}

struct Sending<'a, S: Service> {
    service: &'a S,
    wire: &'a Shared,
    outbox: &'a mut Outbox,
    body: Option<S::Body>,
    shape: Shape,
    /// How it ends once the outbox is empty.
    ended: Option<Sent>,
    /// Since when the caller takes nothing, and how much was left then.
    stalled: Option<(Instant, usize)>,
}

impl<S: Service> Sending<'_, S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Sent> {
        loop {
            let waits = self.gather(cx).is_pending();
            let sent = self.write(cx);
            match (sent, self.ended) {
                (Poll::Ready(Err(_)), _) => return Poll::Ready(Sent::Gone),
                (Poll::Ready(Ok(())), Some(ended)) => return Poll::Ready(ended),
                (Poll::Ready(Ok(())), None) => {
                    self.stalled = None;
                    if waits {
                        return self.wire.borrow_mut().poll_gone(cx).map(|()| Sent::Gone);
                    }
                }
                (Poll::Pending, _) => return self.poll_stalled(cx),
            }
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let io = &mut self.wire.borrow_mut().io;
        if self.outbox.len() == 0 {
            return self.outbox.poll_send(cx, io);
        }
        self.service.begins(Work::Write);
        let sent = self.outbox.poll_send(cx, io);
        self.service.ended(Work::Write);
        sent
    }

    /// Takes what the body has ready. `Pending`: it has no more just now.
    fn gather(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ended.is_none() && self.outbox.has_room() {
            let Some(body) = &mut self.body else { break };
            match body.poll_piece(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(piece))) => self.push(piece),
                Poll::Ready(Some(Err(_))) => self.ended = Some(Sent::Aborted),
                Poll::Ready(None) => self.ended = Some(self.finish()),
            }
        }
        if self.ended.is_some() {
            // Its sources are free from here on, not only when the caller has read the rest.
            self.body = None;
        }
        Poll::Ready(())
    }

    fn push(&mut self, piece: bytes::Bytes) {
        match &mut self.shape {
            Shape::Length(left) => match left.checked_sub(piece.len() as u64) {
                Some(less) => *left = less,
                None => return self.ended = Some(Sent::Aborted),
            },
            Shape::Chunked => {
                self.outbox.encode(|out| write::chunk_size(out, piece.len()));
                self.outbox.push(piece);
                return self.outbox.encode(write::end);
            }
            Shape::UntilClose | Shape::None => {}
        }
        self.outbox.push(piece);
    }

    fn finish(&mut self) -> Sent {
        match self.shape {
            Shape::Length(1..) => return Sent::Aborted,
            Shape::Chunked => self.outbox.encode(|out| out.extend_from_slice(write::LAST_CHUNK)),
            Shape::Length(0) | Shape::None | Shape::UntilClose => {}
        }
        Sent::Whole
    }

    /// The caller does not take what is there: for how long may it go on?
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Sent> {
        let mut wire = self.wire.borrow_mut();
        let left = self.outbox.len();
        let since = match self.stalled {
            Some((since, before)) if before == left => since,
            _ => Instant::now(),
        };
        self.stalled = Some((since, left));
        let deadline = since + wire.limits.write_stall;
        if wire.poll_until(cx, deadline).is_ready() {
            return Poll::Ready(Sent::Stalled);
        }
        wire.poll_gone(cx).map(|()| Sent::Gone)
    }
}

/// Ends a connection so that the caller gets the answer: closes our side, then throws away what still comes until the
/// caller closes too. A socket that is closed with unread input resets, and the reset overtakes the answer.
pub(crate) async fn linger(wire: &Shared) {
    let deadline = Instant::now() + LINGER;
    let mut left = LINGER_BYTES;
    let mut shut = false;
    poll_fn(|cx| {
        let mut wire = wire.borrow_mut();
        if !shut {
            match wire.poll_shutdown(cx) {
                Poll::Ready(Ok(())) => shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return wire.poll_until(cx, deadline),
            }
        }
        loop {
            wire.buffer.clear();
            match wire.poll_fill(cx, LINGER_ROOM) {
                Poll::Ready(Ok(read @ 1..)) if read < left => left -= read,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return wire.poll_until(cx, deadline),
            }
        }
    })
    .await;
}

/// How long, and how much, is thrown away after an answer. Enough that a body a little over its limit, which many
/// programs send whole before they read, does not hide the answer that says so.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 * 1024 * 1024;
const LINGER_ROOM: usize = 16 * 1024;
