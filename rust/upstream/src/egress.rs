//! The way out, as the policy sets it.

use crate::proxy::{Proxies, Way};
use crate::tls::Tls;
use plan::{Endpoint, Proxy};
use std::hash::{DefaultHasher, Hasher};

/// The way out to providers: proxies and TLS. Built at start and reload, shared by all workers.
#[derive(Debug)]
pub struct Egress {
    proxies: Proxies,
    tls: Tls,
    fingerprint: u64,
}

impl Egress {
    /// Reads root certificates and, where the plan says so, the process's environment. Fails with a sentence that names
    /// the setting and how to mend it.
    pub fn new(settings: &plan::Egress) -> Result<Self, String> {
        Self::with_environment(settings, |name| std::env::var(name).ok())
    }

    /// The same over another environment.
    pub fn with_environment(settings: &plan::Egress, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let proxies = match &settings.proxy {
            Proxy::Off => Proxies::off(),
            Proxy::Url(url) => Proxies::fixed(url)?,
            Proxy::Env => Proxies::from_environment(lookup),
        };
        let mut fingerprint = DefaultHasher::new();
        proxies.fingerprint(&mut fingerprint);
        let tls = Tls::new(&settings.roots, &mut fingerprint)?;
        Ok(Self { proxies, tls, fingerprint: fingerprint.finish() })
    }

    /// How calls reach an endpoint, for people: `direct`, or `via http://proxy:3128 (HTTPS_PROXY)`. No credential is
    /// shown.
    pub fn describe(&self, endpoint: &Endpoint) -> String {
        match self.proxies.way(endpoint) {
            Way::Direct => "direct".to_owned(),
            Way::Proxy(proxy) => format!("via {}", proxy.shown()),
            Way::Broken(problem) => format!("not at all: {problem}"),
        }
    }

    pub(crate) fn way(&self, endpoint: &Endpoint) -> Way {
        self.proxies.way(endpoint)
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Equal for two that treat every connection alike: then a reload keeps the connections that are open.
    pub(crate) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}
