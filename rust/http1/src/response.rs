//! Reading the head of an answer.

use crate::body::Framing;
use crate::extent::{self, Room};
use crate::fields::survey;
use crate::head::{Headers, ResponseHead, Span};
use crate::refusal::Refusal;
use crate::{Limits, diagnose};
use bytes::BytesMut;
use std::mem::MaybeUninit;

/// An answer up to its body.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status and header lines; the reason phrase is dropped.
    pub head: ResponseHead,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the connection can be used again once the body has been read.
    pub keep_alive: bool,
}

/// Takes a complete head off the front of `buffer`; `None`: more bytes are needed. Cheap to call again as bytes arrive.
///
/// An interim answer (100 and 102..=199) is returned like any other, with [`Framing::Empty`]; the caller goes on to the
/// next one. 101 is refused. `to_head_request`: the request was HEAD, so that there is no body whatever the head says.
///
/// Refusals: all but those of the request line, the target, `Host`, `Expect` and chunks.
pub fn read_response(
    buffer: &mut BytesMut,
    to_head_request: bool,
    limits: &Limits,
) -> Result<Option<Response>, Refusal> {
    let known = buffer.len().min(START.len());
    if buffer[..known] != START[..known] {
        return Err(Refusal::BadStatusLine);
    }
    let room = Room {
        head_bytes: limits.head_bytes,
        lines: limits.lines.min(Limits::MAX_LINES),
        first_line: limits.head_bytes,
        first_line_refusal: Refusal::HeadTooLarge(limits.head_bytes),
    };
    let Some(end) = extent::find(buffer, 0, &room)? else { return Ok(None) };
    let parsed = parse(&buffer[..end], to_head_request)?;
    let bytes = buffer.split_to(end).freeze();
    let Parsed { status, lines, framing, keep_alive } = parsed;
    let head = ResponseHead { status, headers: Headers::new(bytes, lines) };
    Ok(Some(Response { head, framing, keep_alive }))
}

const START: &[u8] = b"HTTP/1.";

struct Parsed {
    status: u16,
    lines: Vec<(Span, Span)>,
    framing: Framing,
    keep_alive: bool,
}

fn parse(head: &[u8], to_head_request: bool) -> Result<Parsed, Refusal> {
    let mut room = [const { MaybeUninit::uninit() }; Limits::MAX_LINES];
    let mut response = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    let outcome = parser.parse_response_with_uninit_headers(&mut response, head, &mut room);
    let (Ok(httparse::Status::Complete(_)), Some(status), Some(minor)) = (outcome, response.code, response.version)
    else {
        return Err(diagnose::response(head));
    };
    if !(100..=599).contains(&status) {
        return Err(Refusal::BadStatus(status));
    }
    let (lines, fields) = survey(head, response.headers);
    let stated = fields.framing(minor)?;
    let framing = body_of(status, to_head_request, stated)?;
    // A body that is stated where none can be may be sent all the same: the connection is not trusted any further.
    let stray = status == 204 && !matches!(stated, None | Some(Framing::Empty));
    let keep_alive = fields.keeps_alive(minor) && framing != Framing::UntilClose && !stray;
    Ok(Parsed { status, lines, framing, keep_alive })
}

/// Source: RFC 9112, 6.3.
fn body_of(status: u16, to_head_request: bool, stated: Option<Framing>) -> Result<Framing, Refusal> {
    match status {
        101 => Err(Refusal::Upgraded),
        100..=199 => match stated {
            None | Some(Framing::Empty) => Ok(Framing::Empty),
            Some(_) => Err(Refusal::InterimBody),
        },
        204 | 304 => Ok(Framing::Empty),
        _ if to_head_request => Ok(Framing::Empty),
        _ => Ok(stated.unwrap_or(Framing::UntilClose)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn read(bytes: &str, to_head_request: bool) -> Result<Option<Response>, Refusal> {
        read_response(&mut BytesMut::from(bytes), to_head_request, &Limits::default())
    }

    #[test]
    fn the_body_is_delimited_by_status_method_and_head() {
        use Framing::{Chunked, Empty, Length, UntilClose};
        for (status, lines, to_head, framing, keep_alive) in [
            (200, "Content-Length: 5\r\n", false, Length(5), true),
            (200, "Content-Length: 0\r\n", false, Empty, true),
            (200, "Transfer-Encoding: chunked\r\n", false, Chunked, true),
            (200, "", false, UntilClose, false),
            (200, "Connection: keep-alive\r\n", false, UntilClose, false),
            (200, "Content-Length: 5\r\nConnection: close\r\n", false, Length(5), false),
            (200, "Content-Length: 5\r\n", true, Empty, true),
            (200, "", true, Empty, true),
            (304, "Content-Length: 5\r\n", false, Empty, true),
            (204, "", false, Empty, true),
            (204, "Content-Length: 0\r\n", false, Empty, true),
            (204, "Content-Length: 5\r\n", false, Empty, false),
            (204, "Transfer-Encoding: chunked\r\n", false, Empty, false),
            (100, "", false, Empty, true),
            (103, "Link: x\r\n", false, Empty, true),
        ] {
            let response = read(&format!("HTTP/1.1 {status} X\r\n{lines}\r\n"), to_head).unwrap().unwrap();
            assert_eq!((response.head.status, response.framing), (status, framing), "{status} {lines}");
            assert_eq!(response.keep_alive, keep_alive, "{status} {lines}");
        }
    }

    #[test]
    fn another_protocol_is_refused_at_its_first_bytes() {
        assert_eq!(read("H", false).unwrap().map(|_| ()), None);
        assert_eq!(read("HTTP/2", false).unwrap_err(), Refusal::BadStatusLine);
        assert_eq!(read("SSH-2.0", false).unwrap_err(), Refusal::BadStatusLine);
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        let endless = format!("HTTP/1.1 200 {}", "a".repeat(70_000));
        assert_eq!(read(&endless, false).unwrap_err(), Refusal::HeadTooLarge(65_536));
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(90)) + &"a".repeat(70_000);
        assert_eq!(read(&endless, false).unwrap_err(), Refusal::HeadTooLarge(65_536));
    }
}
