//! Requests over HTTP/1.1: one after the other, cut anywhere, ahead of their turn.

use crate::support::{GET, Server, echo, limits, reply, run};
use listener::{Limits, Version};
use std::time::Duration;
use tokio::time::Instant;

#[test]
fn requests_share_a_connection() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        for body in ["one", "two", "three"] {
            client.send(format!("POST /x?y HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
            let answer = client.answer().await;
            assert_eq!(answer.status, 200);
            assert_eq!(answer.body, format!("POST /x?y {body}"));
            assert!(answer.header("connection").is_none());
            assert!(answer.header("date").is_some_and(|date| date.ends_with("GMT")));
        }
        assert_eq!((server.live.open(), server.live.accepted()), (1, 1));
    });
}

#[test]
fn a_request_may_be_cut_at_every_byte() {
    run(async {
        let server = Server::start(echo);
        let request = "POST /cut HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: u\r\n\r\n";
        let mut client = server.connect().await;
        client.io.set_nodelay(true).unwrap();
        for at in 1..request.len() {
            client.send(&request[..at]).await;
            tokio::task::yield_now().await;
            client.send(&request[at..]).await;
            assert_eq!(client.answer().await.body, "POST /cut abcde", "cut at {at}");
        }
    });
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        let ahead: Vec<_> = (0..50).map(|n| format!("GET /{n} HTTP/1.1\r\nhost: h\r\n\r\n")).collect();
        client.send(ahead.concat()).await;
        for n in 0..50 {
            assert_eq!(client.answer().await.body, format!("GET /{n} "));
        }
    });
}

#[test]
fn a_service_sees_who_calls_and_what_was_declared() {
    run(async {
        let server = Server::start(|incoming| {
            assert!(incoming.peer.local);
            assert!(incoming.peer.address.is_some_and(|address| address.ip().is_loopback()));
            assert_eq!(incoming.version, Version::Http1);
            let seen = format!("{:?} {}", incoming.length, incoming.has_body);
            Box::pin(async move { reply(200, seen) })
        });
        for (framing, body, seen) in [
            ("", "", "None false"),
            ("content-length: 3\r\n", "abc", "Some(3) true"),
            ("transfer-encoding: chunked\r\n", "0\r\n\r\n", "None true"),
        ] {
            let mut client = server.connect().await;
            client.send(format!("POST / HTTP/1.1\r\nhost: h\r\n{framing}\r\n{body}")).await;
            assert_eq!(client.answer().await.body, seen);
        }
    });
}

#[test]
fn a_connection_that_rests_too_long_is_closed_without_a_word() {
    run(async {
        let limits = Limits { idle: Duration::from_millis(60), ..limits() };
        let server = Server::with(limits, None, echo);
        let started = Instant::now();
        let mut silent = server.connect().await;
        assert_eq!(silent.rest().await.unwrap(), "");
        let mut client = server.connect().await;
        client.send(GET).await;
        client.answer().await;
        assert_eq!(client.rest().await.unwrap(), "");
        assert!(started.elapsed() >= Duration::from_millis(120));
    });
}

#[test]
fn a_rest_counts_from_the_last_answer() {
    run(async {
        let limits = Limits { idle: Duration::from_secs(1), ..limits() };
        let server = Server::with(limits, None, echo);
        let mut client = server.connect().await;
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(2200) {
            client.send(GET).await;
            assert_eq!(client.answer().await.status, 200);
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    });
}

#[test]
fn an_empty_line_that_trails_a_request_is_no_slow_head() {
    run(async {
        let limits = Limits { idle: Duration::from_millis(100), read_gap: Duration::from_millis(20), ..limits() };
        let server = Server::with(limits, None, echo);
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nx\r\n").await;
        assert_eq!(client.answer().await.body, "POST / x");
        assert_eq!(client.rest().await.unwrap(), "");
    });
}
