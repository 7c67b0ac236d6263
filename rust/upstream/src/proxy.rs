//! Which proxy, if any, stands between us and an endpoint.
//!
//! Source of the environment's meaning: what curl and Go's `net/http` agree on. `NO_PROXY` is a list, split by commas or
//! blanks, of `*`, host names (each stands for its subdomains too, with or without a leading dot), addresses, networks;
//! each may end in `:port`. Names are compared without regard to case. An endpoint on loopback never goes through a
//! proxy of the environment.

use crate::guard;
use crate::lines::host_and_port;
use ipnet::IpNet;
use plan::{Endpoint, Scheme};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An HTTP proxy.
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The encoded `proxy-authorization` line; empty where there is none.
    pub(crate) authorization: Zeroizing<Vec<u8>>,
    /// What chose it, such as `HTTPS_PROXY`.
    source: String,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Proxy {
    /// `http://host:port (SOURCE)`, without credentials.
    pub(crate) fn shown(&self) -> String {
        format!("http://{} ({})", host_and_port(&self.host, self.port), self.source)
    }

    /// Reads `http://[user[:password]@]host[:port]`. The error shows nothing of a password.
    fn read(url: &str, source: &str) -> Result<Self, String> {
        let rest = match url.split_once("://") {
            None => url,
            Some(("http" | "HTTP", rest)) => rest,
            Some((scheme, _)) => {
                return Err(format!(
                    "{source} names a proxy of the scheme `{scheme}`; only http:// proxies are supported"
                ));
            }
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, authority) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (host, port) = split_port(authority);
        let port = match port {
            None => 80,
            Some(port) => {
                port.parse().map_err(|_| format!("{source}: the port of the proxy is not a number below 65536"))?
            }
        };
        let shape_is_fine = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:".contains(&b));
        if !shape_is_fine {
            return Err(format!("{source} is not the URL of a proxy; write http://host:port"));
        }
        let authorization = user.map(authorization).unwrap_or_default();
        Ok(Self { host: host.to_owned(), port, authorization, source: source.to_owned() })
    }
}

/// How calls reach an endpoint.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Direct,
    Proxy(Arc<Proxy>),
    /// A proxy is set and cannot be used; says why.
    Broken(Arc<str>),
}

/// Which proxy stands before which endpoint.
#[derive(Debug)]
pub(crate) struct Proxies {
    http: Way,
    https: Way,
    exceptions: Vec<Exception>,
    /// Chosen by the environment, so that loopback is left alone.
    ambient: bool,
}

impl Proxies {
    /// None.
    pub(crate) fn off() -> Self {
        Self { http: Way::Direct, https: Way::Direct, exceptions: Vec::new(), ambient: false }
    }

    /// Always this one.
    pub(crate) fn fixed(url: &str) -> Result<Self, String> {
        let way = Way::Proxy(Arc::new(Proxy::read(url, "egress.proxy")?));
        Ok(Self { http: way.clone(), https: way, exceptions: Vec::new(), ambient: false })
    }

    /// What the environment says. A variable in lower case comes before the same in upper case; an empty one counts as
    /// not set.
    pub(crate) fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let find = |name: &str| {
            [name.to_ascii_lowercase(), name.to_owned()]
                .into_iter()
                .find_map(|name| lookup(&name).filter(|value| !value.trim().is_empty()).map(|value| (name, value)))
        };
        let way = |name: &str| match find(name).or_else(|| find("ALL_PROXY")) {
            None => Way::Direct,
            Some((name, url)) => match Proxy::read(url.trim(), &name) {
                Ok(proxy) => Way::Proxy(Arc::new(proxy)),
                Err(problem) => Way::Broken(problem.into()),
            },
        };
        let exceptions = find("NO_PROXY").map(|(_, list)| list).unwrap_or_default();
        let exceptions = exceptions.split([',', ' ', '\t', '\n']).filter_map(Exception::read).collect();
        Self { http: way("HTTP_PROXY"), https: way("HTTPS_PROXY"), exceptions, ambient: true }
    }

    /// The way to an endpoint.
    pub(crate) fn way(&self, endpoint: &Endpoint) -> Way {
        let way = match endpoint.scheme {
            Scheme::Unix => return Way::Direct,
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        let left_alone = self.ambient && is_loopback(&endpoint.host)
            || self.exceptions.iter().any(|exception| exception.covers(&endpoint.host, endpoint.port));
        if left_alone { Way::Direct } else { way.clone() }
    }

    /// Feeds whatever changes the way to an endpoint.
    pub(crate) fn fingerprint(&self, state: &mut impl Hasher) {
        for way in [&self.http, &self.https] {
            match way {
                Way::Direct => 0.hash(state),
                Way::Broken(problem) => problem.hash(state),
                Way::Proxy(proxy) => (&proxy.host, proxy.port, &*proxy.authorization, &proxy.source).hash(state),
            }
        }
        (&self.exceptions, self.ambient).hash(state);
    }
}

