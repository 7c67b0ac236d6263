//! Hand-written servers on loopback, and calls to them.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

pub(crate) mod authority;

use bytes::Bytes;
use fault::Fault;
use http1::{RequestHead, Source};
use plan::{Auth, Breaker, Endpoint, HttpVersions, Provider, Proxy, Roots, Scheme};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upstream::{Answer, Egress, Outgoing, OutgoingBody, Pools, ProviderLines};

pub(crate) const LONG: Duration = Duration::from_secs(10);
pub(crate) const CREDENTIAL: &[u8] = b"sk-provider";

/// Runs a test as a worker runs.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(100), test).await.expect("the test hangs")
    })
}

/// Serves each connection with `script`, which gets its number from 0.
pub(crate) async fn serve<F>(script: impl Fn(usize, TcpStream) -> F + 'static) -> SocketAddr
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::task::spawn_local(script(number, stream));
        }
    });
    address
}

/// Answers every request on every connection with the same bytes; keeps what it read.
pub(crate) async fn serve_always(answer: &'static [u8]) -> (SocketAddr, Rc<RefCell<Vec<String>>>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let address = serve(move |_, mut stream| {
        let log = Rc::clone(&log);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                log.borrow_mut().push(request);
                stream.write_all(answer).await.unwrap();
            }
        }
    })
    .await;
    (address, seen)
}

/// Reads a head up to its empty line; `None` at the end of the input.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// Reads a request with its body of known length; `None` at the end of the input.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let head = read_head(stream).await?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// Reads on until the peer has closed or reset the connection.
pub(crate) async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}

pub(crate) fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        id: format!("house/{address}"),
        scheme: Scheme::Http,
        host: address.ip().to_string(),
        port: address.port(),
        base_path: "/v1".into(),
        named: true,
    }
}

pub(crate) fn provider() -> Provider {
    Provider {
        id: "house".into(),
        dialect: "openai".into(),
        endpoints: Vec::new(),
        credentials: Vec::new(),
        auth: Auth { header: "authorization".into(), prefix: "Bearer ".into() },
        headers: BTreeMap::new(),
        http: HttpVersions::Auto,
        kind: String::new(),
        breaker: Breaker {
            consecutive: 5,
            ratio_permille: 500,
            slow_first_token_ms: 20_000,
            slow_permille: 800,
            window_ms: 30_000,
            min_calls: 10,
            open_ms: 5_000,
            open_cap_ms: 120_000,
            probe_ms: None,
        },
        retry_permille: 100,
        retry_floor_per_second: 3,
        max_concurrency: 1000,
        stream_usage: plan::StreamUsage::Ask,
        prices: std::collections::BTreeMap::new(),
        price: None,
    }
}

pub(crate) fn egress_of(proxy: Proxy, roots: Roots, variables: &[(&str, &str)]) -> Egress {
    let lookup = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Egress::with_environment(&plan::Egress { proxy, roots }, lookup).unwrap()
}

pub(crate) fn egress() -> Egress {
    egress_of(Proxy::Off, Roots { system: false, bundled: true, files: Vec::new() }, &[])
}

pub(crate) fn head(lines: &[(&str, &str)]) -> RequestHead {
    RequestHead::from_parts(
        b"POST",
        b"/v1/chat/completions",
        lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    )
}

/// A worker with one endpoint.
pub(crate) struct Worker {
    pub(crate) pools: Pools,
    pub(crate) egress: Egress,
    pub(crate) endpoint: Endpoint,
    pub(crate) versions: HttpVersions,
    pub(crate) provider: Provider,
    pub(crate) lines: ProviderLines,
    pub(crate) credential: usize,
    pub(crate) timeout: Duration,
}

impl Worker {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self::with(egress(), endpoint, HttpVersions::Auto)
    }

    pub(crate) fn with(egress: Egress, endpoint: Endpoint, versions: HttpVersions) -> Self {
        let provider = provider();
        let lines = ProviderLines::new(&provider, &endpoint, [CREDENTIAL]).unwrap();
        Self { pools: Pools::new(), egress, endpoint, versions, provider, lines, credential: 0, timeout: LONG }
    }

    /// Sends a small call.
    pub(crate) async fn call(&self) -> Result<Answer, Fault> {
        let body = [Bytes::from_static(b"{}")];
        self.send(b"POST", &head(&[("content-type", "application/json")]), OutgoingBody::Pieces(&body)).await
    }

    pub(crate) async fn send<'a>(
        &'a self,
        method: &'a [u8],
        head: &'a RequestHead,
        body: OutgoingBody<'a>,
    ) -> Result<Answer, Fault> {
        let outgoing = Outgoing {
            method,
            path: b"/chat/completions",
            head,
            provider: &self.lines,
            credential: self.credential,
            left_ms: 60_000,
            body,
        };
        self.pools.exchange(&self.egress, &self.endpoint, self.versions, outgoing, self.timeout).await
    }
}

/// Reads a body to its end.
pub(crate) async fn whole(body: &mut impl Source) -> Result<Vec<u8>, Fault> {
    let mut all = Vec::new();
    while let Some(piece) = body.piece().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

/// What a source does next.
pub(crate) enum Step {
    Piece(Bytes),
    Fail(Fault),
    /// Never ready again.
    Stall,
}

/// A source that follows a list of steps and then ends.
pub(crate) struct Script(pub(crate) VecDeque<Step>);

impl Script {
    pub(crate) fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }

    pub(crate) fn pieces(pieces: &[&'static str]) -> Self {
        Self::of(pieces.iter().map(|piece| Step::Piece(Bytes::from_static(piece.as_bytes()))))
    }
}

impl Source for Script {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        match self.0.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Piece(piece)) => Poll::Ready(Some(Ok(piece))),
            Some(Step::Fail(fault)) => Poll::Ready(Some(Err(fault))),
            Some(Step::Stall) => {
                self.0.push_front(Step::Stall);
                Poll::Pending
            }
        }
    }
}

/// Writes what the peer takes until it stops.
pub(crate) async fn write_quietly(stream: &mut TcpStream, bytes: &[u8]) {
    // The peer may have gone, which is what some tests want.
    let _ = stream.write_all(bytes).await;
}
