//! A connection from its acceptance to its protocol: is there room, TLS, which version of HTTP.

use crate::io::{Io, Plain};
use crate::tls::{ALPN_H2, TlsHandle};
use crate::worker::Worker;
use crate::{Peer, Service, h1, h2};
use bytes::BytesMut;
use fault::{Fault, Kind};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How long a TLS handshake may take. Source: reliability.md 3.2, "HTTP hygiene".
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What every connection of a worker is greeted with.
pub(crate) struct Doorman<S> {
    pub(crate) worker: Rc<Worker<S>>,
    tls: Option<TlsAcceptor>,
}

impl<S> Clone for Doorman<S> {
    fn clone(&self) -> Self {
        Self { worker: Rc::clone(&self.worker), tls: self.tls.clone() }
    }
}

impl<S> Doorman<S> {
    pub(crate) fn new(worker: Rc<Worker<S>>, tls: Option<&TlsHandle>) -> Self {
        Self { worker, tls: tls.map(|tls| TlsAcceptor::from(tls.config())) }
    }
}

/// Serves one connection to its end.
pub(crate) async fn greet<S: Service>(doorman: Doorman<S>, stream: Plain, peer: Peer) {
    let Doorman { worker, tls } = doorman;
    let live = &worker.live;
    live.count_accepted();
    let _open = live.opened();
    let max = worker.limits.max_connections;
    let seat = if peer.local { None } else { live.seat(max) };
    let full = seat.is_none() && !peer.local;
    if full {
        live.count_refused();
    }
    // Telling it costs a handshake and a write; in a flood, most are closed without a word.
    let refusal = if full { live.refusal() } else { None };
    if full && refusal.is_none() {
        return;
    }
    let Some((io, http2)) = open(&worker, tls, stream).await else { return };
    if full {
        if !http2 {
            h1::turn_away(&worker, io, too_many(max)).await;
        }
        return;
    }
    let found = if http2 { Some((io, BytesMut::new())) } else { h1::run(&worker, io, peer).await };
    if let Some((io, read)) = found {
        Box::pin(h2::run(&worker, io, read, peer)).await;
    }
}

/// TLS, where there is any. Says whether HTTP/2 was agreed on; otherwise the first bytes tell.
async fn open<S>(worker: &Worker<S>, tls: Option<TlsAcceptor>, stream: Plain) -> Option<(Io, bool)> {
    let Some(tls) = tls else { return Some((Io::Plain(stream), false)) };
    let _handshake = worker.live.handshaking();
    // Boxed: it is large, and gone before the first request.
    if let Ok(Ok(stream)) = Box::pin(timeout(HANDSHAKE, tls.accept(stream))).await {
        let http2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_H2);
        return Some((Io::Tls(Box::new(stream)), http2));
    }
    worker.live.count_tls_failed();
    None
}

fn too_many(max: u32) -> Fault {
    let message = format!("All {max} connections are taken; try again later, or use fewer connections.");
    Fault::new(Kind::TooManyConnections, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Incoming, Limits, Live, Phase, Reply, ReplyHead};
    use http1::Empty;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::{LocalSet, spawn_local, yield_now};

    struct Ok200;

    impl Service for Ok200 {
        type Body = Empty;

        async fn call(&self, _: Incoming) -> Reply<Empty> {
            Reply { head: ReplyHead { status: 200, lines: Vec::new() }, length: Some(0), body: Empty, closes: false }
        }

        fn refuse(&self, fault: Fault) -> Reply<Empty> {
            let head = ReplyHead { status: fault.kind().row().status, lines: Vec::new() };
            Reply { head, length: Some(0), body: Empty, closes: true }
        }
    }

    fn doorman(max_connections: u32) -> (Doorman<Ok200>, Arc<Live>) {
        let gap = Duration::from_secs(20);
        let head = http1::Limits::default();
        let limits = Limits { head, idle: gap, read_gap: gap, write_stall: gap, max_connections };
        let live = Live::new();
        let worker = Worker::new(Rc::new(Ok200), Rc::new(limits), Arc::clone(&live), Phase::Open);
        (Doorman::new(worker, None), live)
    }

    /// A greeted connection, as if from elsewhere or from here.
    async fn connect(doorman: &Doorman<Ok200>, local: bool) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, address) = listener.accept().await.unwrap();
        spawn_local(greet(doorman.clone(), Plain::Tcp(stream), Peer { address: Some(address), local }));
        yield_now().await;
        client
    }

    async fn status(client: &mut TcpStream) -> String {
        client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        client.read_exact(&mut head).await.unwrap();
        String::from_utf8(head.to_vec()).unwrap()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn connections_beyond_the_limit_are_told_so_and_those_from_here_are_not_counted() {
        let test = async {
            let (doorman, live) = doorman(2);
            let mut held = [connect(&doorman, false).await, connect(&doorman, false).await];
            for client in &mut held {
                assert_eq!(status(client).await, "HTTP/1.1 200");
            }
            let mut beyond = connect(&doorman, false).await;
            assert_eq!(status(&mut beyond).await, "HTTP/1.1 503");
            let mut local = connect(&doorman, true).await;
            assert_eq!(status(&mut local).await, "HTTP/1.1 200");
            assert_eq!((live.counted(), live.refused()), (2, 1));
            let [first, _second] = held;
            drop(first);
            while live.counted() == 2 {
                yield_now().await;
            }
            assert_eq!(status(&mut connect(&doorman, false).await).await, "HTTP/1.1 200");
        };
        LocalSet::new().run_until(test).await;
    }

    #[tokio::test(flavor = "current_thread")]
    async fn in_a_flood_most_are_closed_without_a_word() {
        let test = async {
            let (doorman, live) = doorman(0);
            let mut all = Vec::new();
            for _ in 0..80 {
                all.push(connect(&doorman, false).await);
            }
            assert_eq!(live.refused(), 80);
            let mut told = 0;
            for mut client in all {
                let mut head = Vec::new();
                drop(client.shutdown().await);
                told += usize::from(client.read_to_end(&mut head).await.is_ok_and(|read| read > 0));
            }
            assert_eq!(told, 64);
        };
        LocalSet::new().run_until(test).await;
    }
}
