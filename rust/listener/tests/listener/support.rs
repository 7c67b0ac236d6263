//! A listener with a service made of a closure, and a client that speaks bytes.

use bytes::{Bytes, BytesMut};
use fault::Fault;
use http1::{Decoded, Decoder, Headers, RequestHead, Source, read_response, write};
use listener::{Incoming, Limits, Live, Phase, Reply, ReplyHead, RequestBody, Service, Share, TlsHandle, bind, serve};
use plan::Address;
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, LocalSet, spawn_local, yield_now};

/// Runs a test on a runtime like a worker's; a test that hangs fails.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(Duration::from_secs(30), test).await.expect("the test hangs") };
    LocalSet::new().block_on(&runtime, limited);
}

/// Lets all tasks go on until they wait for something; the kernel has its say in between.
pub(crate) async fn settle() {
    for _ in 0..200 {
        yield_now().await;
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) type Answering = Pin<Box<dyn Future<Output = Reply<Body>>>>;

/// A service that is a closure. Refusals are text, with the code of the fault in a line.
pub(crate) struct Fake(Box<dyn Fn(Incoming) -> Answering>);

impl Service for Fake {
    type Body = Body;

    async fn call(&self, incoming: Incoming) -> Reply<Body> {
        (self.0)(incoming).await
    }

    fn refuse(&self, fault: Fault) -> Reply<Body> {
        refusal(&fault)
    }
}

pub(crate) fn refusal(fault: &Fault) -> Reply<Body> {
    let row = fault.kind().row();
    let mut lines = Vec::new();
    write::line(&mut lines, b"x-code", row.code.as_bytes());
    let body = Bytes::from(fault.message().to_owned());
    let length = Some(body.len() as u64);
    Reply { head: ReplyHead { status: row.status, lines }, length, body: Body::of([body]), closes: row.closes }
}

/// Any body.
pub(crate) struct Body(Box<dyn Source>);

impl Body {
    pub(crate) fn new(source: impl Source + 'static) -> Self {
        Self(Box::new(source))
    }

    pub(crate) fn of(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self::new(Pieces(pieces.into_iter().filter(|piece| !piece.is_empty()).collect()))
    }
}

impl Source for Body {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        self.0.poll_piece(cx)
    }
}

struct Pieces(std::collections::VecDeque<Bytes>);

impl Source for Pieces {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

/// A body whose pieces the test sends.
pub(crate) struct Piped(mpsc::UnboundedReceiver<Result<Bytes, Fault>>, pub(crate) Option<Dropped>);

pub(crate) type Pipe = mpsc::UnboundedSender<Result<Bytes, Fault>>;

pub(crate) fn pipe() -> (Pipe, Piped) {
    let (pipe, piped) = mpsc::unbounded_channel();
    (pipe, Piped(piped, None))
}

impl Source for Piped {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        self.0.poll_recv(cx)
    }
}

/// Tells when it is dropped.
#[derive(Default, Clone)]
pub(crate) struct Flag(Rc<Cell<bool>>);

impl Flag {
    pub(crate) fn is_set(&self) -> bool {
        self.0.get()
    }

    pub(crate) fn guard(&self) -> Dropped {
        Dropped(self.clone())
    }
}

pub(crate) struct Dropped(Flag);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.0.set(true);
    }
}

pub(crate) fn reply(status: u16, body: impl Into<Bytes>) -> Reply<Body> {
    let body = body.into();
    let length = Some(body.len() as u64);
    Reply { head: ReplyHead { status, lines: Vec::new() }, length, body: Body::of([body]), closes: false }
}

/// An answer of unknown length.
pub(crate) fn stream(body: impl Source + 'static) -> Reply<Body> {
    Reply { head: ReplyHead { status: 200, lines: Vec::new() }, length: None, body: Body::new(body), closes: false }
}

/// The whole body of a request.
pub(crate) async fn read_all(mut body: RequestBody) -> Result<Bytes, Fault> {
    let mut all = BytesMut::new();
    while let Some(piece) = body.piece().await {
        all.extend_from_slice(&piece?);
    }
    Ok(all.freeze())
}

/// Method, target and body come back; a fault of the body is rendered.
pub(crate) fn echo(incoming: Incoming) -> Answering {
    Box::pin(async move {
        let head: RequestHead = incoming.head;
        match read_all(incoming.body).await {
            Ok(body) => reply(200, [head.method(), b" ", head.target(), b" ", &body].concat()),
            Err(fault) => refusal(&fault),
        }
    })
}

