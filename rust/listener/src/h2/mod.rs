//! One HTTP/2 connection. hyper speaks the protocol; here are our types on both sides of it, and the limits in time.
//!
//! Each stream is a task of its own, owned by the connection: when the connection goes, so do its calls.

mod convert;
mod download;
mod streams;
mod upload;

pub(crate) use download::Download;

use crate::io::Io;
use crate::timer::Timer;
use crate::worker::{LEAVING_REST, Worker};
use crate::{Limits, Peer, Phase, Service};
use bytes::BytesMut;
use convert::{request, response};
use hyper::body::Incoming as HyperBody;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use streams::{Starter, Stream, Streams};
use upload::{Answer, Prefixed};

/// Streams that a caller may have open at once on one connection.
const STREAMS: u32 = 200;
/// What may be in flight towards us: per stream and per connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What hyper may hold of an answer that its caller has not taken.
const HELD: usize = 64 * 1024;
/// Resets that are borne before the connection is ended: by the caller, and by us for what the caller did.
/// Source: reliability.md 3.2; CVE-2023-44487, CVE-2025-8671.
const CALLER_RESETS: usize = 20;
const OUR_RESETS: usize = 256;
/// How often a silent connection is asked whether it lives, and how long it has to answer.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

/// Serves a connection to its end. `read` is what has been read of it already.
pub(crate) async fn run<S: Service>(worker: &Rc<Worker<S>>, io: Io, read: BytesMut, peer: Peer) {
    let _gauge = worker.live.speaks_http2();
    let streams = Streams::new();
    let service = {
        let (worker, streams) = (Rc::clone(worker), Rc::clone(&streams));
        service_fn(move |asked| answer(Rc::clone(&worker), streams.begin(), asked, peer))
    };
    let io = TokioIo::new(Prefixed::new(io, read.freeze()));
    let mut connection = pin!(builder(&streams, &worker.limits).serve_connection(io, service));
    let place = worker.stage.place();
    let mut rest = Rest { timer: Timer::default(), leaving: false };
    poll_fn(|cx| {
        loop {
            streams.reap(cx);
            if connection.as_mut().poll(cx).is_ready() {
                // What streams are left have nobody to answer: they are dropped with their connection.
                return Poll::Ready(());
            }
            if rest.poll_leaving(cx, &streams, &worker.limits, place.phase(cx)).is_pending() {
                return Poll::Pending;
            }
            connection.as_mut().graceful_shutdown();
        }
    })
    .await;
}

fn builder(streams: &Rc<Streams>, limits: &Limits) -> Builder<Starter> {
    let mut builder = Builder::new(Starter(Rc::clone(streams)));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(HELD)
        .max_header_list_size(u32::try_from(limits.head.head_bytes).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(CALLER_RESETS)
        .max_local_error_reset_streams(OUR_RESETS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}

/// When to send GOAWAY.
struct Rest {
    timer: Timer,
    leaving: bool,
}

impl Rest {
    /// Ready, once, when no further streams are wanted.
    fn poll_leaving(&mut self, cx: &mut Context<'_>, streams: &Streams, limits: &Limits, phase: Phase) -> Poll<()> {
        if self.leaving {
            return Poll::Pending;
        }
        // A connection that is new has its first call served, or it would be sent away for nothing.
        if phase == Phase::Open || !streams.has_served() {
            let rest = if phase == Phase::Open { limits.idle } else { LEAVING_REST };
            // While a stream is open this is asked again after that time at the latest.
            while self.timer.poll_until(cx, streams.resting_since() + rest).is_ready() {
                if streams.is_resting() {
                    self.leaving = true;
                    return Poll::Ready(());
                }
                streams.still_busy();
            }
            return Poll::Pending;
        }
        self.leaving = true;
        Poll::Ready(())
    }
}

/// One call.
async fn answer<S: Service>(
    worker: Rc<Worker<S>>,
    stream: Rc<Stream>,
    asked: hyper::Request<HyperBody>,
    peer: Peer,
) -> Result<hyper::Response<Answer<S::Body>>, Infallible> {
    let head_only = asked.method() == hyper::Method::HEAD;
    let reply = match request(asked, &worker.limits, peer) {
        Ok(incoming) => worker.service.call(incoming).await,
        Err(fault) => worker.service.refuse(fault),
    };
    stream.limit(worker.limits.write_stall, Arc::clone(&worker.live));
    Ok(response(reply, head_only, stream))
}
