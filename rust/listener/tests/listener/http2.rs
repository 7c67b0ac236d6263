//! HTTP/2 by prior knowledge, with hyper as the client.

use crate::support::{
    Answering, Flag, Server, echo, limits, pipe, read_all, refusal, reply, run, settle, stream, until,
};
use bytes::Bytes;
use fault::{Fault, Kind};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use listener::{Limits, Phase, Reply, Version};
use std::cell::RefCell;
use std::convert::Infallible;
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinHandle, spawn_local};

#[derive(Clone)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, work: F) {
        spawn_local(async move { drop(work.await) });
    }
}

/// A client over a stream, and the task that drives its connection.
pub(crate) async fn client<B>(
    io: impl AsyncRead + AsyncWrite + Unpin + 'static,
) -> (SendRequest<B>, JoinHandle<hyper::Result<()>>)
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (sender, connection) = http2::handshake(Local, TokioIo::new(io)).await.unwrap();
    (sender, spawn_local(connection))
}

async fn connected<B>(server: &Server) -> (SendRequest<B>, JoinHandle<hyper::Result<()>>)
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    client(server.connect().await.io).await
}

fn get(target: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://here{target}")).body(Empty::new()).unwrap()
}

async fn text(answer: Response<Incoming>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn calls_and_bodies_go_both_ways_at_once() {
    run(async {
        let server = Server::start(echo);
        let (sender, _task) = connected::<Full<Bytes>>(&server).await;
        let calls = (0..50).map(|n| {
            let mut sender = sender.clone();
            spawn_local(async move {
                let body = vec![b'a' + n % 26; usize::from(n) * 5000];
                let request = Request::post(format!("http://here/{n}")).body(Full::from(body.clone())).unwrap();
                let answer = sender.send_request(request).await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.headers().contains_key("date"));
                let got = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(got, [format!("POST /{n} ").as_bytes(), &body].concat());
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert_eq!((server.live.http1(), server.live.http2(), server.live.open()), (0, 1, 1));
    });
}

#[test]
fn a_head_looks_as_if_it_had_come_over_http1() {
    run(async {
        let server = Server::start(|incoming| {
            assert_eq!(incoming.version, Version::Http2);
            assert_eq!((incoming.length, incoming.has_body), (None, false));
            let mut lines: Vec<_> = incoming.head.headers.iter().map(|(n, v)| [n, b"=", v].concat()).collect();
            lines.push(incoming.head.target().to_vec());
            let seen = lines.join(&b"|"[..]);
            Box::pin(async move { reply(200, seen) })
        });
        let (mut sender, _task) = connected(&server).await;
        let request = Request::get("http://here:8080/p?q")
            .header("cookie", "a=1")
            .header("x-one", "1")
            .header("cookie", "b=2")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(text(answer).await, "host=here:8080|x-one=1|cookie=a=1; b=2|/p?q");
    });
}

#[test]
fn hosts_that_disagree_are_refused_and_the_connection_goes_on() {
    run(async {
        let server = Server::start(echo);
        let (mut sender, _task) = connected(&server).await;
        let request = Request::get("http://here/").header("host", "there").body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["x-code"]), (400, &"bad_framing".parse().unwrap()));
        let same = Request::get("http://here/").header("host", "HERE").body(Empty::<Bytes>::new()).unwrap();
        assert_eq!(sender.send_request(same).await.unwrap().status(), 200);
    });
}

#[test]
fn limits_of_heads_hold() {
    run(async {
        let server = Server::start(echo);
        let (mut sender, _task) = connected(&server).await;
        let long = format!("/{}", "p".repeat(9000));
        assert_eq!(sender.send_request(get(&long)).await.unwrap().status(), 414);
        let mut many = get("/");
        for n in 0..101 {
            many.headers_mut().append("x-n", n.into());
        }
        assert_eq!(sender.send_request(many).await.unwrap().status(), 431);
        let mut large = get("/");
        large.headers_mut().append("x-large", "v".repeat(17 * 1024).parse().unwrap());
        let refused = sender.send_request(large).await;
        assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status() == 431));
        assert_eq!(sender.send_request(get("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn head_and_no_content_have_no_body() {
    run(async {
        let server = Server::start(|incoming| {
            let status = if incoming.head.target() == b"/204" { 204 } else { 200 };
            Box::pin(async move { reply(status, if status == 200 { "twelve bytes" } else { "" }) })
        });
        let (mut sender, _task) = connected(&server).await;
        let head = Request::builder().method(Method::HEAD).uri("http://here/").body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(head).await.unwrap();
        assert_eq!(answer.headers()["content-length"], "12");
        assert_eq!(text(answer).await, "");
        let answer = sender.send_request(get("/204")).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().get("content-length")), (204, None));
    });
}

#[test]
fn a_client_that_resets_cancels_its_call_and_no_other() {
    run(async {
        let dropped = Flag::default();
        let started = Flag::default();
        let (guard, start) = (dropped.clone(), started.clone());
        let server = Server::start(move |incoming| -> Answering {
            if incoming.head.target() == b"/echo" {
                return echo(incoming);
            }
            drop(start.guard());
            let guard = guard.guard();
            Box::pin(async move {
                std::future::pending::<()>().await;
                drop(guard);
                reply(200, "")
            })
        });
        let (mut sender, _task) = connected(&server).await;
        let call = spawn_local(sender.send_request(get("/hang")));
        until(|| started.is_set()).await;
        call.abort();
        until(|| dropped.is_set()).await;
        assert_eq!(sender.send_request(get("/echo")).await.unwrap().status(), 200);
    });
}

#[test]
fn a_connection_that_ends_cancels_its_calls_and_its_streams() {
    run(async {
        let (dropped, cut) = (Flag::default(), Flag::default());
        let (guard, stream_guard) = (dropped.clone(), cut.clone());
        let (pipe, mut piped) = pipe();
        piped.1 = Some(stream_guard.guard());
        let piped = RefCell::new(Some(piped));
        let server = Server::start(move |incoming| -> Answering {
            if incoming.head.target() == b"/stream" {
                let piped = piped.borrow_mut().take().unwrap();
                return Box::pin(async move { stream(piped) });
            }
            let guard = guard.guard();
            Box::pin(async move {
                std::future::pending::<()>().await;
                drop(guard);
                reply(200, "")
            })
        });
        let socket = server.connect().await.io.into_std().unwrap();
        let line = socket.try_clone().unwrap();
        let (mut sender, _task) = client(tokio::net::TcpStream::from_std(socket).unwrap()).await;
        let hanging = spawn_local(sender.send_request(get("/hang")));
        let streaming = sender.send_request(get("/stream")).await.unwrap();
        pipe.send(Ok(Bytes::from_static(b"data"))).unwrap();
        settle().await;
        assert!(!dropped.is_set() && !cut.is_set());
        line.shutdown(std::net::Shutdown::Both).unwrap();
        until(|| dropped.is_set() && cut.is_set()).await;
        until(|| server.live.open() == 0).await;
        drop((hanging, streaming));
    });
}

#[test]
fn a_body_that_fails_resets_its_stream_behind_what_it_yielded() {
    run(async {
        let server = Server::start(|_| {
            let (pipe, piped) = pipe();
            pipe.send(Ok(Bytes::from_static(b"event: error\n\n"))).unwrap();
            pipe.send(Err(Fault::new(Kind::StreamCut, "cut"))).unwrap();
            Box::pin(async move { stream(piped) })
        });
        let (mut sender, _task) = connected(&server).await;
        for _ in 0..20 {
            let mut body = sender.send_request(get("/")).await.unwrap().into_body();
            let first = body.frame().await.unwrap().unwrap();
            assert_eq!(first.into_data().unwrap(), "event: error\n\n");
            let error = body.frame().await.unwrap().unwrap_err();
            let reason =
                error.source().and_then(|source| source.downcast_ref::<h2::Error>()).and_then(h2::Error::reason);
            assert_eq!(reason, Some(h2::Reason::INTERNAL_ERROR));
        }
    });
}

#[test]
fn an_answer_of_another_length_than_stated_is_reset() {
    run(async {
        for length in [2, 9] {
            let server =
                Server::start(move |_| Box::pin(async move { Reply { length: Some(length), ..reply(200, "three") } }));
            let (mut sender, _task) = connected(&server).await;
            let answer = sender.send_request(get("/")).await.unwrap();
            assert!(answer.into_body().collect().await.is_err(), "stated {length}");
        }
    });
}

#[test]
fn a_body_that_stops_arriving_is_a_timeout() {
    run(async {
        let limits = Limits { read_gap: Duration::from_millis(50), ..limits() };
        let server = Server::with(limits, None, |incoming| {
            Box::pin(async {
                match read_all(incoming.body).await {
                    Ok(body) => reply(200, body),
                    Err(fault) => refusal(&fault),
                }
            })
        });
        let (mut sender, _task) = connected(&server).await;
        let request = Request::post("http://here/").body(Hanging::default()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 408);
    });
}

/// A body of which one half comes, and no more.
#[derive(Default)]
struct Hanging {
    begun: bool,
}

impl Body for Hanging {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.begun, true) {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"half")))))
    }
}

