//! A certificate authority and servers that show its certificates.

use plan::{Endpoint, Proxy, Roots, Scheme};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use upstream::Egress;

/// An authority whose root stands in a PEM file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = NamedTempFile::new().unwrap();
        std::fs::write(root.path(), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A way out that trusts this authority alone.
    pub(crate) fn egress(&self) -> Egress {
        self.egress_through(Proxy::Off)
    }

    pub(crate) fn egress_through(&self, proxy: Proxy) -> Egress {
        super::egress_of(proxy, Roots { system: false, bundled: false, files: vec![self.root.path().to_owned()] }, &[])
    }

    /// A server for `name`, which is a host name or an address.
    pub(crate) fn acceptor(&self, name: &str, protocols: &[&str], expired: bool) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![params.signed_by(&key, &self.issuer).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// An endpoint with TLS at `host`, which leads to `address`.
pub(crate) fn https(host: &str, address: SocketAddr) -> Endpoint {
    Endpoint { scheme: Scheme::Https, host: host.into(), ..super::endpoint(address) }
}

/// Answers calls over TLS until the peer closes; a failed handshake ends it.
pub(crate) async fn answer_over_tls(acceptor: TlsAcceptor, stream: TcpStream) {
    if let Ok(mut stream) = acceptor.accept(stream).await {
        answer_calls(&mut stream).await;
    }
}

async fn answer_calls(stream: &mut TlsStream<TcpStream>) {
    use tokio::io::AsyncWriteExt;
    while super::read_request(stream).await.is_some() {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    }
}
