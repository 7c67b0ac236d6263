//! The provider's own header lines, encoded once.

use http::{HeaderName, HeaderValue};
use plan::{Endpoint, Provider, Scheme};
use zeroize::Zeroizing;

/// Added where the caller names no program of its own.
const USER_AGENT: &[u8] = concat!("user-agent: headgate/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// The lines that every call to one endpoint of a provider carries: host, credential, the policy's headers,
/// `accept-encoding: identity` (what comes back is read on its way).
///
/// Holds credentials: not shown, and wiped when dropped (but for the copies that HTTP/2 needs, whose type cannot).
pub struct ProviderLines {
    /// Encoded lines, without the credential.
    fixed: Vec<u8>,
    /// Encoded lines, one for each credential.
    credentials: Vec<Zeroizing<Vec<u8>>>,
    /// The same for HTTP/2.
    fields: Vec<(HeaderName, HeaderValue)>,
    credential_fields: Vec<(HeaderName, HeaderValue)>,
    /// What `host` and `:authority` say.
    authority: String,
    /// Names, in lower case, that the caller's lines must not have: the credential's and those of the policy.
    own: Vec<Box<str>>,
    /// Whether the policy sets `user-agent`.
    user_agent: bool,
}

impl ProviderLines {
    /// The lines of one endpoint. `credentials` are the provider's, resolved, in the order of the plan.
    ///
    /// Fails, with a sentence that shows no credential, where a name or a value cannot stand in a header.
    pub fn new<'a>(
        provider: &Provider,
        endpoint: &Endpoint,
        credentials: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, String> {
        let authority = authority(endpoint);
        let mut fixed = Vec::new();
        http1::write::line(&mut fixed, b"host", authority.as_bytes());
        http1::write::line(&mut fixed, b"accept-encoding", b"identity");
        let mut fields = vec![(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))];
        for (name, value) in &provider.headers {
            fields.push(field(&provider.id, name, value.as_bytes())?);
            http1::write::line(&mut fixed, name.as_bytes(), value.as_bytes());
        }
        let mut lines = Self {
            fixed,
            credentials: Vec::new(),
            fields,
            credential_fields: Vec::new(),
            authority,
            own: provider.headers.keys().chain([&provider.auth.header]).map(|name| name.as_str().into()).collect(),
            user_agent: provider.headers.contains_key("user-agent"),
        };
        for credential in credentials {
            lines.add(provider, credential)?;
        }
        Ok(lines)
    }

    fn add(&mut self, provider: &Provider, credential: &[u8]) -> Result<(), String> {
        let name = &provider.auth.header;
        let value = Zeroizing::new([provider.auth.prefix.as_bytes(), credential].concat());
        let (name, mut secret) = field(&provider.id, name, &value)?;
        secret.set_sensitive(true); // kept out of HPACK's table as well
        let mut line = Zeroizing::new(Vec::with_capacity(name.as_str().len() + value.len() + 4));
        http1::write::line(&mut line, name.as_str().as_bytes(), &value);
        self.credentials.push(line);
        self.credential_fields.push((name, secret));
        Ok(())
    }

    /// Appends all lines; `credential` says which is shown, `user_agent` says whether the caller sent one.
    pub(crate) fn write(&self, credential: usize, user_agent: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fixed);
        if let Some(credential) = self.credentials.get(credential) {
            out.extend_from_slice(credential);
        }
        if !user_agent && !self.user_agent {
            out.extend_from_slice(USER_AGENT);
        }
    }

    /// All fields for HTTP/2.
    pub(crate) fn fields(&self, credential: usize) -> impl Iterator<Item = &(HeaderName, HeaderValue)> {
        self.fields.iter().chain(self.credential_fields.get(credential))
    }

    /// What `:authority` says.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the caller's line of this name gives way to ours.
    pub(crate) fn owns(&self, name: &[u8]) -> bool {
        self.own.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
    }
}

impl std::fmt::Debug for ProviderLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProviderLines({}, {} credentials)", self.authority, self.credentials.len())
    }
}

fn field(provider: &str, name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("providers.{provider}: `{name}` cannot be the name of a header"))?;
    let value = HeaderValue::from_bytes(value).map_err(|_| {
        format!("providers.{provider}: the value of the header `{name}` has a character that headers cannot hold")
    })?;
    Ok((parsed, value))
}

/// `host` or `host:port`, the port where it is not the scheme's own. A unix socket has no host: `localhost`.
fn authority(endpoint: &Endpoint) -> String {
    let default = match endpoint.scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
        Scheme::Unix => return "localhost".to_owned(),
    };
    if endpoint.port == default { bracketed(&endpoint.host) } else { host_and_port(&endpoint.host, endpoint.port) }
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_and_port(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}
