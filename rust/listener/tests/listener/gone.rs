//! A caller who leaves cancels its call, wherever the call is.

use crate::support::{Answering, Flag, GET, Server, pipe, read_all, reply, run, settle, stream, until};
use bytes::Bytes;
use fault::Kind;
use listener::Incoming;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;

/// A call that never ends, and tells when it starts and when it is dropped.
fn hang(started: &Flag, dropped: &Flag) -> impl Fn(Incoming) -> Answering + 'static {
    let (started, dropped) = (started.clone(), dropped.clone());
    move |_| {
        drop(started.guard());
        let guard = dropped.guard();
        Box::pin(async move {
            std::future::pending::<()>().await;
            drop(guard);
            reply(200, "")
        })
    }
}

#[test]
fn a_client_that_closes_cancels_its_call() {
    run(async {
        let (started, dropped) = (Flag::default(), Flag::default());
        let server = Server::start(hang(&started, &dropped));
        let mut client = server.connect().await;
        client.send(GET).await;
        until(|| started.is_set()).await;
        assert!(!dropped.is_set());
        drop(client);
        until(|| dropped.is_set()).await;
        until(|| server.live.open() == 0).await;
    });
}

#[test]
fn half_a_close_counts_too() {
    run(async {
        let (started, dropped) = (Flag::default(), Flag::default());
        let server = Server::start(hang(&started, &dropped));
        let mut client = server.connect().await;
        client.send(GET).await;
        until(|| started.is_set()).await;
        client.io.shutdown().await.unwrap();
        until(|| dropped.is_set()).await;
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn a_call_that_has_read_its_body_is_watched() {
    run(async {
        let dropped = Flag::default();
        let read = Flag::default();
        let (guard, seen) = (RefCell::new(Some(dropped.guard())), read.clone());
        let server = Server::start(move |incoming| {
            let (guard, seen) = (guard.borrow_mut().take(), seen.clone());
            Box::pin(async move {
                read_all(incoming.body).await.unwrap();
                drop(seen.guard());
                std::future::pending::<()>().await;
                drop(guard);
                reply(200, "")
            })
        });
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n").await;
        until(|| read.is_set()).await;
        drop(client);
        until(|| dropped.is_set()).await;
    });
}

#[test]
fn requests_sent_ahead_do_not_cancel_and_a_close_behind_them_does() {
    run(async {
        let (started, dropped) = (Flag::default(), Flag::default());
        let server = Server::start(hang(&started, &dropped));
        let mut client = server.connect().await;
        client.send(GET).await;
        until(|| started.is_set()).await;
        client.send(GET.repeat(100)).await;
        settle().await;
        assert!(!dropped.is_set());
        drop(client);
        until(|| dropped.is_set()).await;
    });
}

#[test]
fn a_client_that_leaves_within_a_stream_cancels_it() {
    run(async {
        let dropped = Flag::default();
        let (pipe, mut piped) = pipe();
        piped.1 = Some(dropped.guard());
        let piped = RefCell::new(Some(piped));
        let server = Server::start(move |_| {
            let piped = piped.borrow_mut().take().unwrap();
            Box::pin(async move { stream(piped) })
        });
        let mut client = server.connect().await;
        client.send(GET).await;
        pipe.send(Ok(Bytes::from_static(b"data"))).unwrap();
        client.head("GET").await;
        assert!(!dropped.is_set());
        drop(client);
        until(|| dropped.is_set()).await;
    });
}

#[test]
fn a_service_that_reads_a_body_is_told_that_its_caller_left() {
    run(async {
        let seen = Rc::new(RefCell::new(None));
        let see = Rc::clone(&seen);
        let server = Server::start(move |incoming| {
            let see = Rc::clone(&see);
            Box::pin(async move {
                let fault = read_all(incoming.body).await.unwrap_err();
                *see.borrow_mut() = Some(fault.kind());
                reply(400, "nobody reads this")
            })
        });
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhalf").await;
        client.io.shutdown().await.unwrap();
        assert_eq!(client.rest().await.unwrap(), "");
        assert_eq!(*seen.borrow(), Some(Kind::ClientGone));
    });
}
