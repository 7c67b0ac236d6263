//! What a provider sees.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use bytes::Bytes;
use fault::{Fault, Kind};
use proptest::prelude::*;
use std::cell::RefCell;
use std::rc::Rc;
use support::{
    CREDENTIAL, Script, Step, Worker, endpoint, head, read_head, run, serve, serve_always, until_closed, whole,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use upstream::{Gauges, OutgoingBody, ProviderLines};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn a_request_is_the_callers_less_what_is_the_callers_own() {
    run(async {
        let (address, seen) = serve_always(OK).await;
        let mut worker = Worker::new(endpoint(address));
        worker.provider.headers.insert("x-house".into(), "1".into());
        worker.lines = ProviderLines::new(&worker.provider, &worker.endpoint, [CREDENTIAL]).unwrap();
        let head = head(&[
            ("Host", "localhost:8080"),
            ("Content-Type", "application/json"),
            ("Authorization", "Bearer caller-canary"),
            ("x-api-key", "caller-canary"),
            ("Cookie", "a=caller-canary"),
            ("Content-Length", "999"),
            ("Connection", "keep-alive, X-Hop, Authorization, Host"),
            ("x-hop", "caller-canary"),
            ("Accept-Encoding", "gzip, br"),
            ("X-House", "caller-canary"),
            ("X-Forwarded-For", "10.1.1.1"),
            ("User-Agent", "OpenAI/Python"),
            ("traceparent", "00-ab-cd-01"),
            ("X-Stainless-Lang", "python"),
        ]);
        let body = [Bytes::from_static(b"{\"model\":"), Bytes::from_static(b"\"m\"}")];
        let mut answer = worker.send(b"POST", &head, OutgoingBody::Pieces(&body)).await.unwrap();
        whole(&mut answer.body).await.unwrap();
        let sent = seen.borrow()[0].clone();
        // A minute, less what went by until then.
        let left_ms: u64 =
            sent.lines().find_map(|line| line.strip_prefix("headgate-timeout-ms: ")).unwrap().parse().unwrap();
        assert!((1..=60_000).contains(&left_ms), "{left_ms}");
        let expected = format!(
            "POST /v1/chat/completions HTTP/1.1\r\n\
             Content-Type: application/json\r\n\
             User-Agent: OpenAI/Python\r\n\
             traceparent: 00-ab-cd-01\r\n\
             X-Stainless-Lang: python\r\n\
             host: {address}\r\n\
             accept-encoding: identity\r\n\
             x-house: 1\r\n\
             authorization: Bearer sk-provider\r\n\
             headgate-timeout-ms: {left_ms}\r\n\
             content-length: 13\r\n\
             \r\n\
             {{\"model\":\"m\"}}"
        );
        assert_eq!(sent, expected);
    });
}

#[test]
fn a_caller_without_a_name_gets_ours_and_a_get_has_no_length() {
    run(async {
        let (address, seen) = serve_always(OK).await;
        let worker = Worker::new(endpoint(address));
        let mut answer = worker.send(b"GET", &head(&[]), OutgoingBody::None).await.unwrap();
        whole(&mut answer.body).await.unwrap();
        let expected = format!(
            "GET /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\naccept-encoding: identity\r\n\
             authorization: Bearer sk-provider\r\nuser-agent: headgate/{}\r\n\
             headgate-timeout-ms: 60000\r\n\r\n",
            env!("CARGO_PKG_VERSION")
        );
        assert_eq!(seen.borrow()[0], expected);
        whole(&mut worker.send(b"POST", &head(&[]), OutgoingBody::None).await.unwrap().body).await.unwrap();
        assert!(seen.borrow()[1].contains("\r\ncontent-length: 0\r\n"));
    });
}

#[test]
fn the_credential_that_is_asked_for_is_shown_and_another_header_name_replaces_the_callers() {
    run(async {
        let (address, seen) = serve_always(OK).await;
        let mut worker = Worker::new(endpoint(address));
        worker.provider.auth = plan::Auth { header: "x-custom-key".into(), prefix: String::new() };
        worker.lines = ProviderLines::new(&worker.provider, &worker.endpoint, [&b"one"[..], b"two"]).unwrap();
        for credential in [0, 1, 0, 1] {
            worker.credential = credential;
            let head = head(&[("X-Custom-Key", "caller-canary"), ("authorization", "Bearer caller-canary")]);
            whole(&mut worker.send(b"GET", &head, OutgoingBody::None).await.unwrap().body).await.unwrap();
        }
        let shown: Vec<_> = seen
            .borrow()
            .iter()
            .map(|request| {
                assert!(!request.contains("caller-canary"), "{request}");
                request.lines().find_map(|line| line.strip_prefix("x-custom-key: ")).unwrap().to_owned()
            })
            .collect();
        assert_eq!(shown, ["one", "two", "one", "two"]);
    });
}

#[test]
fn no_debug_form_shows_a_credential_and_a_broken_one_is_refused_without_it() {
    let worker = run(async { Worker::new(endpoint("127.0.0.1:1".parse().unwrap())) });
    assert!(!format!("{:?}", worker.lines).contains("sk-provider"));
    let problem = ProviderLines::new(&worker.provider, &worker.endpoint, [&b"sk-canary\n"[..]]).unwrap_err();
    assert!(problem.contains("providers.house") && !problem.contains("canary"), "{problem}");
}

#[test]
fn a_large_body_arrives_whole_and_in_order() {
    run(async {
        let received = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&received);
        let address = serve(move |_, mut stream| {
            let log = Rc::clone(&log);
            async move {
                let head = read_head(&mut stream).await.unwrap();
                assert!(head.contains("\r\ncontent-length: 4194304\r\n"));
                let mut body = vec![0; 4 << 20];
                stream.read_exact(&mut body).await.unwrap();
                *log.borrow_mut() = body;
                stream.write_all(OK).await.unwrap();
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        let body: Vec<u8> = (0..4_u32 << 20).map(|n| (n % 251) as u8).collect();
        let pieces: Vec<_> = body.chunks(40_961).map(Bytes::copy_from_slice).collect();
        let mut answer = worker.send(b"POST", &head(&[]), OutgoingBody::Pieces(&pieces)).await.unwrap();
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        assert!(*received.borrow() == body);
    });
}

#[test]
fn a_streamed_body_is_sent_in_chunks_or_under_its_length() {
    run(async {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let address = serve(move |_, mut stream| {
            let log = Rc::clone(&log);
            async move {
                while let Some(head) = read_head(&mut stream).await {
                    let mut body = vec![0; if head.contains("chunked") { 23 } else { 8 }];
                    stream.read_exact(&mut body).await.unwrap();
                    log.borrow_mut().push((head, String::from_utf8(body).unwrap()));
                    stream.write_all(OK).await.unwrap();
                }
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        for length in [None, Some(8)] {
            let mut source = Script::pieces(&["ab", "cdefgh"]);
            let body = OutgoingBody::Stream { source: &mut source, length };
            whole(&mut worker.send(b"POST", &head(&[]), body).await.unwrap().body).await.unwrap();
        }
        let seen = seen.borrow();
        assert!(seen[0].0.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"));
        assert_eq!(seen[0].1, "2\r\nab\r\n6\r\ncdefgh\r\n0\r\n\r\n".to_owned());
        assert!(seen[1].0.ends_with("\r\ncontent-length: 8\r\n\r\n"));
        assert_eq!(seen[1].1, "abcdefgh");
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
    });
}

#[test]
fn a_piece_is_sent_while_the_next_is_awaited() {
    run(async {
        let (arrived, wait) = tokio::sync::oneshot::channel();
        let arrived = RefCell::new(Some(arrived));
        let address = serve(move |_, mut stream| {
            let arrived = arrived.borrow_mut().take().unwrap();
            async move {
                read_head(&mut stream).await.unwrap();
                let mut chunk = [0; 7];
                stream.read_exact(&mut chunk).await.unwrap();
                arrived.send(chunk).unwrap();
                until_closed(&mut stream).await;
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        let mut source = Script::of([Step::Piece(Bytes::from_static(b"ab")), Step::Stall]);
        let head = head(&[]);
        let call = worker.send(b"POST", &head, OutgoingBody::Stream { source: &mut source, length: None });
        tokio::select! {
            chunk = wait => assert_eq!(&chunk.unwrap(), b"2\r\nab\r\n"),
            answer = call => panic!("{answer:?}"),
        }
    });
}

#[test]
fn an_early_answer_stops_the_upload_and_ends_the_connection() {
    run(async {
        let address = serve(move |_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.unwrap();
            stream.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            until_closed(&mut stream).await;
        })
        .await;
        let worker = Worker::new(endpoint(address));
        let mut source = Script::of([Step::Piece(Bytes::from_static(b"ab")), Step::Stall]);
        let body = OutgoingBody::Stream { source: &mut source, length: Some(1000) };
        let mut answer = worker.send(b"POST", &head(&[]), body).await.unwrap();
        assert_eq!(answer.head.status, 413);
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"no");
        assert_eq!(worker.pools.gauges(), Gauges::default());
    });
}

#[test]
fn an_early_answer_is_read_while_a_large_body_waits_to_be_taken() {
    run(async {
        let address = serve(move |_, mut stream| async move {
            read_head(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
            std::future::pending::<()>().await; // never reads on
        })
        .await;
        let worker = Worker::new(endpoint(address));
        let pieces = vec![Bytes::from(vec![b'x'; 1 << 20]); 64];
        let mut answer = worker.send(b"POST", &head(&[]), OutgoingBody::Pieces(&pieces)).await.unwrap();
        assert_eq!(answer.head.status, 413);
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"no");
        assert_eq!(worker.pools.gauges(), Gauges::default());
    });
}

#[test]
fn a_source_that_fails_or_lies_about_its_length_never_ends_a_request() {
    run(async {
        let bodies = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&bodies);
        let (closed, mut wait) = tokio::sync::mpsc::unbounded_channel();
        let address = serve(move |_, mut stream| {
            let (log, closed) = (Rc::clone(&log), closed.clone());
            async move {
                read_head(&mut stream).await.unwrap();
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await.unwrap();
                log.borrow_mut().push(String::from_utf8(rest).unwrap());
                closed.send(()).unwrap();
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        let cases = [
            (
                vec![Step::Piece(Bytes::from_static(b"ab")), Step::Fail(Fault::new(Kind::ClientGone, "gone"))],
                None,
                Kind::ClientGone,
            ),
            (vec![Step::Piece(Bytes::from_static(b"ab"))], Some(3), Kind::Internal),
            (vec![Step::Piece(Bytes::from_static(b"abcd"))], Some(3), Kind::Internal),
        ];
        for (steps, length, kind) in cases {
            let mut source = Script::of(steps);
            let fault = worker
                .send(b"POST", &head(&[]), OutgoingBody::Stream { source: &mut source, length })
                .await
                .unwrap_err();
            assert_eq!(fault.kind(), kind);
            wait.recv().await.unwrap();
        }
        let bodies = bodies.borrow();
        assert!("2\r\nab\r\n".starts_with(&*bodies[0]), "{bodies:?}");
        assert!("ab".starts_with(&*bodies[1]), "{bodies:?}");
        assert_eq!(bodies[2], "");
    });
}

#[test]
fn a_streamed_body_of_known_length_is_whole_with_its_last_byte() {
    run(async {
        let (address, seen) = serve_always(OK).await;
        let worker = Worker::new(endpoint(address));
        let mut late = Script::of([Step::Piece(Bytes::from_static(b"ab")), Step::Stall]);
        let mut empty = Script::of([Step::Stall]);
        for (source, length) in [(&mut late, 2), (&mut empty, 0)] {
            let body = OutgoingBody::Stream { source, length: Some(length) };
            whole(&mut worker.send(b"POST", &head(&[]), body).await.unwrap().body).await.unwrap();
        }
        assert!(seen.borrow()[0].ends_with("\r\ncontent-length: 2\r\n\r\nab"));
        assert!(seen.borrow()[1].ends_with("\r\ncontent-length: 0\r\n\r\n"));
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
    });
}

/// A request body that any server can read back, whatever the sizes of its pieces.
#[test]
fn every_cut_of_a_body_arrives_as_the_same_bytes() {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (proptest::collection::vec(0..20_000_usize, 0..12), 0..3_u8);
    proptest::test_runner::TestRunner::new(config)
        .run(&strategy, |(sizes, form)| {
            let pieces: Vec<_> = sizes
                .iter()
                .zip(b'a'..)
                .map(|(size, letter)| Bytes::from(vec![letter; *size]))
                .filter(|piece| form == 0 || !piece.is_empty())
                .collect();
            let expected = pieces.concat();
            let received = run(async {
                let received = Rc::new(RefCell::new(Vec::new()));
                let log = Rc::clone(&received);
                let address = serve(move |_, mut stream| {
                    let log = Rc::clone(&log);
                    async move {
                        let mut buffer = bytes::BytesMut::new();
                        let request = loop {
                            stream.read_buf(&mut buffer).await.unwrap();
                            if let Some(request) = http1::read_request(&mut buffer, &http1::Limits::default()).unwrap()
                            {
                                break request;
                            }
                        };
                        let mut decoder = http1::Decoder::new(request.framing);
                        loop {
                            match decoder.decode(&mut buffer).unwrap() {
                                http1::Decoded::Piece(piece) => log.borrow_mut().extend_from_slice(&piece),
                                http1::Decoded::Done => break,
                                http1::Decoded::More => drop(stream.read_buf(&mut buffer).await.unwrap()),
                            }
                        }
                        stream.write_all(OK).await.unwrap();
                    }
                })
                .await;
                let worker = Worker::new(endpoint(address));
                let mut source = Script::of(pieces.iter().cloned().map(Step::Piece));
                let body = match form {
                    0 => OutgoingBody::Pieces(&pieces),
                    1 => OutgoingBody::Stream { source: &mut source, length: Some(expected.len() as u64) },
                    _ => OutgoingBody::Stream { source: &mut source, length: None },
                };
                whole(&mut worker.send(b"POST", &head(&[]), body).await.unwrap().body).await.unwrap();
                received.take()
            });
            prop_assert!(received == expected);
            Ok(())
        })
        .unwrap();
}

#[test]
fn an_expectation_is_not_passed_on() {
    run(async {
        let (address, seen) = serve_always(OK).await;
        let worker = Worker::new(endpoint(address));
        let head = head(&[("Expect", "100-continue"), ("TE", "trailers"), ("Upgrade", "h2c")]);
        whole(&mut worker.send(b"POST", &head, OutgoingBody::None).await.unwrap().body).await.unwrap();
        let request = seen.borrow()[0].to_lowercase();
        for name in ["expect", "te:", "upgrade"] {
            assert!(!request.contains(&format!("\r\n{name}")), "{request}");
        }
    });
}
