//! HTTP/2 towards providers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use bytes::Bytes;
use fault::{Fault, Kind};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::TokioIo;
use plan::HttpVersions;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use support::authority::{Authority, answer_over_tls, https};
use support::{Script, Step, Worker, egress, endpoint, head, run, serve, whole};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use upstream::{Gauges, OutgoingBody};

type Request = http::Request<Incoming>;
type Response = http::Response<Reply>;

/// A body that a test feeds; it never ends by itself while its sender lives.
struct Reply(mpsc::UnboundedReceiver<Result<Bytes, Broken>>, Option<mpsc::UnboundedSender<()>>);

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

impl Body for Reply {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(dropped) = &self.1 {
            let _ = dropped.send(()); // the test may not listen
        }
    }
}

/// A whole answer.
fn reply(status: u16, pieces: &[&'static str]) -> Response {
    let (sender, receiver) = mpsc::unbounded_channel();
    for piece in pieces {
        sender.send(Ok(Bytes::from_static(piece.as_bytes()))).unwrap();
    }
    http::Response::builder().status(status).body(Reply(receiver, None)).unwrap()
}

#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// Serves HTTP/2 on one connection.
async fn speak<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    most: u32,
    answer: impl Fn(Request) -> F + 'static,
) where
    F: Future<Output = Response> + 'static,
{
    let answer = Rc::new(answer);
    let service = hyper::service::service_fn(move |request| {
        let answer = Rc::clone(&answer);
        async move { Ok::<_, Infallible>(answer(request).await) }
    });
    let mut builder = hyper::server::conn::http2::Builder::new(Local);
    // The peer ends connections as it likes.
    let _ = builder.max_concurrent_streams(most).serve_connection(TokioIo::new(stream), service).await;
}

fn by_prior_knowledge(address: std::net::SocketAddr) -> Worker {
    Worker::with(egress(), endpoint(address), HttpVersions::Http2)
}

#[test]
fn calls_share_a_connection_by_prior_knowledge_and_carry_the_providers_credential_alone() {
    run(async {
        let connections = Rc::new(Cell::new(0));
        let count = Rc::clone(&connections);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = Rc::clone(&seen);
        let address = serve(move |_, stream| {
            count.set(count.get() + 1);
            let log = Rc::clone(&log);
            speak(stream, 100, move |request| {
                let log = Rc::clone(&log);
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    log.borrow_mut().push((parts, body));
                    reply(200, &["hello", ", world"])
                }
            })
        })
        .await;
        let worker = by_prior_knowledge(address);
        let head = head(&[
            ("Content-Type", "application/json"),
            ("Authorization", "Bearer caller-canary"),
            ("Cookie", "caller-canary"),
            ("Connection", "keep-alive, x-hop"),
            ("X-Hop", "caller-canary"),
            ("Host", "caller-canary"),
            ("User-Agent", "OpenAI/Python"),
        ]);
        let pieces = [Bytes::from_static(b"{\"model\":"), Bytes::new(), Bytes::from_static(b"\"m\"}")];
        for round in 0..3 {
            let mut answer = worker.send(b"POST", &head, OutgoingBody::Pieces(&pieces)).await.unwrap();
            assert_eq!(answer.reused, round > 0);
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"hello, world");
        }
        assert_eq!(connections.get(), 1);
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
        let (parts, body) = &seen.borrow()[0];
        assert_eq!(body, "{\"model\":\"m\"}");
        assert_eq!(parts.uri.to_string(), format!("http://{address}/v1/chat/completions"));
        assert_eq!(parts.headers["content-length"], "13");
        assert_eq!(parts.headers["authorization"], "Bearer sk-provider");
        assert_eq!(parts.headers["accept-encoding"], "identity");
        assert_eq!(parts.headers["user-agent"], "OpenAI/Python");
        assert_eq!(parts.headers["content-type"], "application/json");
        assert_eq!(parts.headers["headgate-timeout-ms"], "60000");
        assert_eq!(parts.headers.len(), 6, "{:?}", parts.headers);
    });
}

