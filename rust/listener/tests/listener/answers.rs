//! How answers are framed, and how they end.

use crate::support::{Body, Client, GET, Server, pipe, reply, run, settle, stream};
use bytes::Bytes;
use fault::{Fault, Kind};
use listener::{Reply, ReplyHead};
use std::cell::RefCell;
use std::io;

#[test]
fn a_body_of_unknown_length_is_chunked() {
    run(async {
        let server = Server::start(|_| Box::pin(async { Reply { length: None, ..reply(200, vec![b'x'; 300]) } }));
        let mut client = server.connect().await;
        client.send(GET).await;
        let answer = client.answer().await;
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        assert_eq!(answer.header("content-length"), None);
        assert_eq!(answer.body, vec![b'x'; 300]);
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
    });
}

#[test]
fn an_old_client_gets_no_chunks() {
    run(async {
        let server = Server::start(|incoming| {
            let known = incoming.head.target() == b"/known";
            Box::pin(async move { Reply { length: known.then_some(3), ..reply(200, "abc") } })
        });
        let mut client = server.connect().await;
        client.send("GET /known HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.header("connection"), answer.header("content-length")), (Some("keep-alive"), Some("3")));
        client.send("GET /unknown HTTP/1.0\r\nconnection: keep-alive\r\n\r\n").await;
        let answer = client.answer().await;
        assert_eq!((answer.header("connection"), answer.header("transfer-encoding")), (Some("close"), None));
        assert_eq!(answer.body, "abc");
    });
}

#[test]
fn head_has_the_length_and_no_body_and_the_connection_goes_on() {
    run(async {
        let server = Server::start(|_| Box::pin(async { reply(200, "twelve bytes") }));
        let mut client = server.connect().await;
        for _ in 0..2 {
            client.send("HEAD / HTTP/1.1\r\nhost: h\r\n\r\n").await;
            let answer = client.answer_to("HEAD").await;
            assert_eq!((answer.header("content-length"), answer.body.len()), (Some("12"), 0));
        }
    });
}

#[test]
fn no_content_has_no_length() {
    run(async {
        let server = Server::start(|_| Box::pin(async { reply(204, "") }));
        let mut client = server.connect().await;
        for _ in 0..2 {
            client.send(GET).await;
            let answer = client.answer().await;
            assert_eq!((answer.status, answer.header("content-length")), (204, None));
        }
    });
}

#[test]
fn lines_of_the_service_stand_in_the_head() {
    run(async {
        let lines = b"x-one: 1\r\nx-two: 2\r\n".to_vec();
        let server = Server::start(move |_| {
            let head = ReplyHead { status: 429, lines: lines.clone() };
            Box::pin(async move { Reply { head, ..reply(0, "") } })
        });
        let mut client = server.connect().await;
        client.send(GET).await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.header("x-one"), answer.header("x-two")), (429, Some("1"), Some("2")));
    });
}

#[test]
fn a_service_and_a_client_can_end_the_connection() {
    run(async {
        let server = Server::start(|incoming| {
            let closes = incoming.head.target() == b"/close";
            Box::pin(async move { Reply { closes, ..reply(200, "bye") } })
        });
        for request in
            ["GET /close HTTP/1.1\r\nhost: h\r\n\r\n", "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"]
        {
            let mut client = server.connect().await;
            client.send(request).await;
            let answer = client.answer().await;
            assert_eq!((answer.header("connection"), &answer.body[..]), (Some("close"), &b"bye"[..]));
            assert_eq!(client.rest().await.unwrap(), "");
        }
    });
}

#[test]
fn the_head_and_what_is_ready_go_at_once_and_the_rest_as_it_comes() {
    run(async {
        let (pipe, piped) = pipe();
        let piped = RefCell::new(Some(piped));
        let server = Server::start(move |_| {
            let piped = piped.borrow_mut().take().unwrap();
            Box::pin(async move { stream(piped) })
        });
        pipe.send(Ok(Bytes::from_static(b"data: 1\n\n"))).unwrap();
        let mut client = server.connect().await;
        client.send(GET).await;
        settle().await;
        // One read takes all: the head and the first piece were one write.
        let mut room = vec![0; 4096];
        let read = client.io.try_read(&mut room).unwrap();
        assert!(
            room[..read].ends_with(b"\r\n\r\n9\r\ndata: 1\n\n\r\n"),
            "{:?}",
            String::from_utf8_lossy(&room[..read])
        );
        pipe.send(Ok(Bytes::from_static(b"data: 2\n\n"))).unwrap();
        assert_eq!(client.exactly(14).await, "9\r\ndata: 2\n\n\r\n");
        pipe.send(Ok(Bytes::from_static(b"a"))).unwrap();
        pipe.send(Ok(Bytes::from_static(b"b"))).unwrap();
        drop(pipe);
        assert_eq!(client.exactly(17).await, "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
        client.send("").await;
    });
}

#[test]
fn pieces_of_all_sizes_arrive_in_order() {
    run(async {
        let sizes = [1, 4096, 4097, 70_000, 2, 300_000, 5000, 5000, 5000, 3];
        let pieces: Vec<Bytes> = (b'a'..).zip(sizes).map(|(byte, size)| Bytes::from(vec![byte; size])).collect();
        let whole = pieces.concat();
        let server = Server::start(move |incoming| {
            let length = (incoming.head.target() == b"/known").then_some(pieces.iter().map(|p| p.len() as u64).sum());
            let body = Body::of(pieces.clone());
            Box::pin(async move { Reply { length, body, ..reply(200, "") } })
        });
        let mut client = server.connect().await;
        for target in ["/known", "/unknown", "/known"] {
            client.send(format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n")).await;
            assert_eq!(client.answer().await.body, whole, "{target}");
        }
    });
}

/// A server whose answer is `length` and a pipe that ends with `end` behind `pieces`.
fn failing(length: Option<u64>, pieces: &[&'static str], fails: bool) -> Server {
    let pieces: Vec<_> = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
    Server::start(move |_| {
        let (pipe, piped) = pipe();
        for piece in &pieces {
            pipe.send(Ok(piece.clone())).unwrap();
        }
        if fails {
            pipe.send(Err(Fault::new(Kind::StreamCut, "cut"))).unwrap();
        }
        Box::pin(async move { Reply { length, ..stream(piped) } })
    })
}

async fn asked(server: &Server, request: &str) -> (Client<tokio::net::TcpStream>, io::Result<Bytes>) {
    let mut client = server.connect().await;
    client.send(request).await;
    client.head("GET").await;
    let rest = client.rest().await;
    (client, rest)
}

#[test]
fn a_chunked_answer_that_fails_has_no_last_chunk() {
    run(async {
        let server = failing(None, &["first", "second"], true);
        let (_, rest) = asked(&server, GET).await;
        assert_eq!(rest.unwrap(), "5\r\nfirst\r\n6\r\nsecond\r\n");
    });
}

#[test]
fn an_answer_of_another_length_than_stated_is_aborted() {
    run(async {
        for (length, sent) in [(20, "firstsecond"), (8, "first"), (5, "first")] {
            let server = failing(Some(length), &["first", "second"], false);
            let (_, rest) = asked(&server, GET).await;
            assert_eq!(rest.unwrap(), sent, "stated {length}");
        }
    });
}

#[test]
fn an_answer_until_close_that_fails_is_a_broken_connection() {
    run(async {
        let server = failing(None, &["first"], true);
        let (_, rest) = asked(&server, "GET / HTTP/1.0\r\n\r\n").await;
        assert_eq!(rest.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    });
}
