//! HTTP/2: connections that many calls share, and one exchange over one of them.

use crate::answer::{Answer, AnswerBody, cut};
use crate::exchange::{Failure, closed};
use crate::outgoing::{Outgoing, OutgoingBody, TIMEOUT_HEADER};
use crate::pool::Pool;
use crate::request_lines;
use crate::upload::{self, Feed, Upload};
use crate::wire::Wire;
use bytes::Bytes;
use fault::{Fault, Kind};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http1::ResponseHead;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioIo, TokioTimer};
use plan::Scheme;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What of one answer may wait here for a caller that reads slowly.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// The same over all calls of a connection: large enough that a few slow callers do not stop the others.
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What of one request may wait here for the provider.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// How large the head of an answer may be.
const HEAD_BYTES: u32 = 64 * 1024;
/// Connections of one endpoint at one worker; beyond that, calls queue for a stream.
const MOST_LINES: usize = 16;

/// The HTTP/2 connections of one endpoint.
#[derive(Default)]
pub(crate) struct Lines(RefCell<Vec<Rc<Line>>>);

/// One HTTP/2 connection. It ends once the last holder has dropped it.
pub(crate) struct Line {
    sender: SendRequest<Upload>,
    calls: Cell<usize>,
    /// As many calls at once as the peer allows.
    most_calls: Rc<Cell<usize>>,
    epoch: Cell<u32>,
}

impl Lines {
    /// The connection with room that was opened first; the rest may run dry. `None`: open another.
    pub(crate) fn pick(&self) -> Option<Rc<Line>> {
        let mut lines = self.0.borrow_mut();
        lines.retain(|line| !line.sender.is_closed());
        let free = lines.iter().find(|line| line.calls.get() < line.most_calls.get());
        let full = lines.len() >= MOST_LINES;
        free.or_else(|| lines.iter().min_by_key(|line| line.calls.get()).filter(|_| full)).map(Rc::clone)
    }

    /// How many have no call.
    pub(crate) fn idle(&self) -> usize {
        self.0.borrow().iter().filter(|line| line.calls.get() == 0).count()
    }

    /// Lets go of those that have rested too long or are closed.
    pub(crate) fn sweep(&self, is_fresh: impl Fn(u32) -> bool) {
        self.0
            .borrow_mut()
            .retain(|line| !line.sender.is_closed() && (line.calls.get() > 0 || is_fresh(line.epoch.get())));
    }

    /// Lets go of all; open calls go on.
    pub(crate) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// Lets go of one that takes no more calls.
    pub(crate) fn forget(&self, line: &Rc<Line>) {
        self.0.borrow_mut().retain(|kept| !Rc::ptr_eq(kept, line));
    }

    fn add(&self, line: &Rc<Line>) {
        self.0.borrow_mut().push(Rc::clone(line));
    }
}

/// Runs hyper's tasks on the worker's own thread.
#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Begins HTTP/2 on a connected wire and keeps the connection on the pool.
pub(crate) async fn start(wire: Wire, pool: &Rc<Pool>) -> Result<Rc<Line>, Fault> {
    let (sender, mut connection) = hyper::client::conn::http2::Builder::new(Local)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEAD_BYTES)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .handshake(TokioIo::new(wire))
        .await
        .map_err(|e| pool.fault(Kind::ConnectFailed, "did not take an HTTP/2 connection").because(e))?;
    let most_calls = Rc::new(Cell::new(connection.current_max_send_streams()));
    let (counts, most) = (Rc::clone(&pool.counts), Rc::clone(&most_calls));
    counts.opened();
    tokio::task::spawn_local(async move {
        // How it ended is told to each call by its own error.
        let _ = poll_fn(|cx| {
            let ended = Pin::new(&mut connection).poll(cx);
            most.set(connection.current_max_send_streams());
            ended
        })
        .await;
        counts.closed();
    });
    let line = Rc::new(Line { sender, calls: Cell::new(0), most_calls, epoch: Cell::new(pool.counts.epoch()) });
    if !pool.is_retired() {
        pool.lines.add(&line);
    }
    Ok(line)
}

/// One call on a line; makes room for the next when dropped.
struct Call {
    line: Rc<Line>,
    pool: Rc<Pool>,
}

impl Call {
    fn new(line: &Rc<Line>, pool: &Rc<Pool>) -> Self {
        line.calls.set(line.calls.get() + 1);
        Self { line: Rc::clone(line), pool: Rc::clone(pool) }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.line.calls.set(self.line.calls.get().saturating_sub(1));
        self.line.epoch.set(self.pool.counts.epoch());
    }
}

