//! Which of the provider's header lines reach the caller.
//!
//! What is not listed passes: callers read rate limits, request ids and processing times under names that differ
//! between providers and change without notice. Listed are what belongs to the provider's connection, what would act on
//! the caller's browser in our name, and what says whose account at the provider pays.

use crate::request_lines::lists;
use http1::ResponseHead;

/// Appends, as `name: value` lines, what of the provider's head the caller may see.
///
/// Left out: hop-by-hop lines and those that `Connection` names, framing and `date` (the listener writes its own),
/// `set-cookie`, `server`, `via` and other traces of the provider's servers, the provider's CORS and transport policy,
/// organisation and project ids, `headgate-*`, and `x-should-retry`, which is the gateway's to say. `x-request-id`,
/// `retry-after`, content lines pass; rate limits do unless the caller has limits here (`is_limited`), which it is told of
/// under the same names: those of the provider are of an account that others use too.
pub fn forward_lines(head: &ResponseHead, is_limited: bool, out: &mut Vec<u8>) {
    let named = head.headers.all("connection").any(|value| !value.eq_ignore_ascii_case(b"keep-alive"));
    for (name, value) in head.headers.iter() {
        let is_named = || named && head.headers.all("connection").any(|list| lists(list, name));
        let is_ours = || is_limited && is_rate_limit(name);
        if !stays(name) && !is_named() && !is_ours() {
            http1::write::line(out, name, value);
        }
    }
}

fn is_rate_limit(name: &[u8]) -> bool {
    const FAMILY: &[u8] = b"x-ratelimit-";
    name.get(..FAMILY.len()).is_some_and(|start| start.eq_ignore_ascii_case(FAMILY))
}

/// Whether a line of this name stays here: whole families, then single names. First letter and length leave one
/// comparison for most names.
fn stays(name: &[u8]) -> bool {
    let Some(first) = name.first() else { return true };
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    let first = first.to_ascii_lowercase();
    let family: &[u8] = match first {
        b'a' => b"access-control-",
        b'c' => b"cf-",
        b'h' => b"headgate-",
        b'p' => b"proxy-",
        b'x' => b"x-envoy-",
        _ => b"",
    };
    if !family.is_empty() && name.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family)) {
        return true;
    }
    match (first, name.len()) {
        (b'a', 7) => is(b"alt-svc"),
        (b'a', 25) => is(b"anthropic-organization-id"),
        (b'c', 10) => is(b"connection"),
        (b'c', 14) => is(b"content-length"),
        (b'c', 15) => is(b"clear-site-data"),
        (b'd', 4) => is(b"date"),
        (b'k', 10) => is(b"keep-alive"),
        (b'n', 3) => is(b"nel"),
        (b'o', 14) => is(b"openai-project"),
        (b'o', 19) => is(b"openai-organization"),
        (b'r', 9) => is(b"report-to"),
        (b'r', 19) => is(b"reporting-endpoints"),
        (b's', 6) => is(b"server"),
        (b's', 10) => is(b"set-cookie"),
        (b's', 11) => is(b"set-cookie2"),
        (b's', 25) => is(b"strict-transport-security"),
        (b't', 2) => is(b"te"),
        (b't', 7) => is(b"trailer"),
        (b't', 17) => is(b"transfer-encoding"),
        (b'u', 7) => is(b"upgrade"),
        (b'v', 3) => is(b"via"),
        (b'x', 12) => is(b"x-powered-by"),
        (b'x', 14) => is(b"x-should-retry"), // what was tried here decides, and is said by the gateway
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(lines: &[(&str, &str)]) -> String {
        let head = ResponseHead::from_parts(200, lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let mut out = Vec::new();
        forward_lines(&head, false, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn what_a_caller_reads_passes_as_it_came() {
        let lines = [
            ("X-Request-Id", "req_1"),
            ("Retry-After", "3"),
            ("retry-after-ms", "3000"),
            ("x-ratelimit-remaining-tokens", "5"),
            ("openai-processing-ms", "12"),
            ("openai-version", "2020-10-01"),
            ("Content-Type", "application/json"),
            ("content-encoding", "gzip"),
            ("content-disposition", "attachment"),
            ("cache-control", "no-store"),
        ];
        let expected = lines.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
        assert_eq!(forwarded(&lines), expected);
    }

    #[test]
    fn the_providers_rate_limits_stay_where_the_caller_has_its_own() {
        let lines = [("X-RateLimit-Remaining-Tokens", "5"), ("x-ratelimit-limit-requests", "9"), ("retry-after", "3")];
        let head = ResponseHead::from_parts(200, lines.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let mut out = Vec::new();
        forward_lines(&head, true, &mut out);
        assert_eq!(out, b"retry-after: 3\r\n");
    }

    #[test]
    fn what_belongs_to_the_provider_stays() {
        for name in [
            "Connection",
            "Keep-Alive",
            "Proxy-Authenticate",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "Content-Length",
            "Date",
            "Set-Cookie",
            "Set-Cookie2",
            "Server",
            "Via",
            "Alt-Svc",
            "Strict-Transport-Security",
            "X-Powered-By",
            "X-Should-Retry",
            "CF-Ray",
            "cf-cache-status",
            "OpenAI-Organization",
            "OpenAI-Project",
            "Anthropic-Organization-Id",
            "Headgate-Request-Id",
            "Access-Control-Allow-Origin",
            "NEL",
            "Report-To",
            "Reporting-Endpoints",
            "Clear-Site-Data",
            "X-Envoy-Upstream-Service-Time",
        ] {
            assert_eq!(forwarded(&[(name, "x")]), "", "{name}");
        }
    }

    #[test]
    fn lines_that_connection_names_stay() {
        assert_eq!(forwarded(&[("X-Hop", "1"), ("Connection", "close, x-hop"), ("X-End", "2")]), "X-End: 2\r\n");
    }
}
