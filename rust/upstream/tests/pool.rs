//! Connections that rest between calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use fault::Kind;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::time::Duration;
use support::{Worker, endpoint, read_request, run, serve, serve_always, until_closed, whole};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use upstream::Gauges;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn a_connection_serves_call_after_call() {
    run(async {
        let connections = Rc::new(Cell::new(0));
        let count = Rc::clone(&connections);
        let address = serve(move |_, mut stream| {
            count.set(count.get() + 1);
            async move {
                while read_request(&mut stream).await.is_some() {
                    stream.write_all(OK).await.unwrap();
                }
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        for round in 0..20 {
            let mut answer = worker.call().await.unwrap();
            assert_eq!(answer.reused, round > 0);
            assert_eq!(answer.connect.is_zero(), round > 0);
            assert_eq!(answer.length, Some(2));
            assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 0 });
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
            assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
        }
        assert_eq!(connections.get(), 1);
    });
}

#[test]
fn the_connection_is_free_with_the_last_piece() {
    run(async {
        let (address, _) = serve_always(OK).await;
        let worker = Worker::new(endpoint(address));
        let mut answer = worker.call().await.unwrap();
        assert!(!answer.body.is_done());
        let piece = http1::Source::piece(&mut answer.body).await.unwrap().unwrap();
        assert_eq!(&*piece, b"ok");
        assert!(answer.body.is_done());
        assert_eq!(worker.pools.gauges().idle, 1);
    });
}

#[test]
fn two_calls_at_once_have_two_connections_and_the_one_used_last_is_used_next() {
    run(async {
        let (address, _) = serve_always(OK).await;
        let worker = Worker::new(endpoint(address));
        let (first, second) = tokio::join!(worker.call(), worker.call());
        let (mut first, mut second) = (first.unwrap(), second.unwrap());
        whole(&mut first.body).await.unwrap();
        whole(&mut second.body).await.unwrap();
        assert_eq!(worker.pools.gauges(), Gauges { open: 2, idle: 2 });
        drop(worker.call().await.unwrap());
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
    });
}

#[test]
fn a_connection_that_the_provider_closed_while_it_rested_is_not_used() {
    run(async {
        let (gone, wait) = oneshot::channel();
        let gone = RefCell::new(Some(gone));
        let address = serve(move |number, mut stream| {
            let gone = gone.borrow_mut().take();
            async move {
                read_request(&mut stream).await.unwrap();
                stream.write_all(OK).await.unwrap();
                drop(stream);
                assert!(number < 2);
                if let Some(gone) = gone {
                    gone.send(()).unwrap();
                }
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        wait.await.unwrap();
        let mut answer = worker.call().await.unwrap();
        assert!(!answer.reused);
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
    });
}

#[test]
fn a_connection_on_which_the_provider_spoke_unasked_is_not_used() {
    run(async {
        let (spoke, wait) = oneshot::channel();
        let spoke = RefCell::new(Some(spoke));
        let address = serve(move |_, mut stream| {
            let spoke = spoke.borrow_mut().take();
            async move {
                read_request(&mut stream).await.unwrap();
                stream.write_all(OK).await.unwrap();
                if let Some(spoke) = spoke {
                    tokio::task::yield_now().await;
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison").await.unwrap();
                    spoke.send(()).unwrap();
                }
                until_closed(&mut stream).await;
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        wait.await.unwrap();
        let mut answer = worker.call().await.unwrap();
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        assert!(!answer.reused);
    });
}

#[test]
fn bytes_left_over_behind_an_answer_end_the_connection() {
    run(async {
        let (address, _) = serve_always(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokEXTRA").await;
        let worker = Worker::new(endpoint(address));
        let mut answer = worker.call().await.unwrap();
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        assert_eq!(worker.pools.gauges(), Gauges { open: 0, idle: 0 });
    });
}

#[test]
fn an_answer_that_says_close_ends_the_connection() {
    run(async {
        let (address, _) = serve_always(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        let worker = Worker::new(endpoint(address));
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        assert_eq!(worker.pools.gauges(), Gauges { open: 0, idle: 0 });
    });
}

#[test]
fn dropping_a_body_or_an_exchange_closes_the_connection_at_once() {
    run(async {
        let (closed, mut wait) = tokio::sync::mpsc::unbounded_channel();
        let address = serve(move |number, mut stream| {
            let closed = closed.clone();
            async move {
                read_request(&mut stream).await.unwrap();
                if number == 0 {
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
                        .await
                        .unwrap();
                }
                until_closed(&mut stream).await;
                closed.send(number).unwrap();
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        let mut answer = worker.call().await.unwrap();
        assert_eq!(&*http1::Source::piece(&mut answer.body).await.unwrap().unwrap(), b"ok");
        drop(answer);
        assert_eq!(wait.recv().await, Some(0));
        assert!(tokio::time::timeout(Duration::from_millis(20), worker.call()).await.is_err(), "no answer comes");
        assert_eq!(wait.recv().await, Some(1));
        assert_eq!(worker.pools.gauges(), Gauges::default());
    });
}

/// A provider in a thread of its own, so that it can act while this thread's event loop does not turn.
fn provider_that(
    ends: impl FnOnce(std::net::TcpStream) + Send + 'static,
) -> (std::net::SocketAddr, std::thread::JoinHandle<()>, std::sync::mpsc::Sender<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let read = |stream: &mut std::net::TcpStream| {
        let mut seen = Vec::new();
        let mut buffer = [0; 1024];
        while !seen.ends_with(b"{}") {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0);
            seen.extend_from_slice(&buffer[..count]);
        }
    };
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read(&mut stream);
        stream.write_all(OK).unwrap();
        wait.recv().unwrap();
        ends(stream);
        wait.recv().unwrap();
        listener.set_nonblocking(true).unwrap();
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_nonblocking(false).unwrap();
            read(&mut stream);
            stream.write_all(OK).unwrap();
        }
    });
    (address, thread, go)
}

#[test]
fn a_call_moves_to_a_new_connection_when_the_old_one_took_no_byte() {
    run(async {
        let (reset, has_reset) = std::sync::mpsc::channel();
        let (address, thread, go) = provider_that(move |stream| {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(stream);
            reset.send(()).unwrap();
        });
        let worker = Worker::new(endpoint(address));
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        go.send(()).unwrap();
        has_reset.recv().unwrap(); // blocks the event loop: it cannot know of the reset
        let second = worker.call();
        let mut second = std::pin::pin!(second);
        let early = std::future::poll_fn(|cx| std::task::Poll::Ready(second.as_mut().poll(cx).is_pending())).await;
        assert!(early, "connecting anew");
        go.send(()).unwrap();
        let mut answer = second.await.unwrap();
        assert!(!answer.reused);
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        thread.join().unwrap();
    });
}

#[test]
fn a_call_that_the_provider_may_have_read_is_not_sent_twice() {
    run(async {
        let (shut, has_shut) = std::sync::mpsc::channel();
        let (address, thread, go) = provider_that(move |stream| {
            drop(stream);
            shut.send(()).unwrap();
        });
        let worker = Worker::new(endpoint(address));
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        go.send(()).unwrap();
        has_shut.recv().unwrap();
        let fault = worker.call().await.unwrap_err();
        assert_eq!(fault.kind(), Kind::UpstreamClosed, "{fault}");
        go.send(()).unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn a_reload_that_changes_an_endpoint_or_takes_it_away_ends_its_connections() {
    run(async {
        let (address, _) = serve_always(OK).await;
        let mut worker = Worker::new(endpoint(address));
        let mut open = worker.call().await.unwrap();
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        assert_eq!(worker.pools.gauges(), Gauges { open: 2, idle: 1 });
        worker.endpoint.base_path = "/v2".into();
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        assert_eq!(worker.pools.gauges(), Gauges { open: 2, idle: 1 });
        worker.egress = support::egress();
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        assert_eq!(worker.pools.gauges(), Gauges { open: 2, idle: 1 }, "the same settings keep what is open");
        worker.pools.retain(|_| false);
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 0 });
        assert_eq!(whole(&mut open.body).await.unwrap(), b"ok", "an open call goes on");
        assert_eq!(worker.pools.gauges(), Gauges { open: 0, idle: 0 });
    });
}

#[test]
fn connections_that_rest_too_long_are_closed() {
    run(async {
        let (address, _) = serve_always(OK).await;
        let worker = Worker::new(endpoint(address));
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(worker.pools.gauges().idle, 1);
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(worker.pools.gauges(), Gauges { open: 0, idle: 0 });
    });
}