#[test]
fn alpn_decides_where_the_policy_does_not() {
    run(async {
        let authority = Authority::new();
        for (offer, versions, spoken) in [
            (&["h2", "http/1.1"][..], HttpVersions::Auto, Ok("h2")),
            (&["http/1.1"], HttpVersions::Auto, Ok("http/1.1")),
            (&[], HttpVersions::Auto, Ok("http/1.1")),
            (&["h2", "http/1.1"], HttpVersions::Http1, Ok("http/1.1")),
            (&["h2", "http/1.1"], HttpVersions::Http2, Ok("h2")),
            (&[], HttpVersions::Http2, Err(Kind::TlsFailed)),
            (&["http/1.1"], HttpVersions::Http2, Err(Kind::TlsFailed)),
        ] {
            let acceptor = authority.acceptor("localhost", offer, false);
            let log = Rc::new(RefCell::new(Vec::new()));
            let seen = Rc::clone(&log);
            let address = serve(move |_, stream| {
                let (acceptor, seen) = (acceptor.clone(), Rc::clone(&seen));
                async move {
                    if versions == HttpVersions::Http1 || !offer_has_h2(offer) {
                        seen.borrow_mut().push("http/1.1");
                        return answer_over_tls(acceptor, stream).await;
                    }
                    let stream = acceptor.accept(stream).await.unwrap();
                    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                    seen.borrow_mut().push("h2");
                    speak(stream, 100, |_| async { reply(200, &["ok"]) }).await;
                }
            })
            .await;
            let worker = Worker::with(authority.egress(), https("localhost", address), versions);
            let both = tokio::join!(worker.call(), worker.call());
            for answer in [both.0, both.1] {
                match (answer, spoken) {
                    (Ok(mut answer), Ok(_)) => assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok"),
                    (Err(fault), Err(kind)) => assert_eq!(fault.kind(), kind, "{fault}"),
                    (other, _) => panic!("{offer:?} {versions:?}: {other:?}"),
                }
            }
            if let Ok(spoken) = spoken {
                assert!(log.borrow().iter().all(|seen| *seen == spoken));
                assert_eq!(log.borrow().len(), if spoken == "h2" { 1 } else { 2 }, "one connection is shared");
            }
        }
    });
}

fn offer_has_h2(offer: &[&str]) -> bool {
    offer.contains(&"h2")
}

#[test]
fn another_connection_is_opened_once_the_peer_takes_no_more_streams() {
    run(async {
        let connections = Rc::new(Cell::new(0));
        let count = Rc::clone(&connections);
        let address = serve(move |_, stream| {
            count.set(count.get() + 1);
            speak(stream, 2, |_| async {
                let (sender, receiver) = mpsc::unbounded_channel();
                sender.send(Ok(Bytes::from_static(b"open"))).unwrap();
                std::mem::forget(sender); // the answer never ends
                http::Response::new(Reply(receiver, None))
            })
        })
        .await;
        let worker = by_prior_knowledge(address);
        let mut open = Vec::new();
        for _ in 0..5 {
            let mut answer = worker.call().await.unwrap();
            assert_eq!(&*http1::Source::piece(&mut answer.body).await.unwrap().unwrap(), b"open");
            open.push(answer);
        }
        assert_eq!(connections.get(), 3);
        assert_eq!(worker.pools.gauges(), Gauges { open: 3, idle: 0 });
        drop(open);
        assert_eq!(worker.pools.gauges().idle, 3);
    });
}

