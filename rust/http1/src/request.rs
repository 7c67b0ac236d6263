//! Reading the head of a request.

use crate::body::Framing;
use crate::extent::{self, Room};
use crate::fields::{Expect, survey};
use crate::head::{Headers, RequestHead, Span};
use crate::refusal::Refusal;
use crate::target::{self, Target};
use crate::{Limits, diagnose};
use bytes::BytesMut;
use std::mem::MaybeUninit;

/// A request up to its body.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method, target and header lines. An absolute target has become its path.
    pub head: RequestHead,
    /// How the body is delimited; never [`Framing::UntilClose`].
    pub framing: Framing,
    /// Whether the caller wants to use the connection again.
    pub keep_alive: bool,
    /// Whether the caller waits for `100 Continue` before it sends the body. Never without a body, never in HTTP/1.0.
    pub expects_continue: bool,
    /// The version: HTTP/1.`minor`, 0 or 1.
    pub minor: u8,
}

/// Takes a complete head off the front of `buffer`; `None`: more bytes are needed. Cheap to call again as bytes arrive.
///
/// One empty line before the request is skipped, as RFC 9112, 2.2, asks for the sake of old clients; a second is
/// refused. `Upgrade` is ignored: what follows the head is the body or the next request.
///
/// Refusals: all but those of answers and chunks.
pub fn read_request(buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Request>, Refusal> {
    let Some(skip) = check_start(buffer)? else { return Ok(None) };
    let lines = limits.lines.min(Limits::MAX_LINES);
    let room = Room {
        head_bytes: limits.head_bytes,
        lines,
        first_line: limits.target_bytes + Limits::METHOD_BYTES + "  HTTP/1.1\r\n".len(),
        first_line_refusal: Refusal::TargetTooLong(limits.target_bytes),
    };
    let Some(end) = extent::find(buffer, skip, &room)? else { return Ok(None) };
    let parsed = parse(&buffer[..end], skip, limits)?;
    let bytes = buffer.split_to(end).freeze();
    Ok(Some(parsed.over(bytes)))
}

/// How many bytes of an empty line to skip; `None`: too few bytes to say.
fn check_start(buffer: &[u8]) -> Result<Option<usize>, Refusal> {
    let (skip, first) = match buffer {
        [] | [b'\r'] | [b'\r', b'\n'] => return Ok(None),
        [b'\r', b'\n', first, ..] => (2, first),
        [first, ..] => (0, first),
    };
    match first {
        b'\r' | b'\n' if skip > 0 => Err(Refusal::EmptyLines),
        b'\r' => Err(Refusal::BareCarriageReturn(1)),
        b'\n' => Err(Refusal::BareLineFeed(1)),
        &first if diagnose::is_token_byte(first) => Ok(Some(skip)),
        _ => Err(Refusal::NotHttp),
    }
}

/// What is known of a head before it is taken off the buffer.
struct Parsed {
    method: Span,
    target: Target,
    lines: Vec<(Span, Span)>,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
    minor: u8,
}

fn parse(head: &[u8], skip: usize, limits: &Limits) -> Result<Parsed, Refusal> {
    let mut room = [const { MaybeUninit::uninit() }; Limits::MAX_LINES];
    let mut request = httparse::Request::new(&mut []);
    let outcome = request.parse_with_uninit_headers(&head[skip..], &mut room);
    let (Ok(httparse::Status::Complete(_)), Some(method), Some(target), Some(minor)) =
        (outcome, request.method, request.path, request.version)
    else {
        return Err(diagnose::request(&head[skip..]));
    };
    let (method, target) = (method.as_bytes(), target.as_bytes());
    if method.len() > Limits::METHOD_BYTES {
        return Err(Refusal::MethodTooLong);
    }
    if target.len() > limits.target_bytes {
        return Err(Refusal::TargetTooLong(limits.target_bytes));
    }
    let (lines, fields) = survey(head, request.headers);
    let host = target::check_host(fields.host, minor)?;
    let target = target::read(head, method, target, host)?;
    let framing = fields.framing(minor)?.unwrap_or(Framing::Empty);
    if fields.expect == Expect::Unknown {
        return Err(Refusal::Expectation);
    }
    Ok(Parsed {
        method: Span::within(head, method),
        target,
        lines,
        framing,
        keep_alive: fields.keeps_alive(minor),
        expects_continue: fields.expect == Expect::Continue && minor > 0 && framing != Framing::Empty,
        minor,
    })
}

impl Parsed {
    fn over(self, bytes: bytes::Bytes) -> Request {
        let Self { method, target, lines, framing, keep_alive, expects_continue, minor } = self;
        let headers = Headers::new(bytes.clone(), lines);
        let head = match target {
            Target::There(target) => RequestHead { bytes, method, target, headers },
            Target::Query(query) => {
                let target = [b"/", query.of(&bytes)].concat();
                RequestHead::from_parts(method.of(&bytes), &target, headers.iter())
            }
        };
        Request { head, framing, keep_alive, expects_continue, minor }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn read(bytes: &str) -> Result<Option<Request>, Refusal> {
        read_request(&mut BytesMut::from(bytes), &Limits::default())
    }

    fn accepted(bytes: &str) -> Request {
        read(bytes).unwrap().unwrap()
    }

    #[test]
    fn a_head_is_taken_off_the_buffer_without_a_copy() {
        let mut buffer = BytesMut::from("POST /v1/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        let range = buffer.as_ptr_range();
        let request = read_request(&mut buffer, &Limits::default()).unwrap().unwrap();
        assert_eq!(
            (request.head.method(), request.head.path(), request.head.query()),
            (&b"POST"[..], &b"/v1/x"[..], &b"?y"[..])
        );
        assert_eq!((request.framing, request.minor, request.keep_alive), (Framing::Length(5), 1, true));
        assert_eq!(request.head.headers.get("host"), Some(&b"a"[..]));
        assert!(range.contains(&request.head.target().as_ptr()));
        assert!(range.contains(&request.head.headers.iter().next().unwrap().0.as_ptr()));
        assert_eq!(buffer, "hello");
    }

    #[test]
    fn an_incomplete_head_leaves_the_buffer_alone() {
        let whole = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
        for end in 0..whole.len() {
            let mut buffer = BytesMut::from(&whole[..end]);
            assert!(read_request(&mut buffer, &Limits::default()).unwrap().is_none(), "{end}");
            assert_eq!(buffer, &whole[..end]);
        }
        assert_eq!(accepted(whole).head.target(), b"/");
    }

    #[test]
    fn absolute_targets_become_paths() {
        for (target, path) in [("http://a/b?c", "/b?c"), ("http://a", "/"), ("HTTPS://A?c", "/?c"), ("http://a/", "/")]
        {
            let request = accepted(&format!("GET {target} HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"));
            assert_eq!(request.head.target(), path.as_bytes(), "{target}");
            assert_eq!(request.head.method(), b"GET");
            assert_eq!(request.head.headers.get("x"), Some(&b"y"[..]));
        }
    }

    #[test]
    fn the_connection_stays_open_as_the_version_and_the_options_say() {
        for (minor, lines, stays) in [
            (1, "", true),
            (1, "Connection: close\r\n", false),
            (1, "Connection: x, CLOSE\r\n", false),
            (1, "Connection: keep-alive\r\nConnection: close\r\n", false),
            (1, "Connection: closed\r\n", true),
            (0, "", false),
            (0, "Connection: Keep-Alive\r\n", true),
            (0, "Connection: keep-alive, close\r\n", false),
        ] {
            let request = accepted(&format!("GET / HTTP/1.{minor}\r\nHost: a\r\n{lines}\r\n"));
            assert_eq!((request.keep_alive, request.minor), (stays, minor), "{minor} {lines}");
        }
    }

    #[test]
    fn only_a_caller_that_has_a_body_to_send_is_told_to_go_on() {
        for (minor, length, expects) in [(1, 5, true), (1, 0, false), (0, 5, false)] {
            let head =
                format!("POST / HTTP/1.{minor}\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: {length}\r\n\r\n");
            assert_eq!(accepted(&head).expects_continue, expects, "{head}");
        }
    }

    #[test]
    fn a_head_of_exactly_the_limit_is_taken_and_one_byte_more_is_refused_before_its_end() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: yyyyyyyyyyyyyyyyyyyyy\r\n\r\n";
        let limits = |head_bytes| Limits { head_bytes, ..Limits::default() };
        let read = |bytes: &str, limit| read_request(&mut BytesMut::from(bytes), &limits(limit));
        assert!(read(head, head.len()).unwrap().is_some());
        assert_eq!(read(head, head.len() - 1).unwrap_err(), Refusal::HeadTooLarge(head.len() - 1));
        let most = head.len() - 4;
        assert_eq!(read(&head[..most], most).unwrap_err(), Refusal::HeadTooLarge(most));
        assert!(read(&head[..most - 1], most).unwrap().is_none());
    }

    #[test]
    fn a_target_that_never_ends_is_refused_as_such() {
        let endless = format!("GET /{}", "a".repeat(9000));
        assert_eq!(read(&endless).unwrap_err(), Refusal::TargetTooLong(8192));
    }

    #[test]
    fn no_limits_allow_more_lines_than_the_most() {
        let limits = Limits { lines: 1000, ..Limits::default() };
        let head = |lines: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(lines - 1));
        assert!(read_request(&mut BytesMut::from(head(256).as_str()), &limits).unwrap().is_some());
        let refusal = read_request(&mut BytesMut::from(head(257).as_str()), &limits).unwrap_err();
        assert_eq!(refusal, Refusal::TooManyLines(256));
    }

    #[test]
    fn a_refusal_says_which_line_is_wrong() {
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n").unwrap_err(), Refusal::SpaceBeforeColon(3));
        assert_eq!(read("GET / HTTP/1.1\r\nHost: a\r\nX: y\n\r\n").unwrap_err(), Refusal::BareLineFeed(3));
        assert_eq!(read("GET / HTTP/1.1\r\nHost: \0\r\n\r\n").unwrap_err(), Refusal::ControlCharacter(2));
    }
}
