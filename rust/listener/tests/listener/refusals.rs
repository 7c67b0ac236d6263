//! What the listener refuses by itself: each with its status, its code, and the end of the connection.

use crate::support::{GET, Server, echo, limits, run};
use listener::Limits;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[test]
fn ambiguous_heads_are_refused_and_what_follows_is_not_read() {
    let many = format!("GET / HTTP/1.1\r\nhost: h\r\n{}\r\n", "a: b\r\n".repeat(101));
    let large = format!("GET / HTTP/1.1\r\nhost: h\r\na: {}\r\n\r\n", "b".repeat(20_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "p".repeat(9000));
    let cases = [
        ("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", 400, "bad_framing"),
        ("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc", 400, "bad_framing"),
        ("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: +3\r\n\r\nabc", 400, "bad_framing"),
        ("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 400, "bad_framing"),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n", 400, "bad_framing"),
        ("GET / HTTP/1.1\nhost: h\n\n", 400, "bad_framing"),
        ("GET / HTTP/1.1\r\nhost : h\r\n\r\n", 400, "bad_framing"),
        ("GET / HTTP/1.1\r\nhost: h\r\na: b\r\n c\r\n\r\n", 400, "bad_framing"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "bad_framing"),
        ("CONNECT h:80 HTTP/1.1\r\nhost: h\r\n\r\n", 400, "bad_framing"),
        ("\x16\x03\x01\x02\x00\x01", 400, "bad_framing"),
        ("GET / HTTP/3.0\r\nhost: h\r\n\r\n", 505, "version_unsupported"),
        ("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\nexpect: 200-ok\r\n\r\n", 417, "expectation_failed"),
        (&many, 431, "head_too_large"),
        (&large, 431, "head_too_large"),
        (&long, 414, "target_too_long"),
    ];
    run(async move {
        let server = Server::start(echo);
        for (head, status, code) in cases {
            let mut client = server.connect().await;
            client.send(head).await;
            client.send(GET).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.code()), (status, code), "{head:?}");
            assert_eq!(answer.header("connection"), Some("close"), "{head:?}");
            client.io.shutdown().await.unwrap();
            assert_eq!(client.rest().await.unwrap(), "", "{head:?}");
        }
    });
}

#[test]
fn a_request_before_a_refused_one_is_answered() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        client.send(format!("{GET}GET / HTTP/1.1\r\n\r\n")).await;
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(client.answer().await.code(), "bad_framing");
    });
}

#[test]
fn a_head_that_trickles_in_is_a_timeout_from_its_first_byte_on() {
    run(async {
        let limits = Limits { read_gap: Duration::from_millis(100), ..limits() };
        let server = Server::with(limits, None, echo);
        let mut client = server.connect().await;
        // Never 100 ms without a byte, and yet not for ever.
        for byte in b"GET / HTTP/1.1\r\nhost: h".chunks(1) {
            client.send(byte).await;
            tokio::time::sleep(Duration::from_millis(8)).await;
        }
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code(), answer.header("connection")),
            (408, "request_timeout", Some("close"))
        );
    });
}
