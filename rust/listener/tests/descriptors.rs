//! What happens when the process has no file descriptor left. Alone in its process, whose limit it lowers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "listener/support.rs"]
#[allow(dead_code, reason = "the helpers are shared with the other tests")]
mod support;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use support::{GET, Server, echo, run, until};

#[test]
fn a_listener_without_descriptors_waits_and_goes_on() {
    run(async {
        let server = Server::start(echo);
        let mut client = server.connect().await;
        client.send(GET).await;
        client.answer().await;
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..limit }).unwrap();
        // The socket of the next client is the last one.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        let mut hoard: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let mut late = support::Client::new(socket.connect(server.tcp()).await.unwrap());
        late.send(GET).await;
        until(|| server.live.accept_failed() >= 2).await;
        // It neither spins nor stops serving those who are in.
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
        assert!(server.live.accept_failed() < 50);
        hoard.clear();
        assert_eq!(late.answer().await.status, 200);
        setrlimit(Resource::Nofile, limit).unwrap();
    });
}
