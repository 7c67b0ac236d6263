//! TLS towards providers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use fault::Kind;
use plan::{HttpVersions, Proxy, Roots};
use std::io::Write;
use support::authority::{Authority, answer_over_tls, https};
use support::{Worker, egress, run, serve, whole};
use tokio::io::AsyncWriteExt;
use upstream::{Egress, Gauges};

#[test]
fn a_trusted_certificate_is_accepted_by_name_and_by_address_and_its_connection_kept() {
    run(async {
        let authority = Authority::new();
        for host in ["localhost", "127.0.0.1"] {
            let acceptor = authority.acceptor(host, &["http/1.1"], false);
            let address = serve(move |_, stream| answer_over_tls(acceptor.clone(), stream)).await;
            let worker = Worker::with(authority.egress(), https(host, address), HttpVersions::Auto);
            for round in 0..5 {
                let mut answer = worker.call().await.unwrap();
                assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
                assert_eq!(answer.reused, round > 0);
            }
            assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
        }
    });
}

#[test]
fn wrong_names_old_certificates_and_unknown_authorities_are_refused() {
    run(async {
        let (ours, other) = (Authority::new(), Authority::new());
        let cases = [
            ("another.example", false, ours.egress()),
            ("localhost", true, ours.egress()),
            ("localhost", false, other.egress()),
            ("localhost", false, egress()),
        ];
        for (name, expired, egress) in cases {
            let acceptor = ours.acceptor(name, &[], expired);
            let address = serve(move |_, stream| answer_over_tls(acceptor.clone(), stream)).await;
            let worker = Worker::with(egress, https("localhost", address), HttpVersions::Auto);
            let fault = worker.call().await.unwrap_err();
            assert_eq!(fault.kind(), Kind::TlsFailed, "{fault}");
            assert!(fault.message().contains("certificate that is not trusted"), "{fault}");
            assert_eq!(worker.pools.gauges(), Gauges::default());
        }
    });
}

#[test]
fn a_server_that_speaks_no_tls_fails_the_handshake() {
    run(async {
        let address = serve(|_, mut stream| async move {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        })
        .await;
        let worker = Worker::with(egress(), https("localhost", address), HttpVersions::Auto);
        let fault = worker.call().await.unwrap_err();
        assert_eq!(fault.kind(), Kind::TlsFailed, "{fault}");
    });
}

#[test]
fn an_end_without_goodbye_is_a_cut_even_where_the_body_has_no_length() {
    run(async {
        let authority = Authority::new();
        let acceptor = authority.acceptor("localhost", &[], false);
        let address = serve(move |number, stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                support::read_request(&mut stream).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello").await.unwrap();
                stream.flush().await.unwrap();
                if number == 1 {
                    stream.shutdown().await.unwrap();
                }
            }
        })
        .await;
        let worker = Worker::with(authority.egress(), https("localhost", address), HttpVersions::Http1);
        let fault = whole(&mut worker.call().await.unwrap().body).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::StreamCut);
        assert_eq!(whole(&mut worker.call().await.unwrap().body).await.unwrap(), b"hello");
    });
}

#[test]
fn a_large_body_goes_over_tls_whole() {
    run(async {
        let authority = Authority::new();
        let acceptor = authority.acceptor("localhost", &[], false);
        let address = serve(move |_, stream| answer_over_tls(acceptor.clone(), stream)).await;
        let worker = Worker::with(authority.egress(), https("localhost", address), HttpVersions::Auto);
        let pieces = vec![bytes::Bytes::from(vec![b'x'; 100_000]); 20];
        for _ in 0..2 {
            let body = upstream::OutgoingBody::Pieces(&pieces);
            let mut answer = worker.send(b"POST", &support::head(&[]), body).await.unwrap();
            assert_eq!(whole(&mut answer.body).await.unwrap(), b"ok");
        }
        assert_eq!(worker.pools.gauges(), Gauges { open: 1, idle: 1 });
    });
}

#[test]
fn roots_that_cannot_be_used_are_named() {
    let of = |roots: Roots| Egress::with_environment(&plan::Egress { proxy: Proxy::Off, roots }, |_| None).unwrap_err();
    let none = of(Roots { system: false, bundled: false, files: Vec::new() });
    assert!(none.contains("egress.roots"), "{none}");
    let missing = of(Roots { system: false, bundled: true, files: vec!["/nowhere/ca.pem".into()] });
    assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate").unwrap();
    let empty = of(Roots { system: false, bundled: true, files: vec![empty.path().to_owned()] });
    assert!(empty.contains("no certificate in PEM form"), "{empty}");
}