#[test]
fn dropping_a_body_or_an_exchange_resets_its_stream_and_no_other() {
    run(async {
        let (dropped, mut wait) = mpsc::unbounded_channel();
        let (arrived, mut arrivals) = mpsc::unbounded_channel();
        let address = serve(move |_, stream| {
            let (dropped, arrived) = (dropped.clone(), arrived.clone());
            speak(stream, 100, move |request| {
                let (dropped, arrived) = (dropped.clone(), arrived.clone());
                async move {
                    let (sender, receiver) = mpsc::unbounded_channel();
                    let reply = Reply(receiver, Some(dropped));
                    arrived.send(sender).unwrap();
                    if request.headers().contains_key("x-silent") {
                        let _reply = reply; // dropped with this future
                        return std::future::pending().await;
                    }
                    http::Response::new(reply)
                }
            })
        })
        .await;
        let worker = by_prior_knowledge(address);
        let mut kept = worker.call().await.unwrap();
        let kept_sender = arrivals.recv().await.unwrap();
        let doomed = worker.call().await.unwrap();
        let doomed_sender = arrivals.recv().await.unwrap();
        doomed_sender.send(Ok(Bytes::from_static(b"x"))).unwrap();
        drop(doomed);
        wait.recv().await.unwrap();
        let head = head(&[("x-silent", "1")]);
        let silent_sender = tokio::select! {
            answer = worker.send(b"GET", &head, OutgoingBody::None) => panic!("{answer:?}"),
            sender = arrivals.recv() => sender.unwrap(),
        };
        wait.recv().await.unwrap();
        drop(silent_sender);
        kept_sender.send(Ok(Bytes::from_static(b"kept"))).unwrap();
        drop(kept_sender);
        assert_eq!(whole(&mut kept.body).await.unwrap(), b"kept");
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
    });
}

#[test]
fn an_answer_that_breaks_off_is_cut() {
    run(async {
        let (sender, mut senders) = mpsc::unbounded_channel();
        let address = serve(move |_, stream| {
            let out = sender.clone();
            speak(stream, 100, move |_| {
                let (sender, receiver) = mpsc::unbounded_channel();
                sender.send(Ok(Bytes::from_static(b"half"))).unwrap();
                out.send(sender).unwrap();
                async move { http::Response::new(Reply(receiver, None)) }
            })
        })
        .await;
        let worker = by_prior_knowledge(address);
        let mut body = worker.call().await.unwrap().body;
        assert_eq!(&*http1::Source::piece(&mut body).await.unwrap().unwrap(), b"half");
        senders.recv().await.unwrap().send(Err(Broken)).unwrap();
        assert_eq!(whole(&mut body).await.unwrap_err().kind(), Kind::StreamCut);
        assert!(http1::Source::piece(&mut body).await.is_none(), "a fault is final");
    });
}

/// Answers requests with half a body, and resets their streams when told to.
async fn half_and_reset(stream: tokio::net::TcpStream, reason: h2::Reason, now: Rc<tokio::sync::Notify>) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(request) = connection.accept().await {
        let (_, mut respond) = request.unwrap();
        let mut body = respond.send_response(http::Response::new(()), false).unwrap();
        body.send_data(Bytes::from_static(b"half"), false).unwrap();
        let now = Rc::clone(&now);
        tokio::task::spawn_local(async move {
            now.notified().await;
            body.send_reset(reason);
        });
    }
}

#[test]
fn a_stream_that_is_reset_is_cut_whatever_the_reason() {
    for reason in [h2::Reason::NO_ERROR, h2::Reason::CANCEL, h2::Reason::INTERNAL_ERROR, h2::Reason::REFUSED_STREAM] {
        run(async {
            let now = Rc::new(tokio::sync::Notify::new());
            let peer = Rc::clone(&now);
            let address = serve(move |_, stream| half_and_reset(stream, reason, Rc::clone(&peer))).await;
            let mut body = by_prior_knowledge(address).call().await.unwrap().body;
            assert_eq!(&*http1::Source::piece(&mut body).await.unwrap().unwrap(), b"half");
            now.notify_one();
            let end = whole(&mut body).await;
            assert_eq!(end.expect_err("it is not whole").kind(), Kind::StreamCut, "{reason:?}");
        });
    }
}

#[test]
fn a_connection_that_is_cut_fails_its_calls_and_the_next_call_opens_another() {
    run(async {
        let (cut, mut cuts) = mpsc::unbounded_channel();
        let address = serve(move |number, stream| {
            let (kill, killed) = tokio::sync::oneshot::channel::<()>();
            cut.send(kill).unwrap();
            async move {
                let answer = move |_| async move {
                    if number == 0 {
                        return std::future::pending().await;
                    }
                    reply(200, &["ok"])
                };
                tokio::select! { () = speak(stream, 100, answer) => {}, _ = killed => {} }
            }
        })
        .await;
        let worker = by_prior_knowledge(address);
        let fault = tokio::select! {
            answer = worker.call() => answer.unwrap_err(),
            () = async { cuts.recv().await.unwrap().send(()).unwrap(); std::future::pending().await } => unreachable!(),
        };
        assert_eq!(fault.kind(), Kind::UpstreamClosed, "{fault}");
        assert_eq!(whole(&mut worker.call().await.unwrap().body).await.unwrap(), b"ok");
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
    });
}

