//! What becomes of a provider's answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use fault::Kind;
use http1::Source;
use std::rc::Rc;
use support::{Worker, endpoint, head, read_request, run, serve, serve_always, whole, write_quietly};
use tokio::io::AsyncWriteExt;
use upstream::OutgoingBody;

/// Answers each connection with `answer`, then closes it.
async fn serve_and_close(answers: Vec<Vec<u8>>) -> std::net::SocketAddr {
    let answers = Rc::new(answers);
    serve(move |number, mut stream| {
        let answers = Rc::clone(&answers);
        async move {
            read_request(&mut stream).await.unwrap();
            write_quietly(&mut stream, &answers[number.min(answers.len() - 1)]).await;
        }
    })
    .await
}

#[test]
fn an_answer_cut_at_any_byte_is_a_fault_and_never_an_end() {
    let whole_answers: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello, world",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n7\r\n, world\r\n0\r\nx-end: 1\r\n\r\n",
    ];
    run(async {
        for answer in whole_answers {
            let head_bytes = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
            let cuts: Vec<_> = (0..=answer.len()).map(|cut| answer[..cut].to_vec()).collect();
            let address = serve_and_close(cuts).await;
            let worker = Worker::new(endpoint(address));
            for cut in 0..answer.len() {
                let result = worker.call().await;
                if cut < head_bytes {
                    let kind = if cut == 0 { Kind::UpstreamClosed } else { Kind::UpstreamGarbled };
                    assert_eq!(result.unwrap_err().kind(), kind, "cut at {cut}");
                    continue;
                }
                let mut body = result.unwrap().body;
                let fault = whole(&mut body).await.unwrap_err();
                assert_eq!(fault.kind(), Kind::StreamCut, "cut at {cut}");
                assert!(body.piece().await.is_none(), "a fault is final");
                assert_eq!(worker.pools.gauges().open, 0);
            }
            assert_eq!(whole(&mut worker.call().await.unwrap().body).await.unwrap(), b"hello, world");
        }
    });
}

#[test]
fn an_answer_that_arrives_byte_by_byte_is_the_same() {
    run(async {
        let answer = b"HTTP/1.1 200 OK\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let address = serve(move |_, mut stream| async move {
            stream.set_nodelay(true).unwrap();
            while read_request(&mut stream).await.is_some() {
                for byte in answer {
                    stream.write_all(&[*byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        for _ in 0..3 {
            let mut answer = worker.call().await.unwrap();
            assert_eq!(answer.head.headers.get("x"), Some(&b"y"[..]));
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"hello");
        }
        assert_eq!(worker.pools.gauges().open, 1);
    });
}

#[test]
fn a_body_until_close_ends_with_the_connection() {
    run(async {
        let address = serve_and_close(vec![b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec()]).await;
        let worker = Worker::new(endpoint(address));
        let mut answer = worker.call().await.unwrap();
        assert_eq!(answer.length, None);
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"hello");
        assert_eq!(worker.pools.gauges().open, 0);
    });
}

#[test]
fn what_is_not_http_is_garbled() {
    run(async {
        for answer in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx",
        ] {
            let address = serve_and_close(vec![answer.to_vec()]).await;
            let fault = Worker::new(endpoint(address)).call().await.unwrap_err();
            assert_eq!(fault.kind(), Kind::UpstreamGarbled, "{fault}");
        }
        let bad_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec();
        let mut body = Worker::new(endpoint(serve_and_close(vec![bad_chunk]).await)).call().await.unwrap().body;
        assert_eq!(whole(&mut body).await.unwrap_err().kind(), Kind::UpstreamGarbled);
    });
}

#[test]
fn interim_answers_are_skipped_but_not_for_ever() {
    run(async {
        let interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
        let mut sixteen = interim.repeat(16);
        sixteen.extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let address = serve_and_close(vec![sixteen, interim.repeat(17)]).await;
        let worker = Worker::new(endpoint(address));
        let mut answer = worker.call().await.unwrap();
        assert_eq!(answer.head.status, 200);
        assert!(answer.head.headers.get("link").is_none());
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        assert_eq!(worker.call().await.unwrap_err().kind(), Kind::UpstreamGarbled);
    });
}

#[test]
fn answers_without_a_body_leave_the_connection_usable() {
    run(async {
        let (address, _) = serve_always(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        let worker = Worker::new(endpoint(address));
        for round in 0..3 {
            let answer = worker.call().await.unwrap();
            assert!(answer.body.is_done());
            assert_eq!((answer.length, answer.reused), (Some(0), round > 0));
        }
        let (address, _) = serve_always(b"HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n").await;
        let worker = Worker::new(endpoint(address));
        for round in 0..3 {
            let answer = worker.send(b"HEAD", &head(&[]), OutgoingBody::None).await.unwrap();
            assert!(answer.body.is_done());
            assert_eq!((answer.length, answer.reused), (Some(77), round > 0));
        }
    });
}

#[test]
fn a_large_answer_arrives_whole_while_its_pieces_are_held() {
    run(async {
        let body: &'static [u8] = Vec::leak((0..3_u32 << 20).map(|n| (n % 251) as u8).collect());
        let address = serve(move |_, mut stream| async move {
            while read_request(&mut stream).await.is_some() {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(body).await.unwrap();
            }
        })
        .await;
        let worker = Worker::new(endpoint(address));
        for _ in 0..2 {
            let mut answer = worker.call().await.unwrap();
            let mut held = Vec::new();
            while let Some(piece) = answer.body.piece().await {
                held.push(piece.unwrap());
            }
            assert!(held.concat() == body);
        }
        assert_eq!(worker.pools.gauges().open, 1);
    });
}

#[test]
fn no_sentence_names_an_address() {
    run(async {
        let address = serve_and_close(vec![Vec::new()]).await;
        let worker = Worker::new(endpoint(address));
        let fault = worker.call().await.unwrap_err();
        assert_eq!(fault.message(), "The provider `house` closed the connection before it answered");
        assert!(!fault.message().contains("127.0.0.1"));
    });
}