#[test]
fn a_client_that_does_not_take_its_answer_is_given_up() {
    run(async {
        let dropped = Flag::default();
        let guard = dropped.clone();
        let limits = Limits { write_stall: Duration::from_millis(100), ..limits() };
        let server = Server::with(limits, None, move |_| {
            let (pipe, mut piped) = pipe();
            piped.1 = Some(guard.guard());
            for _ in 0..100 {
                pipe.send(Ok(Bytes::from(vec![b'x'; 64 * 1024]))).unwrap();
            }
            Box::pin(async move {
                std::mem::forget(pipe);
                stream(piped)
            })
        });
        let (mut sender, _task) = connected(&server).await;
        let answer = sender.send_request(get("/")).await.unwrap();
        until(|| dropped.is_set()).await;
        assert_eq!(server.live.stalled(), 1);
        assert!(answer.into_body().collect().await.is_err());
        assert_eq!(sender.send_request(get("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn an_announced_end_lets_open_calls_end_and_takes_no_more() {
    run(async {
        let go = Rc::new(tokio::sync::Notify::new());
        let wait = Rc::clone(&go);
        let server = Server::start(move |_| {
            let wait = Rc::clone(&wait);
            Box::pin(async move {
                wait.notified().await;
                reply(200, "late")
            })
        });
        let (mut sender, task) = connected(&server).await;
        let call = spawn_local(sender.send_request(get("/")));
        until(|| server.live.http2() == 1).await;
        settle().await;
        server.phase.send_replace(Phase::Announce);
        settle().await;
        go.notify_one();
        assert_eq!(text(call.await.unwrap().unwrap()).await, "late");
        task.await.unwrap().unwrap();
        assert!(sender.send_request(get("/")).await.is_err());
        // A new connection still gets its first call served.
        go.notify_one();
        let (mut sender, task) = connected(&server).await;
        assert_eq!(text(sender.send_request(get("/")).await.unwrap()).await, "late");
        task.await.unwrap().unwrap();
        server.phase.send_replace(Phase::Close);
        server.ended().await;
    });
}

#[test]
fn a_connection_that_rests_too_long_is_ended() {
    run(async {
        let server = Server::with(Limits { idle: Duration::from_millis(50), ..limits() }, None, echo);
        let (mut sender, task) = connected(&server).await;
        assert_eq!(sender.send_request(get("/")).await.unwrap().status(), 200);
        task.await.unwrap().unwrap();
        until(|| server.live.open() == 0).await;
    });
}

#[test]
fn a_preface_may_be_cut_and_what_only_begins_like_one_is_http1() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        client.io.set_nodelay(true).unwrap();
        for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".chunks(1) {
            client.send(byte).await;
            tokio::task::yield_now().await;
        }
        client.send([0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
        // The server's own SETTINGS: a frame of type 4 on stream 0.
        let frame = client.exactly(9).await;
        assert_eq!((frame[3], &frame[5..]), (4, &[0; 4][..]));
        let mut client = server.connect().await;
        client.send("PROPFIND / HTTP/1.1\r\nhost: h\r\n\r\n").await;
        assert_eq!(client.answer().await.body, "PROPFIND / ");
    });
}
