//! The way to a connection, and what can go wrong on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use fault::{Kind, Retry};
use plan::{Endpoint, HttpVersions, Scheme};
use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use support::{Worker, egress, endpoint, read_request, run, serve, serve_always, until_closed, whole};
use tokio::io::{AsyncWriteExt, duplex};
use upstream::Pools;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn at(host: &str, named: bool) -> Endpoint {
    Endpoint { host: host.into(), named, ..endpoint((Ipv4Addr::LOCALHOST, 9).into()) }
}

#[test]
fn refused_addresses_are_never_connected_to() {
    run(async {
        for (host, named) in [
            ("169.254.169.254", true),
            ("fe80::1", true),
            ("::ffff:169.254.169.254", true),
            ("0.0.0.0", true),
            ("127.0.0.1", false),
            ("10.0.0.1", false),
            ("::1", false),
            ("localhost", false), // resolved, then refused
        ] {
            let fault = Worker::new(at(host, named)).call().await.unwrap_err();
            assert_eq!(fault.kind(), Kind::EgressRefused, "{host}: {fault}");
            assert!(fault.message().starts_with("The provider `house`"), "{fault}");
            assert!(!fault.message().contains(host), "{fault}");
            assert!(fault.cause().unwrap().contains(host), "{fault}");
        }
    });
}

#[test]
fn a_name_that_does_not_resolve_says_so() {
    run(async {
        let host = "x".repeat(64) + ".invalid"; // no label is that long, so nobody is asked
        let fault = Worker::new(at(&host, true)).call().await.unwrap_err();
        assert_eq!(fault.kind(), Kind::ResolveFailed, "{fault}");
        assert_eq!(fault.kind().row().retry, Retry::Elsewhere);
    });
}

#[test]
fn a_closed_port_is_a_failed_connect() {
    run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let fault = Worker::new(endpoint(address)).call().await.unwrap_err();
        assert_eq!(fault.kind(), Kind::ConnectFailed, "{fault}");
        assert!(!fault.message().contains("127.0.0.1"));
    });
}

#[test]
fn a_name_with_several_addresses_is_tried_until_one_connects() {
    run(async {
        let (address, _) = serve_always(OK).await; // on 127.0.0.1 alone; `localhost` may be ::1 first
        let worker = Worker::new(Endpoint { host: "localhost".into(), ..endpoint(address) });
        assert_eq!(whole(&mut worker.call().await.unwrap().body).await.unwrap(), b"ok");
    });
}

/// A listener whose queue is full: the kernel drops what comes, so a connect never ends.
fn full_listener() -> (socket2::Socket, Vec<std::net::TcpStream>, SocketAddr) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let fill = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let held = std::iter::from_fn(fill).take(16).collect();
    (socket, held, address)
}

#[test]
fn a_connect_that_never_ends_is_given_up() {
    run(async {
        let (_socket, _held, address) = full_listener();
        let mut worker = Worker::new(endpoint(address));
        worker.timeout = Duration::from_millis(30);
        let fault = worker.call().await.unwrap_err();
        assert_eq!(fault.kind(), Kind::ConnectTimeout, "{fault}");
        assert!(fault.message().contains("within 30 ms"), "{fault}");
    });
}

#[test]
fn the_timeout_holds_for_tls_too() {
    run(async {
        let address = serve(|_, mut stream| async move {
            until_closed(&mut stream).await;
        })
        .await;
        let endpoint = Endpoint { scheme: Scheme::Https, ..endpoint(address) };
        let mut worker = Worker::with(egress(), endpoint, HttpVersions::Auto);
        worker.timeout = Duration::from_millis(30);
        assert_eq!(worker.call().await.unwrap_err().kind(), Kind::ConnectTimeout);
        assert_eq!(worker.pools.gauges().open, 0);
    });
}

#[test]
fn a_unix_socket_is_an_endpoint() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::task::spawn_local(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Some(request) = read_request(&mut stream).await {
                assert!(request.contains("\r\nhost: localhost\r\n"), "{request}");
                stream.write_all(OK).await.unwrap();
            }
        });
        let unix = |named| Endpoint { scheme: Scheme::Unix, port: 0, ..at(path.to_str().unwrap(), named) };
        let worker = Worker::new(unix(true));
        for round in 0..3 {
            let mut answer = worker.call().await.unwrap();
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
            assert_eq!(answer.reused, round > 0);
        }
        assert_eq!(Worker::new(unix(false)).call().await.unwrap_err().kind(), Kind::EgressRefused);
        let gone = Worker::new(Endpoint { host: "/nowhere/model.sock".into(), ..unix(true) });
        assert_eq!(gone.call().await.unwrap_err().kind(), Kind::ConnectFailed);
    });
}

#[test]
fn what_stands_for_the_network_is_asked_once_the_guard_has_agreed() {
    run(async {
        let asked = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&asked);
        let pools = Pools::in_memory(Rc::new(move |endpoint: &Endpoint| {
            seen.borrow_mut().push(endpoint.host.clone());
            let (ours, mut providers) = duplex(1024);
            tokio::task::spawn_local(async move {
                while read_request(&mut providers).await.is_some() {
                    providers.write_all(OK).await.unwrap();
                }
            });
            Ok(ours)
        }));
        let worker = |endpoint| Worker { pools: pools.clone(), ..Worker::new(endpoint) };
        let unix = |named| Endpoint { scheme: Scheme::Unix, ..at("/nowhere/model.sock", named) };
        for endpoint in [at("169.254.169.254", true), at("127.0.0.1", false), unix(false)] {
            assert_eq!(worker(endpoint).call().await.unwrap_err().kind(), Kind::EgressRefused);
        }
        assert!(asked.borrow().is_empty());
        let named = worker(Endpoint { id: "house/named".into(), ..at("provider.example", false) });
        for round in 0..3 {
            let mut answer = named.call().await.unwrap();
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
            assert_eq!(answer.reused, round > 0);
        }
        assert_eq!(*asked.borrow(), ["provider.example"]);
    });
}

#[test]
fn what_stands_for_the_network_may_refuse() {
    run(async {
        let pools = Pools::in_memory(Rc::new(|_: &Endpoint| Err(std::io::ErrorKind::ConnectionRefused.into())));
        let fault = Worker { pools, ..Worker::new(at("provider.example", false)) }.call().await.unwrap_err();
        assert_eq!((fault.kind(), fault.kind().row().retry), (Kind::ConnectFailed, Retry::Elsewhere));
    });
}
