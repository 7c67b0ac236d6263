//! One HTTP/1.1 connection: a request, its answer, the next request.
//!
//! All of it is one task, the call included. A request that comes and is answered without waiting costs one read and
//! one write; the timer stands where it stood.

mod answer;
mod outbox;
mod wire;

pub(crate) use wire::{Shared, too_slow};

use crate::io::Io;
use crate::worker::{LEAVING_REST, Place, Worker};
use crate::{Incoming, Limits, Peer, Phase, Reply, RequestBody, Service, Version, Work};
use answer::{Asked, Sent};
use bytes::BytesMut;
use fault::Fault;
use http1::{Framing, Request, read_request};
use outbox::Outbox;
use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::time::Instant;
use wire::Wire;

/// What an HTTP/2 client sends first. Source: RFC 9113, 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Serves a connection to its end. When it turns out to be HTTP/2, gives it back with what was read of it.
pub(crate) async fn run<S: Service>(worker: &Worker<S>, io: Io, peer: Peer) -> Option<(Io, BytesMut)> {
    let gauge = worker.live.speaks_http1();
    let wire = Rc::new(RefCell::new(Wire::new(io, BytesMut::new(), Rc::clone(&worker.limits))));
    let place = worker.stage.place();
    let mut outbox = Outbox::default();
    let mut rest = Rest::new();
    loop {
        let next = poll_fn(|cx| {
            worker.service.begins(Work::Head);
            let next = rest.poll_next(cx, &wire, &place);
            if next.is_pending() {
                worker.service.ended(Work::Head);
            }
            next
        });
        let after = match next.await {
            Next::Request(request) => exchange(worker, &wire, &mut outbox, request, peer).await,
            Next::Refused(fault) => refuse(worker, &wire, &mut outbox, fault).await,
            Next::End => After::Close,
            Next::Http2 => break,
        };
        match after {
            After::Keep => rest.again(),
            After::Close => {
                // TLS says goodbye; whether the caller hears it is its own business.
                let _told = poll_fn(|cx| Poll::Ready(wire.borrow_mut().poll_shutdown(cx))).await;
                return None;
            }
            After::Linger => {
                answer::linger(&wire).await;
                return None;
            }
            After::Spoil => {
                wire.borrow().io.spoil();
                return None;
            }
        }
    }
    drop(gauge);
    let wire = Rc::try_unwrap(wire).ok()?.into_inner();
    Some((wire.io, wire.buffer))
}

/// What to do after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Wait for the next request.
    Keep,
    Close,
    /// Close, but let the caller read the answer first: it may still be sending.
    Linger,
    /// Close in a way that cannot be taken for the end of the answer.
    Spoil,
}

/// A connection between requests.
struct Rest {
    /// No request has come yet.
    fresh: bool,
    since: Instant,
    /// When the head that has begun to arrive must be whole.
    head_until: Option<Instant>,
}

enum Next {
    Request(Request),
    Refused(Fault),
    End,
    Http2,
}

impl Rest {
    fn new() -> Self {
        Self { fresh: true, since: Instant::now(), head_until: None }
    }

    /// An answer has gone; the connection rests again.
    fn again(&mut self) {
        *self = Self { fresh: false, since: Instant::now(), head_until: None };
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, wire: &Shared, place: &Place) -> Poll<Next> {
        let wire = &mut *wire.borrow_mut();
        loop {
            if let Some(next) = self.read(wire) {
                return Poll::Ready(next);
            }
            wire.rest();
            match wire.poll_fill_head(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return Poll::Ready(Next::End),
                Poll::Pending => return self.poll_late(cx, wire, place.phase(cx)),
            }
        }
    }

    /// Looks at what has arrived.
    fn read(&self, wire: &mut Wire) -> Option<Next> {
        if wire.buffer.is_empty() {
            return None;
        }
        if self.fresh {
            let compared = wire.buffer.len().min(PREFACE.len());
            if wire.buffer[..compared] == PREFACE[..compared] {
                return (compared == PREFACE.len()).then_some(Next::Http2);
            }
        }
        match read_request(&mut wire.buffer, &wire.limits.head) {
            Ok(request) => request.map(Next::Request),
            Err(refusal) => Some(Next::Refused(refusal.into())),
        }
    }

    /// Nothing more is there: how long may that go on?
    fn poll_late(&mut self, cx: &mut Context<'_>, wire: &mut Wire, phase: Phase) -> Poll<Next> {
        // An empty line may trail the request before, from old programs: that is no beginning.
        let begun = !matches!(&wire.buffer[..], b"" | b"\r" | b"\r\n");
        if begun && phase < Phase::Cut {
            let gap = wire.limits.read_gap;
            let until = *self.head_until.get_or_insert_with(|| Instant::now() + gap);
            return wire.poll_until(cx, until).map(|()| Next::Refused(too_slow("head")));
        }
        match self.rests_until(&wire.limits, phase) {
            Some(until) => wire.poll_until(cx, until).map(|()| Next::End),
            None => Poll::Ready(Next::End),
        }
    }