#[test]
fn a_peer_that_goes_away_politely_costs_no_call() {
    run(async {
        let address = serve(move |_, stream| async move {
            let answered = Rc::new(tokio::sync::Notify::new());
            let done = Rc::clone(&answered);
            let service = hyper::service::service_fn(move |_: Request| {
                let done = Rc::clone(&done);
                async move {
                    done.notify_one();
                    Ok::<_, Infallible>(reply(200, &["ok"]))
                }
            });
            let connection =
                hyper::server::conn::http2::Builder::new(Local).serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! { _ = connection.as_mut() => return, () = answered.notified() => {} }
            connection.as_mut().graceful_shutdown(); // GOAWAY after each call
            let _ = connection.await;
        })
        .await;
        let worker = by_prior_knowledge(address);
        for _ in 0..20 {
            let mut answer = worker.call().await.unwrap();
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        }
    });
}

#[test]
fn a_streamed_body_arrives_whole_and_an_early_answer_stops_it() {
    run(async {
        let address = serve(move |_, stream| {
            speak(stream, 100, |request: Request| async move {
                if request.headers().contains_key("x-early") {
                    std::mem::forget(request.into_body()); // neither read nor reset
                    return reply(413, &["no"]);
                }
                let body = request.into_body().collect().await.unwrap().to_bytes();
                reply(if body.len() == 200_000 { 200 } else { 500 }, &["ok"])
            })
        })
        .await;
        let worker = by_prior_knowledge(address);
        for length in [None, Some(200_000)] {
            let mut source = Script::of((0..20).map(|_| Step::Piece(Bytes::from(vec![b'x'; 10_000]))));
            let body = OutgoingBody::Stream { source: &mut source, length };
            let mut answer = worker.send(b"POST", &head(&[]), body).await.unwrap();
            assert_eq!(answer.head.status, 200);
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        }
        let mut source = Script::of([Step::Piece(Bytes::from_static(b"ab")), Step::Stall]);
        let body = OutgoingBody::Stream { source: &mut source, length: None };
        let head = head(&[("x-early", "1")]);
        let mut answer = worker.send(b"POST", &head, body).await.unwrap();
        assert_eq!(answer.head.status, 413);
        assert_eq!(whole(&mut answer.body).await.unwrap(), b"no");
    });
}

#[test]
fn a_source_that_fails_resets_the_stream_and_never_ends_it() {
    run(async {
        let (outcome, mut outcomes) = mpsc::unbounded_channel();
        let address = serve(move |_, stream| {
            let outcome = outcome.clone();
            speak(stream, 100, move |request: Request| {
                let outcome = outcome.clone();
                async move {
                    outcome.send(request.into_body().collect().await.is_err()).unwrap();
                    reply(200, &[])
                }
            })
        })
        .await;
        let worker = by_prior_knowledge(address);
        let steps = [Step::Piece(Bytes::from_static(b"ab")), Step::Fail(Fault::new(Kind::ClientGone, "gone"))];
        let mut source = Script::of(steps);
        let body = OutgoingBody::Stream { source: &mut source, length: None };
        assert_eq!(worker.send(b"POST", &head(&[]), body).await.unwrap_err().kind(), Kind::ClientGone);
        let mut answer = worker.call().await.unwrap(); // the connection lives on
        whole(&mut answer.body).await.unwrap();
        // The failed call either never left or was reset; it was never whole.
        assert_eq!(outcomes.recv().await.map(|cut| cut || outcomes.is_empty()), Some(true));
    });
}

#[test]
fn a_server_that_speaks_no_http2_is_not_believed() {
    run(async {
        let address = serve(|_, mut stream| async move {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        })
        .await;
        let fault = by_prior_knowledge(address).call().await.unwrap_err();
        assert!(matches!(fault.kind(), Kind::UpstreamGarbled | Kind::UpstreamClosed), "{fault}");
    });
}
