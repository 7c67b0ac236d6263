//! Bodies of requests: asked for, left unread, malformed, slow.

use crate::support::{Server, echo, limits, read_all, refusal, reply, run, settle, stream};
use listener::{Limits, Reply};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;

const EXPECTING: &str = "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n";

#[test]
fn a_body_is_asked_for_when_the_service_wants_it_and_not_before() {
    run(async {
        let wanted = Rc::new(Notify::new());
        let want = Rc::clone(&wanted);
        let server = Server::start(move |incoming| {
            let want = Rc::clone(&want);
            Box::pin(async move {
                want.notified().await;
                reply(200, read_all(incoming.body).await.unwrap())
            })
        });
        let mut client = server.connect().await;
        client.send(EXPECTING).await;
        settle().await;
        assert!(client.io.try_read(&mut [0; 64]).is_err(), "asked for the body before the service did");
        wanted.notify_one();
        assert_eq!(client.exactly(25).await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("body").await;
        assert_eq!(client.answer().await.body, "body");
    });
}

#[test]
fn a_body_that_came_unasked_is_not_asked_for() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        client.send(format!("{EXPECTING}body")).await;
        assert_eq!(client.answer().await.body, "POST / body");
    });
}

#[test]
fn an_answer_that_does_not_want_the_body_comes_without_100_and_ends_the_connection() {
    run(async {
        let server = Server::start(|_| Box::pin(async { reply(413, "no") }));
        let mut client = server.connect().await;
        client.send(EXPECTING).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn what_is_left_of_a_small_body_does_not_end_the_connection() {
    run(async {
        let server = Server::start(|_| Box::pin(async { reply(200, "early") }));
        let mut client = server.connect().await;
        for _ in 0..3 {
            client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody").await;
            let answer = client.answer().await;
            assert_eq!((answer.header("connection"), &answer.body[..]), (None, &b"early"[..]));
        }
    });
}

#[test]
fn a_client_that_sends_a_large_body_all_the_same_can_read_its_refusal() {
    run(async {
        let server = Server::start(|_| Box::pin(async { reply(413, "too large") }));
        let mut client = server.connect().await;
        client.send(format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", 8 << 20)).await;
        // Like many programs, it sends all of it before it reads.
        client.io.write_all(&vec![b'x'; 8 << 20]).await.unwrap();
        let answer = client.answer().await;
        assert_eq!((answer.status, &answer.body[..]), (413, &b"too large"[..]));
        client.io.shutdown().await.unwrap();
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn a_large_body_comes_in_large_pieces() {
    run(async {
        let server = Server::start(|mut incoming| {
            Box::pin(async move {
                use http1::Source;
                let (mut bytes, mut pieces) = (0, 0);
                while let Some(piece) = incoming.body.piece().await {
                    bytes += piece.unwrap().len();
                    pieces += 1;
                }
                reply(200, format!("{bytes} {}", pieces <= 8 + bytes / 8192))
            })
        });
        let mut client = server.connect().await;
        for size in [100_000, 3, 1_000_000, 400_000] {
            client.send(format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {size}\r\n\r\n")).await;
            client.send(vec![b'x'; size]).await;
            assert_eq!(client.answer().await.body, format!("{size} true"));
        }
    });
}

#[test]
fn an_answer_may_be_the_body_of_the_request() {
    run(async {
        let server = Server::start(|incoming| Box::pin(async { stream(incoming.body) }));
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let (status, ..) = client.head("POST").await;
        assert_eq!(status, 200);
        client.send("3\r\nabc\r\n").await;
        assert_eq!(client.exactly(8).await, "3\r\nabc\r\n");
        client.send("0\r\n\r\n").await;
        assert_eq!(client.exactly(5).await, "0\r\n\r\n");
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\nz").await;
        assert_eq!(client.answer().await.body, "z");
    });
}

#[test]
fn a_body_that_outlives_its_call_reads_nothing_of_the_next() {
    run(async {
        let kept = Rc::new(RefCell::new(Vec::new()));
        let keep = Rc::clone(&kept);
        let server = Server::start(move |incoming| {
            keep.borrow_mut().push(incoming.body);
            Box::pin(async { reply(200, "") })
        });
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc").await;
        // Its body may still be read, so nothing is thrown away; without a reader the connection has to end.
        assert_eq!(client.answer().await.status, 200);
        assert_eq!(client.rest().await.unwrap(), "");
        let body = kept.borrow_mut().pop().unwrap();
        assert_eq!(read_all(body).await.unwrap(), "");
    });
}

#[test]
fn malformed_chunks_reach_the_service_as_a_fault_and_end_the_connection() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcd\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.code(), answer.header("connection")), (400, "bad_framing", Some("close")));
        client.io.shutdown().await.unwrap();
        assert_eq!(client.rest().await.unwrap(), "");
    });
}

#[test]
fn a_body_that_stops_arriving_is_a_timeout() {
    run(async {
        let limits = Limits { read_gap: Duration::from_millis(50), ..limits() };
        let server = Server::with(limits, None, echo);
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbo").await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.code(), answer.header("connection")),
            (408, "request_timeout", Some("close"))
        );
    });
}

#[test]
fn a_service_that_waits_for_something_else_does_not_make_the_body_late() {
    run(async {
        let limits = Limits { read_gap: Duration::from_millis(50), ..limits() };
        let server = Server::with(limits, None, |incoming| {
            Box::pin(async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                match read_all(incoming.body).await {
                    Ok(body) => reply(200, body),
                    Err(fault) => refusal(&fault),
                }
            })
        });
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbo").await;
        client.send("dy").await;
        assert_eq!(client.answer().await.body, "body");
    });
}

#[test]
fn a_refusal_of_the_service_after_half_a_body_is_read_whole() {
    run(async {
        let server = Server::start(|mut incoming| {
            Box::pin(async move {
                use http1::Source;
                incoming.body.piece().await.unwrap().unwrap();
                Reply { closes: true, ..reply(400, "not JSON") }
            })
        });
        let mut client = server.connect().await;
        client.send("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000\r\n\r\n{").await;
        client.send(vec![b'x'; 999_999]).await;
        assert_eq!(client.answer().await.body, "not JSON");
    });
}
