//! The request target and `Host`.

use crate::fields::Once;
use crate::head::Span;
use crate::refusal::Refusal;
use std::net::Ipv6Addr;

/// A target brought to origin form.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// It stands in the head as it is.
    There(Span),
    /// A query whose absolute URL had no path: a slash belongs before it.
    Query(Span),
}

/// Reads the target of a request. `Host` has been checked with [`check_host`].
///
/// Source: RFC 9112, 3.2. Departures: the authority form is refused, this not being a proxy; so is an absolute form
/// that differs from `Host` (there, the target wins), or comes without one.
pub(crate) fn read(head: &[u8], method: &[u8], target: &[u8], host: Option<&[u8]>) -> Result<Target, Refusal> {
    if method == b"CONNECT" {
        return Err(Refusal::Connect);
    }
    if !target.iter().all(|&byte| ALLOWED[byte as usize]) {
        return Err(if target.contains(&b'#') { Refusal::Fragment } else { Refusal::TargetCharacter });
    }
    match target {
        [b'/', ..] => Ok(Target::There(Span::within(head, target))),
        b"*" if method == b"OPTIONS" => Ok(Target::There(Span::within(head, target))),
        b"*" => Err(Refusal::Asterisk),
        _ => read_absolute(head, target, host),
    }
}

fn read_absolute(head: &[u8], target: &[u8], host: Option<&[u8]>) -> Result<Target, Refusal> {
    let colon = memchr::memmem::find(target, b"://").ok_or(Refusal::BadTarget)?;
    let (scheme, rest) = (&target[..colon], &target[colon + 3..]);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(Refusal::BadTarget);
    }
    let end = memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if !host.is_some_and(|host| host.eq_ignore_ascii_case(authority)) {
        return Err(Refusal::TargetNotHost);
    }
    Ok(match rest.first() {
        Some(b'/') => Target::There(Span::within(head, rest)),
        Some(_) => Target::Query(Span::within(head, rest)),
        // An empty path is `/`, and one stands right before the authority.
        None => Target::There(Span::within(head, &target[colon + 2..colon + 3])),
    })
}

/// The bytes that a target may have: printable ASCII but `#`, and `"`, `<`, `>`, `\` and the backquote, which no URL
/// has. Brackets, braces, `|` and `^` do not belong there either (RFC 3986, 2), but clients send them.
static ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = 0x21_u8;
    while byte < 0x7F {
        allowed[byte as usize] = !matches!(byte, b'#' | b'"' | b'<' | b'>' | b'\\' | b'`');
        byte += 1;
    }
    allowed
};

/// Checks the `Host` of a request of HTTP/1.`minor`.
///
/// Source: RFC 9112, 3.2; RFC 9110, 7.2. Departures: a name has letters, digits, `-`, `.` and `_` only (a registered
/// name may have more there); an empty value and an empty port are refused.
pub(crate) fn check_host(host: Once<'_>, minor: u8) -> Result<Option<&[u8]>, Refusal> {
    match host {
        Once::Repeated => Err(Refusal::ManyHosts),
        Once::Absent if minor == 0 => Ok(None),
        Once::Absent => Err(Refusal::NoHost),
        Once::Value(host) if is_host(host) => Ok(Some(host)),
        Once::Value(_) => Err(Refusal::BadHost),
    }
}

fn is_host(host: &[u8]) -> bool {
    if let Some(literal) = host.strip_prefix(b"[") {
        let Some(end) = memchr::memchr(b']', literal) else { return false };
        let address = std::str::from_utf8(&literal[..end]).ok();
        return address.is_some_and(|text| text.parse::<Ipv6Addr>().is_ok()) && is_port(&literal[end + 1..]);
    }
    let end = memchr::memchr(b':', host).unwrap_or(host.len());
    let (name, port) = host.split_at(end);
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    !name.is_empty() && name.iter().all(of_name) && is_port(port)
}

/// Nothing, or a colon and a number of 16 bits.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] if matches!(digits.len(), 1..=5) && digits.iter().all(u8::is_ascii_digit) => {
            digits.iter().fold(0_u32, |number, digit| number * 10 + u32::from(digit - b'0')) <= 0xFFFF
        }
        _ => false,
    }
}
