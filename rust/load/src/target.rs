//! Where calls go: the base URL taken apart, its addresses, and whether anybody is there.

use crate::StartError;
use crate::spec::Spec;
use crate::tls;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// How long the probing connection may take, for each address.
const PROBE: Duration = Duration::from_secs(5);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Who is called.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// What goes before the path of a call; no slash at its end.
    pub(crate) base_path: String,
    /// The value of `host`.
    pub(crate) authority: String,
    /// Those that answered the probe; at least one.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) tls: Option<Tls>,
}

/// What a handshake needs.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl Target {
    /// Reads the URL, resolves it, and makes one connection to each address. Blocks.
    pub(crate) fn find(spec: &Spec) -> Result<Self, StartError> {
        let url =
            Url::read(&spec.url).map_err(|problem| StartError::Spec(format!("url: {:?}: {problem}", spec.url)))?;
        let tls = if url.is_https { Some(Tls::new(&url.host, spec)?) } else { None };
        let place = format!("{}:{}", url.host, url.port);
        let found = (url.host.trim_matches(['[', ']']), url.port).to_socket_addrs().map_err(|error| {
            StartError::unavailable(format!("{}: {} cannot be resolved ({error}): check the name", spec.url, url.host))
        })?;
        let mut addresses = Vec::new();
        let mut last = None;
        for address in found.take(MAX_ADDRESSES) {
            match probe(address, tls.as_ref()) {
                Ok(()) => addresses.push(address),
                Err(Trouble::Tls(error)) => return Err(tls_trouble(spec, &error)),
                Err(Trouble::Socket(error)) => last = Some(error),
            }
        }
        match last {
            Some(error) if addresses.is_empty() => Err(StartError::unavailable(format!(
                "nothing can be reached at {place} ({error}): start the target, or correct the URL {}",
                spec.url
            ))),
            None if addresses.is_empty() => {
                Err(StartError::unavailable(format!("{}: {} has no address: check the name", spec.url, url.host)))
            }
            _ => Ok(Self { base_path: url.path, authority: url.authority, addresses, tls }),
        }
    }
}

impl Tls {
    fn new(host: &str, spec: &Spec) -> Result<Self, StartError> {
        let config = tls::config(spec.ca_file.as_deref(), spec.verify).map_err(StartError::here)?;
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|_| StartError::Spec(format!("url: {host} is no name that a certificate could have")))?;
        Ok(Self { config, name })
    }
}

enum Trouble {
    Socket(io::Error),
    Tls(io::Error),
}

fn probe(address: SocketAddr, tls: Option<&Tls>) -> Result<(), Trouble> {
    let mut socket = TcpStream::connect_timeout(&address, PROBE).map_err(Trouble::Socket)?;
    let Some(tls) = tls else { return Ok(()) };
    let mut handshake = || {
        socket.set_read_timeout(Some(PROBE))?;
        socket.set_write_timeout(Some(PROBE))?;
        let mut session = rustls::ClientConnection::new(Arc::clone(&tls.config), tls.name.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(())
    };
    handshake().map_err(Trouble::Tls)
}

fn tls_trouble(spec: &Spec, error: &io::Error) -> StartError {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let advice = match cause {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "name the authority of its certificate with ca_file, or set verify to false"
        }
        // What came was no TLS at all, such as plain text.
        Some(rustls::Error::InvalidMessage(_)) => "the port does not speak TLS: was http:// meant?",
        // It closes, or says nothing.
        None => "does the port speak TLS, or was http:// meant?",
        Some(_) => "it and the engine agree on no way to speak TLS",
    };
    StartError::unavailable(format!("TLS with {} failed ({error}): {advice}", spec.url))
}

/// The parts of a base URL.
#[derive(Debug, PartialEq, Eq)]
struct Url {
    is_https: bool,
    /// With its brackets, if it is an IPv6 address.
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl Url {
    fn read(text: &str) -> Result<Self, String> {
        let uri: http::Uri = text.parse().map_err(|error| format!("{error}: http://host:port/path is expected"))?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("it has to begin with http:// or https://".to_owned()),
        };
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        if uri.query().is_some() || authority.contains('@') || text.contains('#') {
            return Err("it may hold a host, a port and a path, nothing else".to_owned());
        }
        let host = uri.host().unwrap_or_default().to_owned();
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { is_https, host, port, authority, path: uri.path().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_apart() {
        for (text, is_https, host, port, path) in [
            ("http://127.0.0.1:8080/v1", false, "127.0.0.1", 8080, "/v1"),
            ("http://a", false, "a", 80, ""),
            ("https://a.b/c/d/", true, "a.b", 443, "/c/d"),
            ("https://[::1]:1/", true, "[::1]", 1, ""),
        ] {
            let url = Url::read(text).unwrap();
            assert_eq!((url.is_https, url.host.as_str(), url.port, url.path.as_str()), (is_https, host, port, path));
        }
        assert_eq!(Url::read("http://[::1]:1/").unwrap().authority, "[::1]:1");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for text in ["", "127.0.0.1:80", "ftp://a", "http://", "http://a?b", "http://a/#b", "http://u:p@a/", "/v1"] {
            assert!(Url::read(text).is_err(), "{text}");
        }
    }
}
