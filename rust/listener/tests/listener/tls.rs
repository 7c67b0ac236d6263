//! TLS: versions of HTTP by ALPN, certificates swapped under open connections, files that cannot be used.

use crate::http2;
use crate::support::{Client, GET, Server, echo, limits, run, until};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use listener::{Phase, TlsHandle};
use plan::TlsFiles;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Writes a certificate for `localhost` and its key; gives the certificate.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(server.tcp()).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[test]
fn alpn_chooses_the_version_of_http() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let cert = certify(folder.path());
        let server = Server::with(limits(), Some(&TlsHandle::read(&files(folder.path())).unwrap()), echo);
        for alpn in [&[b"http/1.1".as_slice()][..], &[]] {
            let mut client = Client::new(connect(&server, &cert, alpn).await.unwrap());
            for body in [vec![], vec![b'x'; 300_000]] {
                client.send(format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", body.len())).await;
                client.send(&body).await;
                assert_eq!(client.answer().await.body, [b"POST / ", &body[..]].concat());
            }
        }
        let stream = connect(&server, &cert, &[b"h2", b"http/1.1"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, _task) = http2::client(stream).await;
        let request = Request::get("https://localhost/tls").body(Empty::<Bytes>::new()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "GET /tls ");
        assert_eq!(server.live.handshakes(), 0);
    });
}

#[test]
fn an_answer_until_close_ends_with_the_closing_message() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let cert = certify(folder.path());
        let server = Server::with(limits(), Some(&TlsHandle::read(&files(folder.path())).unwrap()), |incoming| {
            Box::pin(async { listener::Reply { length: None, ..echo(incoming).await } })
        });
        let mut client = Client::new(connect(&server, &cert, &[]).await.unwrap());
        client.send("GET / HTTP/1.0\r\n\r\n").await;
        // rustls reports an end without the message as an error.
        assert!(client.rest().await.unwrap().ends_with(b"GET / "));
    });
}

#[test]
fn certificates_are_swapped_and_open_connections_live_on() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let old = certify(folder.path());
        let tls = TlsHandle::read(&files(folder.path())).unwrap();
        let server = Server::with(limits(), Some(&tls), echo);
        let mut open = Client::new(connect(&server, &old, &[]).await.unwrap());
        open.send(GET).await;
        open.answer().await;
        let new = certify(folder.path());
        tls.reload(&files(folder.path())).unwrap();
        assert!(connect(&server, &old, &[]).await.is_err());
        for client in [&mut open, &mut Client::new(connect(&server, &new, &[]).await.unwrap())] {
            client.send(GET).await;
            assert_eq!(client.answer().await.status, 200);
        }
        // Files that cannot be used change nothing.
        fs::write(folder.path().join("key.pem"), "").unwrap();
        assert!(tls.reload(&files(folder.path())).is_err());
        connect(&server, &new, &[]).await.unwrap();
    });
}

#[test]
fn who_does_not_speak_tls_is_closed_and_counted() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let server = Server::with(limits(), Some(&TlsHandle::read(&files(folder.path())).unwrap()), echo);
        let mut client = server.connect().await;
        client.send(GET).await;
        drop(client.rest().await);
        until(|| server.live.tls_failed() == 1).await;
        server.phase.send_replace(Phase::Close);
        server.ended().await;
    });
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    certify(path);
    let other = tempfile::tempdir().unwrap();
    certify(other.path());
    let with = |cert: &Path, key: &Path| TlsFiles { cert: cert.to_path_buf(), key: key.to_path_buf() };
    let (cert, key, missing) = (path.join("cert.pem"), path.join("key.pem"), path.join("missing.pem"));
    let cases = [
        (with(&missing, &key), &missing, "cannot be read: No such file"),
        (with(&cert, &missing), &missing, "cannot be read: No such file"),
        (with(&key, &key), &key, "has no certificate"),
        (with(&cert, &cert), &cert, "has no private key"),
        (with(&cert, &other.path().join("key.pem")), &other.path().join("key.pem"), "does not belong to"),
    ];
    for (files, file, reason) in cases {
        let error = TlsHandle::read(&files).unwrap_err();
        assert_eq!(error.file(), file.as_path());
        assert!(error.to_string().contains(reason), "{error}");
    }
}
