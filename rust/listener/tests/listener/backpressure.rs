//! An answer is produced as fast as its caller reads, and no faster.

use crate::support::{Client, Flag, GET, Server, limits, run, settle, stream, until};
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use listener::Limits;
use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpSocket;

/// Pieces without end, counted.
struct Endless {
    produced: Rc<Cell<usize>>,
    piece: Bytes,
    _dropped: crate::support::Dropped,
}

impl Source for Endless {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        self.produced.set(self.produced.get() + self.piece.len());
        Poll::Ready(Some(Ok(self.piece.clone())))
    }
}

fn endless(limits: Limits, piece: usize) -> (Server, Rc<Cell<usize>>, Flag) {
    let (produced, dropped) = (Rc::new(Cell::new(0)), Flag::default());
    let (count, flag) = (Rc::clone(&produced), dropped.clone());
    let server = Server::with(limits, None, move |_| {
        let piece = Bytes::from(vec![b'x'; piece]);
        let body = Endless { produced: Rc::clone(&count), piece, _dropped: flag.guard() };
        Box::pin(async move { stream(body) })
    });
    (server, produced, dropped)
}

/// A client whose kernel buffers little.
async fn narrow(server: &Server) -> Client<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut client = Client::new(socket.connect(server.tcp()).await.unwrap());
    client.send(GET).await;
    client
}

/// What has been produced once nothing more is.
async fn settled(produced: &Cell<usize>) -> usize {
    loop {
        let before = produced.get();
        settle().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if produced.get() == before && before > 0 {
            return before;
        }
    }
}

#[test]
fn a_client_that_does_not_read_stops_the_source() {
    for piece in [100, 20_000] {
        run(async {
            let (server, produced, dropped) = endless(limits(), piece);
            let mut client = narrow(&server).await;
            let first = settled(&produced).await;
            assert!(first < 8 << 20, "{first} bytes for a client that reads none");
            // One that goes on reading has it go on.
            client.exactly(first + (1 << 20)).await;
            assert!(produced.get() > first);
            assert!(!dropped.is_set());
        });
    }
}

#[test]
fn a_client_that_reads_nothing_for_too_long_is_given_up() {
    run(async {
        let (server, _, dropped) = endless(Limits { write_stall: Duration::from_millis(100), ..limits() }, 20_000);
        let mut client = narrow(&server).await;
        until(|| dropped.is_set()).await;
        until(|| server.live.open() == 0).await;
        assert_eq!(server.live.stalled(), 1);
        drop(client.rest().await);
    });
}

#[test]
fn a_client_that_reads_slowly_is_not_given_up() {
    run(async {
        let (server, _, dropped) = endless(Limits { write_stall: Duration::from_millis(1500), ..limits() }, 20_000);
        let mut client = narrow(&server).await;
        for _ in 0..70 {
            client.exactly(300_000).await;
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert!(!dropped.is_set());
    });
}

#[test]
fn a_client_that_leaves_unread_answers_behind_is_noticed() {
    run(async {
        let (server, produced, dropped) = endless(limits(), 20_000);
        let client = narrow(&server).await;
        settled(&produced).await;
        drop(client);
        until(|| dropped.is_set()).await;
    });
}