    /// Until when the connection may rest; `None`: no longer.
    fn rests_until(&self, limits: &Limits, phase: Phase) -> Option<Instant> {
        match phase {
            Phase::Open => Some(self.since + limits.idle),
            Phase::Announce => Some(self.since + limits.idle.min(LEAVING_REST)),
            // One from the backlog has its request on the way, and so may one that was busy a moment ago.
            Phase::Close => Some(self.since + LEAVING_REST),
            Phase::Cut => None,
        }
    }
}

/// One request and its answer.
async fn exchange<S: Service>(
    worker: &Worker<S>,
    wire: &Shared,
    outbox: &mut Outbox,
    request: Request,
    peer: Peer,
) -> After {
    let Request { head, framing, keep_alive, expects_continue, minor } = request;
    let asked = Asked { minor, head_only: head.method() == b"HEAD", keep_alive };
    let serial = wire.borrow_mut().begin(framing, expects_continue);
    let (body, length) = match framing {
        Framing::Empty => (RequestBody::EMPTY, None),
        Framing::Length(length) => (RequestBody::http1(Rc::clone(wire), serial), Some(length)),
        Framing::Chunked | Framing::UntilClose => (RequestBody::http1(Rc::clone(wire), serial), None),
    };
    let has_body = framing != Framing::Empty;
    let incoming = Incoming { head, body, length, has_body, peer, version: Version::Http1 };
    // Pinned here: a call is kilobytes of state, which would be moved and held twice as an argument.
    let reply = {
        let call = pin!(worker.service.call(incoming));
        until_gone(wire, call).await
    };
    match reply {
        Some(reply) => respond(worker, wire, outbox, reply, asked).await,
        None => After::Close,
    }
}

/// Runs a call until it ends or its caller has left; then it is dropped.
async fn until_gone<T>(wire: &Shared, mut call: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|cx| {
        let polled = call.as_mut().poll(cx);
        let mut wire = wire.borrow_mut();
        match polled {
            Poll::Ready(_) if wire.is_gone() => Poll::Ready(None),
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => wire.poll_gone(cx).map(|()| None),
        }
    })
    .await
}

/// Sends an answer.
async fn respond<S: Service>(
    worker: &Worker<S>,
    wire: &Shared,
    outbox: &mut Outbox,
    reply: Reply<S::Body>,
    asked: Asked,
) -> After {
    let asked = {
        let mut wire = wire.borrow_mut();
        let interim = wire.take_interim();
        outbox.encode(|out| out.extend_from_slice(interim));
        Asked { keep_alive: asked.keep_alive && wire.can_go_on(), ..asked }
    };
    let (shape, closes) = answer::begin(outbox, &reply, asked, worker.stage.phase(), &worker.dates);
    let sent = answer::send(&*worker.service, wire, outbox, reply.body, shape).await;
    let mut wire = wire.borrow_mut();
    match sent {
        Sent::Whole => {}
        Sent::Aborted if shape == answer::Shape::UntilClose => return After::Spoil,
        Sent::Aborted => return if wire.is_quiet() { After::Close } else { After::Linger },
        Sent::Gone => return After::Close,
        Sent::Stalled => {
            worker.live.count_stalled();
            return After::Spoil;
        }
    }
    let goes_on = !closes && wire.can_go_on() && wire.is_whole();
    wire.end();
    match goes_on {
        true => After::Keep,
        false if wire.is_quiet() => After::Close,
        false => After::Linger,
    }
}

/// Answers what the listener refuses by itself. What follows on the connection cannot be trusted.
async fn refuse<S: Service>(worker: &Worker<S>, wire: &Shared, outbox: &mut Outbox, fault: Fault) -> After {
    let asked = Asked { minor: 1, head_only: false, keep_alive: false };
    let reply = worker.service.refuse(fault);
    match respond(worker, wire, outbox, reply, asked).await {
        After::Keep | After::Close | After::Linger => After::Linger,
        After::Spoil => After::Spoil,
    }
}

/// Tells a caller that there is no room for its connection, without reading what it asks.
pub(crate) async fn turn_away<S: Service>(worker: &Worker<S>, io: Io, fault: Fault) {
    let wire = Rc::new(RefCell::new(Wire::new(io, BytesMut::new(), Rc::clone(&worker.limits))));
    let mut outbox = Outbox::default();
    if refuse(worker, &wire, &mut outbox, fault).await == After::Linger {
        answer::linger(&wire).await;
    }
}
