//! Web pages: which may call, and how the rest is kept from spending a laptop's credentials.

use fault::{Fault, Kind};
use http1::RequestHead;

/// The web origins that the policy lets call.
#[derive(Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Origins such as `https://app.example`, lower case.
    pub fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// The caller's origin, when it is a web page of one of these.
    pub fn listed<'a>(&self, head: &'a RequestHead) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let origin = head.headers.get("origin")?;
        self.0.iter().any(|listed| origin.eq_ignore_ascii_case(listed.as_bytes())).then_some(origin)
    }

    /// Refuses web pages of other origins ([`Kind::OriginForbidden`]).
    pub(crate) fn check(&self, head: &RequestHead) -> Result<(), Fault> {
        if head.headers.get("origin").is_none() || self.listed(head).is_some() {
            return Ok(());
        }
        Err(Fault::new(
            Kind::OriginForbidden,
            "Web pages of this origin may not call: list it in `http.origins`, or set up `keys`",
        ))
    }
}

/// Refuses a `Host` that is not this machine ([`Kind::HostForbidden`]).
pub(crate) fn check_host(head: &RequestHead) -> Result<(), Fault> {
    if head.headers.get("host").is_none_or(|host| is_loopback(without_port(host))) {
        return Ok(());
    }
    Err(Fault::new(
        Kind::HostForbidden,
        "Without `keys` only this machine may call, as `localhost` or by a loopback address: set up `keys`, or say `open: true`",
    ))
}

fn without_port(host: &[u8]) -> &[u8] {
    match host {
        [b'[', ..] => &host[..memchr(b']', host).map_or(host.len(), |end| end + 1)],
        _ => &host[..memchr(b':', host).unwrap_or(host.len())],
    }
}

fn memchr(byte: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|candidate| *candidate == byte)
}

fn is_loopback(host: &[u8]) -> bool {
    if host.eq_ignore_ascii_case(b"localhost") {
        return true;
    }
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Admission, Caller, Digests};
    use plan::Callers;

    fn head(lines: &[(&str, &str)]) -> RequestHead {
        RequestHead::from_parts(b"POST", b"/v1/x", lines.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())))
    }

    fn admission(callers: Callers) -> Admission {
        Admission::new(callers, Digests::default(), Origins::new(vec!["https://app.example".to_owned()]))
    }

    #[test]
    fn this_machine_is_let_in_by_any_of_its_names() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]",
            "[::1]:8080",
            "[::ffff:127.0.0.1]:1",
        ] {
            let admitted = admission(Callers::Loopback).admit(&head(&[("host", host)]), false, || 0);
            assert_eq!(admitted.ok(), Some(Caller::Anyone), "{host}");
        }
    }

    #[test]
    fn another_host_name_is_refused_unless_the_socket_is_a_file() {
        for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]", ""] {
            let head = head(&[("host", host)]);
            let refused = admission(Callers::Loopback).admit(&head, false, || 0).expect_err("refused");
            assert_eq!(refused.kind(), Kind::HostForbidden, "{host}");
            assert!(admission(Callers::Loopback).admit(&head, true, || 0).is_ok());
            assert!(admission(Callers::Anyone).admit(&head, false, || 0).is_ok());
        }
    }

    #[test]
    fn a_web_page_is_let_in_only_from_a_listed_origin() {
        for callers in [Callers::Loopback, Callers::Anyone] {
            let page = |origin| head(&[("host", "localhost"), ("origin", origin)]);
            assert!(admission(callers).admit(&page("https://APP.example"), false, || 0).is_ok());
            for foreign in ["https://evil.example", "null", "http://localhost:8080", ""] {
                let refused = admission(callers).admit(&page(foreign), false, || 0).expect_err("refused");
                assert_eq!(refused.kind(), Kind::OriginForbidden, "{foreign}");
            }
        }
    }
}
