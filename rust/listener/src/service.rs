//! What the listener and the gateway hand each other.

use crate::RequestBody;
use fault::Fault;
use http1::{RequestHead, Source};
use std::net::SocketAddr;
use std::time::Duration;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address; `None` on a unix socket and in memory.
    pub address: Option<SocketAddr>,
    /// Whether it is on this machine: loopback, a unix socket or memory.
    pub local: bool,
}

impl Peer {
    /// A peer on a unix socket, or in memory.
    pub const UNIX: Self = Self { address: None, local: true };

    /// A peer at an IP address. An IPv4 address that came as IPv6 is shown as IPv4.
    pub fn at(address: SocketAddr) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        Self { address: Some(address), local: address.ip().is_loopback() }
    }
}

/// The version of HTTP that the caller speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A request whose head has arrived.
#[derive(Debug)]
pub struct Incoming {
    /// Method, target, header lines. Over HTTP/2, `:authority` is the line `host` and cookies are one line.
    pub head: RequestHead,
    /// The body; empty when there is none. To be polled within the task that polls the call.
    pub body: RequestBody,
    /// The length that the caller declared; `None` when it declared none.
    pub length: Option<u64>,
    /// Whether a body may follow. A body of unknown length can still turn out empty.
    pub has_body: bool,
    /// Who calls.
    pub peer: Peer,
    /// How it calls.
    pub version: Version,
}

/// The head of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyHead {
    /// 200..=599.
    pub status: u16,
    /// Encoded `name: value\r\n` lines; none of `content-length`, `transfer-encoding`, `connection` and `date`, which
    /// the listener writes.
    pub lines: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply<B> {
    /// Status and header lines.
    pub head: ReplyHead,
    /// How long the body is, where that is known. A body that turns out shorter or longer is aborted.
    pub length: Option<u64>,
    /// The body. It is polled to its end, and only as fast as the caller reads; when it fails, the answer is aborted
    /// after what it yielded so far has been sent. Dropped unpolled where an answer has no body: to HEAD, with 204 and
    /// 304.
    pub body: B,
    /// Whether the connection ends with this answer (HTTP/1.1; HTTP/2 goes on).
    pub closes: bool,
}

/// What answers requests.
pub trait Service: 'static {
    /// The body of an answer.
    type Body: Source + 'static;

    /// Answers a request.
    ///
    /// The listener drops this future, or the body of its reply, as soon as the caller has gone: that cancels the call.
    /// It is polled again whenever the connection has news, so it must bear being polled without a wake-up of its own.
    fn call(&self, incoming: Incoming) -> impl Future<Output = Reply<Self::Body>>;

    /// Renders what the listener refuses by itself: framing, limits, timeouts. The reply must be ready, not wait.
    fn refuse(&self, fault: Fault) -> Reply<Self::Body>;

    /// The listener begins with `work`, over HTTP/1.1, and the worker does nothing else until it has ended: for services
    /// that keep account of where time goes.
    fn begins(&self, _work: Work) {}

    /// `work` has ended; a search for a head that found one does not come here but hands the request over.
    fn ended(&self, _work: Work) {}
}

/// What the listener does outside of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// It looks for a head in what has come.
    Head,
    /// It writes what it has of an answer.
    Write,
}

/// Limits of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Limits of a request's head.
    pub head: http1::Limits,
    /// How long a connection may rest between calls.
    pub idle: Duration,
    /// How long a head may take from its first byte on, and how long a body may stop arriving. A body that took this
    /// long in waiting altogether must have brought 1 KiB for each further second.
    pub read_gap: Duration,
    /// How long a caller may leave an answer unread that is ready for it.
    pub write_stall: Duration,
    /// Open connections over all workers; those from this machine are not counted.
    pub max_connections: u32,
}

impl Limits {
    /// How long a caller may leave an answer unread, where nothing else is said.
    pub const WRITE_STALL: Duration = Duration::from_mins(1);

    /// The limits that a plan states.
    pub fn new(http: &plan::HttpLimits) -> Self {
        let head_bytes = usize::try_from(http.max_head_bytes).unwrap_or(usize::MAX);
        Self {
            head: http1::Limits { head_bytes, ..http1::Limits::default() },
            idle: Duration::from_millis(http.idle_ms),
            read_gap: Duration::from_millis(http.read_gap_ms),
            write_stall: Self::WRITE_STALL,
            max_connections: http.max_connections,
        }
    }
}

/// How far a stop has proceeded. Phases only move forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Phase {
    /// Serving.
    #[default]
    Open,
    /// Connections are still accepted; each answer ends its connection (`connection: close`, GOAWAY), and connections
    /// that rest for a second are closed.
    Announce,
    /// What the kernel has accepted for us is served, then no more. Connections end after their call, or once they have
    /// rested for a second.
    Close,
    /// Calls have a second to end by themselves, so that streams can say why; then all is dropped.
    Cut,
}
