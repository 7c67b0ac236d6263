#![allow(warnings)]
use bytes::Bytes;
use fault::Fault;
use http1::Source;
use listener::*;
use std::rc::Rc;
use std::task::*;
struct One(Option<Bytes>);
impl Source for One {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}
struct S;
impl Service for S {
    type Body = One;
    async fn call(&self, mut i: Incoming) -> Reply<One> {
        while let Some(p) = i.body.piece().await {
            p.unwrap();
        }
        if i.head.target() == b"/y" {
            tokio::task::yield_now().await;
        }
        Reply {
            head: ReplyHead { status: 200, lines: b"content-type: application/json\r\n".to_vec() },
            length: Some(64),
            body: One(Some(Bytes::from_static(&[b'x'; 64]))),
            closes: false,
        }
    }
    fn refuse(&self, f: Fault) -> Reply<One> {
        panic!("{f}")
    }
}
fn main() {
    let a = bind(&plan::Address::Tcp("127.0.0.1:18977".parse().unwrap()), 1).unwrap();
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let l = Limits {
        head: http1::Limits::default(),
        idle: std::time::Duration::from_secs(75),
        read_gap: std::time::Duration::from_secs(30),
        write_stall: std::time::Duration::from_secs(60),
        max_connections: 1000,
    };
    let (tx, rx) = tokio::sync::watch::channel(Phase::Open);
    let _ = tokio::task::LocalSet::new()
        .block_on(&rt, serve(a.into_shares().remove(0), None, Rc::new(S), Rc::new(l), rx, Live::new()));
}