/// One entry of `NO_PROXY`.
#[derive(Debug, Hash)]
struct Exception {
    what: Covered,
    port: Option<u16>,
}

#[derive(Debug, Hash)]
enum Covered {
    All,
    Address(IpAddr),
    Network(IpNet),
    /// In lower case; stands for its subdomains too.
    Domain(String),
}

impl Exception {
    fn read(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        let whole = |what| Some(Self { what, port: None });
        if entry == "*" {
            return whole(Covered::All);
        }
        if let Ok(network) = entry.parse() {
            return whole(Covered::Network(network));
        }
        if let Ok(address) = entry.parse() {
            return whole(Covered::Address(address)); // before the port is split off: `::1` has none
        }
        let (host, port) = split_port(entry);
        let port = match port {
            None => None,
            Some(port) => Some(port.parse().ok()?),
        };
        let what = match host.parse() {
            Ok(address) => Covered::Address(address),
            Err(_) if host == "*" => Covered::All,
            Err(_) => Covered::Domain(domain(host.strip_prefix("*.").unwrap_or(host))),
        };
        Some(Self { what, port })
    }

    fn covers(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|only| only != port) {
            return false;
        }
        match &self.what {
            Covered::All => true,
            Covered::Address(address) => host.parse() == Ok(*address),
            Covered::Network(network) => host.parse().is_ok_and(|address: IpAddr| network.contains(&address)),
            Covered::Domain(domain) => is_under(host, domain),
        }
    }
}

fn domain(host: &str) -> String {
    host.trim_matches('.').to_ascii_lowercase()
}

/// Whether `host` is `domain` or a subdomain of it.
fn is_under(host: &str, domain: &str) -> bool {
    let host = self::domain(host);
    host.strip_suffix(domain).is_some_and(|rest| !domain.is_empty() && (rest.is_empty() || rest.ends_with('.')))
}

fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => guard::refusal(address, true).is_none() && address.to_canonical().is_loopback(),
        Err(_) => is_under(host, "localhost"),
    }
}

/// Splits `host:port`; an IPv6 address stands in brackets when there is a port.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, rest.strip_prefix(':'));
    }
    authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
}

/// The line that shows a proxy who we are. Source: RFC 7617.
fn authorization(user: &str) -> Zeroizing<Vec<u8>> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain = percent_decoded(name);
    plain.push(b':');
    plain.extend_from_slice(&percent_decoded(password));
    let mut line = Zeroizing::new(b"proxy-authorization: Basic ".to_vec());
    base64(&plain, &mut line);
    line.extend_from_slice(b"\r\n");
    line
}

fn percent_decoded(text: &str) -> Zeroizing<Vec<u8>> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match (byte, digit(after.first()), digit(after.get(1))) {
            (b'%', Some(high), Some(low)) => (high << 4 | low, &after[2..]),
            _ => (byte, after),
        };
        out.push(byte);
        rest = after;
    }
    out
}

/// Source: RFC 4648, 4.
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let of = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = of(0) << 16 | of(1) << 8 | of(2);
        let digits = [18, 12, 6, 0].map(|shift| DIGITS[(bits >> shift & 63) as usize]);
        out.extend_from_slice(&digits[..=group.len()]);
        out.extend_from_slice(&b"=="[..3 - group.len()]);
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