pub(crate) fn limits() -> Limits {
    Limits {
        head: http1::Limits { head_bytes: 16 * 1024, ..http1::Limits::default() },
        idle: Duration::from_secs(20),
        read_gap: Duration::from_secs(20),
        write_stall: Duration::from_secs(20),
        max_connections: 1000,
    }
}

/// A listener that runs beside the test.
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) live: Arc<Live>,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) workers: Vec<JoinHandle<io::Result<()>>>,
}

impl Server {
    pub(crate) fn start(call: impl Fn(Incoming) -> Answering + 'static) -> Self {
        Self::with(limits(), None, call)
    }

    pub(crate) fn with(
        limits: Limits,
        tls: Option<&TlsHandle>,
        call: impl Fn(Incoming) -> Answering + 'static,
    ) -> Self {
        let listening = bind(&Address::Tcp("127.0.0.1:0".parse().unwrap()), 1).unwrap();
        let address = listening.local_address().clone();
        Self::on(&address, listening.into_shares(), limits, tls, call)
    }

    pub(crate) fn on(
        address: &Address,
        shares: Vec<Share>,
        limits: Limits,
        tls: Option<&TlsHandle>,
        call: impl Fn(Incoming) -> Answering + 'static,
    ) -> Self {
        let live = Live::new();
        let phase = watch::Sender::new(Phase::Open);
        let service = Rc::new(Fake(Box::new(call)));
        let limits = Rc::new(limits);
        let workers = shares.into_iter().map(|share| {
            let (service, limits) = (Rc::clone(&service), Rc::clone(&limits));
            spawn_local(serve(share, tls.cloned(), service, limits, phase.subscribe(), Arc::clone(&live)))
        });
        let workers = workers.collect();
        Self { address: address.clone(), live, phase, workers }
    }

    pub(crate) fn tcp(&self) -> SocketAddr {
        let Address::Tcp(address) = &self.address else { panic!("not TCP") };
        *address
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.tcp()).await.unwrap())
    }

    /// Waits until the worker has returned.
    pub(crate) async fn ended(self) {
        for worker in self.workers {
            worker.await.unwrap().unwrap();
        }
    }
}

/// One end of a connection.
pub(crate) struct Client<T> {
    pub(crate) io: T,
    buffer: BytesMut,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get(name).map(|value| std::str::from_utf8(value).unwrap())
    }

    pub(crate) fn code(&self) -> &str {
        self.header("x-code").unwrap_or_default()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) fn new(io: T) -> Self {
        Self { io, buffer: BytesMut::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer, whole.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.answer_to("GET").await
    }

    pub(crate) async fn answer_to(&mut self, method: &str) -> Answer {
        let (status, headers, mut decoder) = self.head(method).await;
        let mut body = BytesMut::new();
        loop {
            match decoder.decode(&mut self.buffer).unwrap() {
                Decoded::Piece(piece) => body.extend_from_slice(&piece),
                Decoded::Done => return Answer { status, headers, body: body.freeze() },
                Decoded::More => {
                    if self.io.read_buf(&mut self.buffer).await.unwrap() == 0 {
                        assert!(decoder.at_eof(), "the answer is cut after {body:?}");
                    }
                }
            }
        }
    }

    /// The head of the next answer, and what decodes its body.
    pub(crate) async fn head(&mut self, method: &str) -> (u16, Headers, Decoder) {
        loop {
            if let Some(answer) = read_response(&mut self.buffer, method == "HEAD", &http1::Limits::default()).unwrap()
            {
                return (answer.head.status, answer.head.headers, Decoder::new(answer.framing));
            }
            let read = self.io.read_buf(&mut self.buffer).await.unwrap();
            assert_ne!(read, 0, "closed in place of an answer; there was {:?}", self.buffer);
        }
    }

    /// What comes until the other end closes; `Err` when the connection broke.
    pub(crate) async fn rest(&mut self) -> io::Result<Bytes> {
        while self.io.read_buf(&mut self.buffer).await? > 0 {}
        Ok(self.buffer.split().freeze())
    }

    /// So many bytes, as they come on the wire.
    pub(crate) async fn exactly(&mut self, bytes: usize) -> Bytes {
        while self.buffer.len() < bytes {
            assert_ne!(self.io.read_buf(&mut self.buffer).await.unwrap(), 0, "closed after {:?}", self.buffer);
        }
        self.buffer.split_to(bytes).freeze()
    }
}

pub(crate) const GET: &str = "GET /a HTTP/1.1\r\nhost: here\r\n\r\n";
