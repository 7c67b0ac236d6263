//! Calls through a proxy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use fault::Kind;
use plan::{Endpoint, HttpVersions, Proxy, Roots};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use support::authority::{Authority, answer_over_tls, https};
use support::{Worker, egress_of, endpoint, read_head, run, serve, serve_always, whole};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn bundled() -> Roots {
    Roots { system: false, bundled: true, files: Vec::new() }
}

/// A proxy that opens tunnels to `target`, whatever it is asked for; keeps the heads that it read.
async fn proxy_to(target: SocketAddr) -> (SocketAddr, Rc<RefCell<Vec<String>>>) {
    let heads = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&heads);
    let address = serve(move |_, mut stream| {
        let log = Rc::clone(&log);
        async move {
            let head = read_head(&mut stream).await.unwrap();
            log.borrow_mut().push(head);
            let mut target = TcpStream::connect(target).await.unwrap();
            stream.write_all(b"HTTP/1.0 200 Connection established\r\n\r\n").await.unwrap();
            // Either side may end the tunnel.
            let _ = copy_bidirectional(&mut stream, &mut target).await;
        }
    })
    .await;
    (address, heads)
}

#[test]
fn https_goes_through_a_tunnel() {
    run(async {
        let authority = Authority::new();
        let acceptor = authority.acceptor("api.example", &[], false);
        let target = serve(move |_, stream| answer_over_tls(acceptor.clone(), stream)).await;
        let (proxy, heads) = proxy_to(target).await;
        let egress = authority.egress_through(Proxy::Url(format!("http://user:p%40ss@{proxy}")));
        let endpoint = Endpoint { port: 443, ..https("api.example", target) };
        assert_eq!(egress.describe(&endpoint), format!("via http://{proxy} (egress.proxy)"));
        let worker = Worker::with(egress, endpoint, HttpVersions::Auto);
        for round in 0..3 {
            let mut answer = worker.call().await.unwrap();
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
            assert_eq!(answer.reused, round > 0);
        }
        let expected = "CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\n\
                        proxy-authorization: Basic dXNlcjpwQHNz\r\n\r\n";
        assert_eq!(*heads.borrow(), [expected]);
    });
}

#[test]
fn http_is_asked_of_the_proxy_in_absolute_form() {
    run(async {
        let (proxy, seen) = serve_always(OK).await;
        let variables = [("http_proxy", format!("http://u:p@{proxy}"))];
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let egress = egress_of(Proxy::Env, bundled(), &variables);
        let endpoint = Endpoint { host: "api.example".into(), port: 8000, ..endpoint(proxy) };
        assert_eq!(egress.describe(&endpoint), format!("via http://{proxy} (http_proxy)"));
        let worker = Worker::with(egress, endpoint, HttpVersions::Auto);
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        let request = seen.borrow()[0].clone();
        assert!(request.starts_with("POST http://api.example:8000/v1/chat/completions HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("\r\nhost: api.example:8000\r\n"), "{request}");
        assert!(request.contains("\r\nproxy-authorization: Basic dTpw\r\n"), "{request}");
    });
}

#[test]
fn a_loopback_endpoint_is_reached_without_the_proxy_of_the_environment() {
    run(async {
        let (address, seen) = serve_always(OK).await;
        let egress = egress_of(Proxy::Env, bundled(), &[("ALL_PROXY", "http://proxy.invalid:1")]);
        assert_eq!(egress.describe(&endpoint(address)), "direct");
        let worker = Worker::with(egress, endpoint(address), HttpVersions::Auto);
        whole(&mut worker.call().await.unwrap().body).await.unwrap();
        assert!(seen.borrow()[0].starts_with("POST /v1/"));
    });
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_a_failed_connect() {
    run(async {
        for answer in [
            &b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\nsurprise",
            b"SSH-2.0-x\r\n",
            b"",
        ] {
            let proxy = serve(move |_, mut stream| async move {
                read_head(&mut stream).await.unwrap();
                stream.write_all(answer).await.unwrap();
            })
            .await;
            let egress = egress_of(Proxy::Url(format!("http://{proxy}")), bundled(), &[]);
            let worker = Worker::with(egress, https("api.example", proxy), HttpVersions::Auto);
            let fault = worker.call().await.unwrap_err();
            assert_eq!(fault.kind(), Kind::ConnectFailed, "{fault}");
            assert!(fault.message().contains("opens no tunnel"), "{fault}");
        }
    });
}

#[test]
fn a_proxy_that_cannot_be_used_fails_the_call_and_is_explained() {
    run(async {
        let egress = egress_of(Proxy::Env, bundled(), &[("HTTPS_PROXY", "socks5://u:canary@proxy:1080")]);
        let endpoint = https("api.example", "127.0.0.1:1".parse().unwrap());
        assert!(egress.describe(&endpoint).contains("socks5"));
        let fault = Worker::with(egress, endpoint, HttpVersions::Auto).call().await.unwrap_err();
        assert_eq!(fault.kind(), Kind::ConnectFailed);
        assert!(!fault.to_string().contains("canary"), "{fault}");
    });
}

#[test]
fn a_proxy_does_not_open_the_way_to_metadata() {
    run(async {
        let proxy = serve(|_, mut stream| async move {
            assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "the proxy must not be asked");
        })
        .await;
        for host in ["169.254.169.254", "metadata.google.internal", "fd00:ec2::254"] {
            let egress = egress_of(Proxy::Url(format!("http://{proxy}")), bundled(), &[]);
            let endpoint = Endpoint { host: host.into(), port: 80, ..endpoint(proxy) };
            let fault = Worker::with(egress, endpoint, HttpVersions::Auto).call().await.unwrap_err();
            assert_eq!(fault.kind(), Kind::EgressRefused, "{fault}");
        }
    });
}
