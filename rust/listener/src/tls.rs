//! TLS towards callers: one configuration for all workers, certificates swapped under it.
//!
//! The configuration itself stays as it is when certificates change, so that session tickets survive a reload; a
//! handshake asks for the certificate of the moment, and open connections keep what they agreed on.

use arc_swap::ArcSwap;
use plan::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The TLS of a listener; clones share it, over all workers.
#[derive(Debug, Clone)]
pub struct TlsHandle {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
}

impl TlsHandle {
    /// Reads certificate chain and key. TLS 1.2 and 1.3; ALPN offers `h2` and `http/1.1`.
    pub fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let current = Arc::new(Current { key: ArcSwap::from_pointee(read_key(files)?) });
        let provider = Arc::new(aws_lc_rs::default_provider());
        let library = |error: rustls::Error| TlsError::new(&files.cert, TlsReason::Library(error.to_string()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(library)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![ALPN_H2.to_vec(), b"http/1.1".to_vec()];
        // Tickets are sealed by keys of this process, so a session resumes on whichever worker it meets.
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(library)?;
        Ok(Self { config: Arc::new(config), current })
    }

    /// Reads the files again, or others. New handshakes use them; nothing changes when they cannot be used.
    pub fn reload(&self, files: &TlsFiles) -> Result<(), TlsError> {
        self.current.key.store(Arc::new(read_key(files)?));
        Ok(())
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The name of HTTP/2 in ALPN.
pub(crate) const ALPN_H2: &[u8] = b"h2";

/// The certificate of the moment.
#[derive(Debug)]
struct Current {
    key: ArcSwap<CertifiedKey>,
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

fn read_key(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let chain = read_chain(&files.cert)?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| TlsError::new(&files.key, TlsReason::of(error, TlsReason::NoKey)))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::new(&files.key, TlsReason::KeyMismatch(files.cert.clone())),
        rustls::Error::InvalidCertificate(reason) => {
            TlsError::new(&files.cert, TlsReason::Library(format!("{reason:?}")))
        }
        other => TlsError::new(&files.key, TlsReason::Library(other.to_string())),
    })
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let refuse = |error| TlsError::new(file, TlsReason::of(error, TlsReason::NoCertificate));
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(refuse)?.collect::<Result<_, _>>().map_err(refuse)?;
    if chain.is_empty() {
        return Err(TlsError::new(file, TlsReason::NoCertificate));
    }
    Ok(chain)
}

/// Why certificate and key cannot be used: which file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    file: PathBuf,
    reason: TlsReason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TlsReason {
    Unreadable(String),
    NotPem(String),
    NoCertificate,
    NoKey,
    KeyMismatch(PathBuf),
    Library(String),
}

impl TlsReason {
    /// `nothing` is the reason when the file has no section of the kind that was looked for.
    fn of(error: pem::Error, nothing: Self) -> Self {
        match error {
            pem::Error::NoItemsFound => nothing,
            pem::Error::Io(error) => Self::Unreadable(error.to_string()),
            other => Self::NotPem(other.to_string()),
        }
    }
}

impl TlsError {
    fn new(file: &Path, reason: TlsReason) -> Self {
        Self { file: file.to_path_buf(), reason }
    }

    /// The file that is wrong.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.reason {
            TlsReason::Unreadable(why) => write!(f, "cannot be read: {why}"),
            TlsReason::NotPem(why) => write!(f, "is not valid PEM: {why}"),
            TlsReason::NoCertificate => f.write_str("has no certificate (a PEM section `CERTIFICATE`)"),
            TlsReason::NoKey => f.write_str("has no private key (a PEM section `PRIVATE KEY`)"),
            TlsReason::KeyMismatch(cert) => {
                write!(f, "this key does not belong to the first certificate in {}", cert.display())
            }
            TlsReason::Library(why) => write!(f, "cannot be used: {why}"),
        }
    }
}

impl std::error::Error for TlsError {}
