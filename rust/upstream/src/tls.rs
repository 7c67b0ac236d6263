//! TLS towards providers: whom to trust, which versions of HTTP to offer.

use plan::{HttpVersions, Roots};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// One configuration for each offer of ALPN. They share roots and resumption tickets.
pub(crate) struct Tls {
    auto: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Tls {
    /// Reads the roots. Fails, naming the file or the setting, where a file cannot be read or nothing is left to trust.
    /// What was read is fed to `fingerprint`.
    pub(crate) fn new(roots: &Roots, fingerprint: &mut impl Hasher) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        if roots.bundled {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let system = if roots.system { add_system(&mut store) } else { Ok(()) };
        for file in &roots.files {
            add_file(&mut store, file)?;
        }
        if store.is_empty() {
            let reason = system.err().unwrap_or_else(|| "egress.roots names none".to_owned());
            return Err(format!(
                "there is no certificate authority to trust ({reason}): add `bundled` to egress.roots"
            ));
        }
        for root in &store.roots {
            (root.subject.as_ref(), root.subject_public_key_info.as_ref()).hash(fingerprint);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let base = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| format!("TLS: {e}"))?
            .with_root_certificates(store)
            .with_no_client_auth();
        let offering = |protocols: &[&[u8]]| {
            let mut config = base.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Arc::new(config)
        };
        Ok(Self { auto: offering(&[b"h2", b"http/1.1"]), http1: offering(&[b"http/1.1"]), http2: offering(&[b"h2"]) })
    }

    /// The configuration that offers these versions.
    pub(crate) fn offering(&self, versions: HttpVersions) -> &Arc<ClientConfig> {
        match versions {
            HttpVersions::Auto => &self.auto,
            HttpVersions::Http1 => &self.http1,
            HttpVersions::Http2 => &self.http2,
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn add_system(store: &mut RootCertStore) -> Result<(), String> {
    let found = rustls_native_certs::load_native_certs();
    // Stores hold certificates that no longer parse; the rest is as good as ever.
    let (added, _) = store.add_parsable_certificates(found.certs);
    match found.errors.first() {
        _ if added > 0 => Ok(()),
        Some(error) => Err(format!("the system's store: {error}")),
        None => Err("the system's store is empty".to_owned()),
    }
}

fn add_file(store: &mut RootCertStore, file: &std::path::Path) -> Result<(), String> {
    let of = |e: &dyn std::fmt::Display| format!("egress.roots: {}: {e}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|e| of(&e))?;
    let before = store.len();
    for certificate in certificates {
        store.add(certificate.map_err(|e| of(&e))?).map_err(|e| of(&e))?;
    }
    if store.len() == before { Err(of(&"it holds no certificate in PEM form")) } else { Ok(()) }
}