/// Sends a request and waits for the head of its answer. An answer that comes before the request has gone whole stops
/// the sending and is the answer.
pub(crate) async fn exchange(line: &Rc<Line>, pool: &Rc<Pool>, outgoing: &mut Outgoing<'_>) -> Result<Answer, Failure> {
    let call = Call::new(line, pool);
    let request = head(pool, outgoing).map_err(Failure::Final)?;
    let to_head_request = outgoing.method == b"HEAD";
    let replayable = !matches!(outgoing.body, OutgoingBody::Stream { .. });
    let (body, mut feed) = upload::split(&mut outgoing.body);
    let mut answer = pin!(line.sender.clone().try_send_request(request.map(|()| body)));
    let answer = poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            return Poll::Ready(Ok(answer));
        }
        match feed.as_mut().map(|feed| feed.poll(cx)) {
            Some(Poll::Ready(Err(fault))) => return Poll::Ready(Err(Failure::Final(fault))),
            // The body is whole; polling on would ask a finished source.
            Some(Poll::Ready(Ok(()))) => feed = None,
            Some(Poll::Pending) | None => {}
        }
        Poll::Pending
    })
    .await?;
    let answer = answer.map_err(|mut unsent| {
        let never_sent = unsent.take_message().is_some();
        failure(&unsent.into_error(), never_sent, replayable, pool)
    })?;
    Ok(received(answer, to_head_request, Download { body: None, upload: feed.map(Feed::into_held), call }))
}

fn received(answer: Response<Incoming>, to_head_request: bool, download: Download) -> Answer {
    let (parts, body) = answer.into_parts();
    let lines = parts.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
    let head = ResponseHead::from_parts(parts.status.as_u16(), lines);
    let declared = || parts.headers.get(http::header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
    let length = if to_head_request { declared() } else { body.size_hint().exact() };
    let body = AnswerBody::http2(Download { body: Some(body), ..download });
    Answer { head, body, length, reused: false, connect: Duration::ZERO }
}

/// What an error of a request means. A stream that the provider refused was not processed. Source: RFC 9113, 8.7.
fn failure(error: &hyper::Error, never_sent: bool, replayable: bool, pool: &Pool) -> Failure {
    let cause = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    let refused = cause.is_some_and(|error| {
        error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
    });
    if (never_sent || refused) && replayable {
        return Failure::Untouched(Box::new(chain(error)));
    }
    let garbled = cause.is_some_and(|error| error.is_library() && !error.is_io());
    let fault =
        if garbled { pool.fault(Kind::UpstreamGarbled, "sent an answer that is not HTTP/2") } else { closed(pool) };
    Failure::Final(fault.because(chain(error)))
}

/// An error with what is behind it: hyper's own words alone say little.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn head(pool: &Pool, outgoing: &Outgoing<'_>) -> Result<Request<()>, Fault> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(outgoing.method).map_err(|_| unsendable("method"))?;
    *request.uri_mut() = uri(pool, outgoing).map_err(|_| unsendable("path"))?;
    let headers = request.headers_mut();
    headers.reserve(outgoing.head.headers.len() + 5);
    let seen = request_lines::for_each(outgoing.head, outgoing.provider, |name, value| {
        // Both come from a head that was read strictly, so neither can fail; a line that did would be left out.
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    });
    for (name, value) in outgoing.provider.fields(outgoing.credential) {
        headers.insert(name.clone(), value.clone());
    }
    headers.insert(HeaderName::from_static(TIMEOUT_HEADER), outgoing.left_ms.into());
    if !seen.user_agent && !headers.contains_key(http::header::USER_AGENT) {
        let name = concat!("headgate/", env!("CARGO_PKG_VERSION"));
        headers.insert(http::header::USER_AGENT, HeaderValue::from_static(name));
    }
    Ok(request)
}

fn uri(pool: &Pool, outgoing: &Outgoing<'_>) -> Result<Uri, http::Error> {
    let scheme = if pool.endpoint.scheme == Scheme::Https { "https" } else { "http" };
    let path = [pool.endpoint.base_path.as_bytes(), outgoing.path].concat();
    Uri::builder().scheme(scheme).authority(outgoing.provider.authority()).path_and_query(&*path).build()
}

fn unsendable(what: &'static str) -> Fault {
    Fault::new(Kind::UnknownPath, format!("The {what} of the request cannot be sent to a provider"))
}

/// The body of an answer on its way in.
pub(crate) struct Download {
    body: Option<Incoming>,
    /// Kept to the end: giving an unfinished request body up would reset the stream, and the answer with it.
    #[expect(dead_code, reason = "held for what its drop does")]
    upload: Option<upload::Held>,
    call: Call,
}

impl Download {
    /// Whether the provider has ended the stream and all of it was taken.
    pub(crate) fn is_done(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    /// The next piece. Trailers are dropped.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None if body.is_end_stream() => return Poll::Ready(None),
                // hyper takes a reset without an error, or a cancelled stream, for an end. Source: RFC 9113, 8.1: such a
                // reset may follow a whole answer; it does not make one.
                None => return Poll::Ready(Some(Err(cut(&self.call.pool).because("reset before its end")))),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(cut(&self.call.pool).because(chain(&error)))));
                }
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data()
                        && !piece.is_empty()
                    {
                        return Poll::Ready(Some(Ok(piece)));
                    }
                }
            }
        }
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Download")
    }
}
