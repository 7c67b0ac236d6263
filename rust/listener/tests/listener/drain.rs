//! The end of a listener: announced, closed, cut.

use crate::support::{Client, Flag, GET, Server, echo, limits, pipe, reply, run, settle, stream, until};
use bytes::Bytes;
use listener::{Limits, Phase, bind};
use plan::Address;
use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;

#[test]
fn an_announced_end_closes_connections_behind_their_answers_and_still_accepts() {
    run(async {
        let server = Server::start(echo);
        let mut open = server.connect().await;
        open.send(GET).await;
        assert_eq!(open.answer().await.header("connection"), None);
        server.phase.send_replace(Phase::Announce);
        settle().await;
        let mut new = server.connect().await;
        for client in [&mut open, &mut new] {
            client.send(GET).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
            assert_eq!(client.rest().await.unwrap(), "");
        }
    });
}

#[test]
fn a_connection_that_rests_after_the_announcement_is_closed() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        client.send(GET).await;
        client.answer().await;
        server.phase.send_replace(Phase::Announce);
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn a_closed_listener_serves_what_was_accepted_and_ends_resting_connections() {
    run(async {
        let server = Server::start(echo);
        let address = server.tcp();
        let mut resting = server.connect().await;
        resting.send(GET).await;
        resting.answer().await;
        // Connections that the kernel completes while the worker has no turn: this thread does not yield.
        let mut waiting: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        server.phase.send_replace(Phase::Close);
        for stream in &mut waiting {
            stream.write_all(GET.as_bytes()).unwrap();
            stream.set_nonblocking(true).unwrap();
        }
        for stream in waiting {
            let mut client = Client::new(TcpStream::from_std(stream).unwrap());
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
        }
        assert_eq!(resting.rest().await.unwrap(), "");
        server.ended().await;
        assert!(std::net::TcpStream::connect(address).is_err());
    });
}

#[test]
fn a_connection_from_the_backlog_that_asks_nothing_does_not_hold_the_end() {
    run(async {
        let server = Server::start(echo);
        let silent = std::net::TcpStream::connect(server.tcp()).unwrap();
        server.phase.send_replace(Phase::Close);
        server.ended().await;
        drop(silent);
    });
}

#[test]
fn open_calls_end_in_their_own_time_after_a_close() {
    run(async {
        let go = Rc::new(Notify::new());
        let gone = Rc::clone(&go);
        let started = Flag::default();
        let start = started.clone();
        let server = Server::start(move |_| {
            let go = Rc::clone(&gone);
            drop(start.guard());
            Box::pin(async move {
                go.notified().await;
                reply(200, "late")
            })
        });
        let mut client = server.connect().await;
        client.send(GET).await;
        until(|| started.is_set()).await;
        server.phase.send_replace(Phase::Close);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!server.workers[0].is_finished());
        go.notify_one();
        let answer = client.answer().await;
        assert_eq!((&answer.body[..], answer.header("connection")), (&b"late"[..], Some("close")));
        server.ended().await;
    });
}

#[test]
fn a_cut_lets_streams_say_goodbye() {
    run(async {
        let (pipe, piped) = pipe();
        let piped = RefCell::new(Some(piped));
        let server = Server::start(move |_| {
            let piped = piped.borrow_mut().take().unwrap();
            Box::pin(async move { stream(piped) })
        });
        let mut client = server.connect().await;
        client.send(GET).await;
        pipe.send(Ok(Bytes::from_static(b"data"))).unwrap();
        client.head("GET").await;
        server.phase.send_replace(Phase::Cut);
        settle().await;
        pipe.send(Ok(Bytes::from_static(b"error"))).unwrap();
        drop(pipe);
        assert_eq!(client.rest().await.unwrap(), "4\r\ndata\r\n5\r\nerror\r\n0\r\n\r\n");
        server.ended().await;
    });
}

#[test]
fn a_cut_drops_what_does_not_end() {
    run(async {
        let (started, dropped) = (Flag::default(), Flag::default());
        let (start, guard) = (started.clone(), dropped.clone());
        let server = Server::start(move |_| {
            drop(start.guard());
            let guard = guard.guard();
            Box::pin(async move {
                std::future::pending::<()>().await;
                drop(guard);
                reply(200, "")
            })
        });
        let mut client = server.connect().await;
        client.send(GET).await;
        until(|| started.is_set()).await;
        server.phase.send_replace(Phase::Close);
        settle().await;
        server.phase.send_replace(Phase::Cut);
        let live = server.live.clone();
        server.ended().await;
        assert!(dropped.is_set());
        assert_eq!(live.open(), 0);
    });
}

#[test]
fn a_phase_that_nobody_can_change_any_more_is_a_close() {
    run(async {
        let Server { workers, phase, .. } = Server::start(echo);
        settle().await;
        drop(phase);
        for worker in workers {
            worker.await.unwrap().unwrap();
        }
    });
}

#[test]
fn no_call_is_lost_when_a_loaded_listener_closes() {
    run(async {
        for _ in 0..10 {
            let listening = bind(&Address::Tcp("127.0.0.1:0".parse().unwrap()), 2).unwrap();
            let address = listening.local_address().clone();
            let limits = Limits { idle: Duration::from_secs(5), ..limits() };
            let server = Server::on(&address, listening.into_shares(), limits, None, echo);
            let target = server.tcp();
            let answered = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&answered);
            // A thread of its own connects, asks, reads to the end, until it is refused a connection.
            let load = std::thread::spawn(move || {
                while let Ok(mut stream) = std::net::TcpStream::connect_timeout(&target, Duration::from_millis(200)) {
                    stream.write_all(b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n").unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).unwrap();
                    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("GET /a "), "{answer:?}");
                    count.fetch_add(1, Relaxed);
                }
            });
            until(|| answered.load(Relaxed) > 20).await;
            server.phase.send_replace(Phase::Close);
            server.ended().await;
            load.join().unwrap();
        }
    });
}
