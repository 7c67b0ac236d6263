//! Which of the caller's header lines go on to the provider.
//!
//! What is not listed passes: SDKs and providers agree on headers that a gateway does not know. Listed are what belongs
//! to the caller's connection, what identifies the caller or where it came from, credentials of any provider, and what
//! would choose whose account pays.

use crate::lines::ProviderLines;
use http1::RequestHead;

/// What was seen of the caller's lines on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The caller names its program.
    pub(crate) user_agent: bool,
}

/// Calls `take` with each line that goes on, in order.
pub(crate) fn for_each<'h>(
    head: &'h RequestHead,
    provider: &ProviderLines,
    mut take: impl FnMut(&'h [u8], &'h [u8]),
) -> Seen {
    let named = Named::of(head);
    let mut seen = Seen { user_agent: false };
    for (name, value) in head.headers.iter() {
        if stays(name) || named.holds(name) || provider.owns(name) {
            continue;
        }
        seen.user_agent |= name.len() == 10 && name.eq_ignore_ascii_case(b"user-agent");
        take(name, value);
    }
    seen
}

/// Calls `take` with each of the caller's lines that goes on whichever provider is called, in order. A provider's own
/// lines may still take the place of some.
pub fn forwarded<'h>(head: &'h RequestHead, mut take: impl FnMut(&'h [u8], &'h [u8])) {
    let named = Named::of(head);
    let goes = |name: &[u8]| !stays(name) && !named.holds(name);
    head.headers.iter().filter(|(name, _)| goes(name)).for_each(|(name, value)| take(name, value));
}

/// The lines that `Connection` names, besides its own words.
struct Named<'h> {
    head: Option<&'h RequestHead>,
}

impl<'h> Named<'h> {
    fn of(head: &'h RequestHead) -> Self {
        let plain = |value: &[u8]| value.eq_ignore_ascii_case(b"keep-alive") || value.eq_ignore_ascii_case(b"close");
        let names = head.headers.all("connection").any(|value| !plain(value));
        Self { head: names.then_some(head) }
    }

    fn holds(&self, name: &[u8]) -> bool {
        self.head.is_some_and(|head| is_named(head, name))
    }
}

// Few callers name a line; those that do not should not even pay for a call.
#[cold]
fn is_named(head: &RequestHead, name: &[u8]) -> bool {
    head.headers.all("connection").any(|value| lists(value, name))
}

/// Whether a comma-separated `list` holds `name`, without regard to case.
pub(crate) fn lists(list: &[u8], name: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|token| token.trim_ascii().eq_ignore_ascii_case(name))
}

/// Whether a line of this name stays here: whole families, then single names. First letter and length leave one
/// comparison for most names.
fn stays(name: &[u8]) -> bool {
    let Some(first) = name.first() else { return true };
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    let first = first.to_ascii_lowercase();
    let family: &[u8] = match first {
        b'c' => b"cf-",
        b'h' => b"headgate-",
        b'p' => b"proxy-",
        b's' => b"sec-",
        b'x' => b"x-forwarded-",
        _ => b"",
    };
    if !family.is_empty() && name.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family)) {
        return true;
    }
    match (first, name.len()) {
        (b'a', 7) => is(b"api-key"),
        (b'a', 13) => is(b"authorization"),
        (b'a', 15) => is(b"accept-encoding"),
        (b'b', 7) => is(b"baggage"),
        (b'c', 6) => is(b"cookie"),
        (b'c', 7) => is(b"cookie2"),
        (b'c', 10) => is(b"connection"),
        (b'c', 14) => is(b"content-length"),
        (b'e', 6) => is(b"expect"),
        (b'f', 9) => is(b"forwarded"),
        (b'h', 4) => is(b"host"),
        (b'h', 14) => is(b"http2-settings"),
        (b'k', 10) => is(b"keep-alive"),
        (b'o', 6) => is(b"origin"),
        (b'o', 14) => is(b"openai-project"),
        (b'o', 19) => is(b"openai-organization"),
        (b'o', 25) => is(b"ocp-apim-subscription-key"),
        (b'r', 7) => is(b"referer"),
        (b't', 2) => is(b"te"),
        (b't', 7) => is(b"trailer"),
        (b't', 14) => is(b"true-client-ip"),
        (b't', 17) => is(b"transfer-encoding"),
        (b'u', 7) => is(b"upgrade"),
        (b'v', 3) => is(b"via"),
        (b'x', 9) => is(b"x-api-key") || is(b"x-real-ip"),
        (b'x', 11) => is(b"x-client-ip"),
        (b'x', 14) => is(b"x-goog-api-key"),
        (b'x', 19) => is(b"x-goog-user-project"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAY: &[&str] = &[
        "Host",
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "Content-Length",
        "Expect",
        "Authorization",
        "X-Api-Key",
        "Api-Key",
        "X-Goog-Api-Key",
        "Ocp-Apim-Subscription-Key",
        "Cookie",
        "Cookie2",
        "Accept-Encoding",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "Via",
        "Headgate-Translation",
        "Origin",
        "Referer",
        "Sec-Fetch-Mode",
        "Sec-WebSocket-Key",
        "Baggage",
        "HTTP2-Settings",
        "Proxy-X",
        "CF-Ray-Ids",
        "Headgate-Trans",
        "X-Forwarded-X",
        "OpenAI-Organization",
        "OpenAI-Project",
        "X-Goog-User-Project",
        "",
    ];

    const GO: &[&str] = &[
        "Content-Type",
        "Accept",
        "User-Agent",
        "X-Stainless-Lang",
        "X-Request-Id",
        "Idempotency-Key",
        "traceparent",
        "tracestate",
        "OpenAI-Beta",
        "anthropic-beta",
        "x-sim-status",
        "Accept-Language",
        "hosts",
        "X",
        "Tea",
    ];

    #[test]
    fn the_list_is_known_in_any_case() {
        for name in STAY {
            for name in [(*name).to_owned(), name.to_lowercase(), name.to_uppercase()] {
                assert!(stays(name.as_bytes()), "{name}");
            }
        }
        for name in GO {
            assert!(!stays(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn a_list_is_searched_token_by_token() {
        assert!(lists(b"close, X-Secret ,te", b"x-secret"));
        assert!(!lists(b"x-secret-2", b"x-secret"));
    }
}
