//! Encoders: each appends to a buffer that the caller sends.
//!
//! Names and values come from heads that were parsed, or from the policy, which was checked: they hold nothing that
//! could break the framing, and are not looked at again. Targets may have been spelled by others and are encoded.

/// What ends a chunked body: the last chunk, no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// The interim answer that asks for the body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The first line of a request. `target` is given in parts, so that a base path need not be joined with a path first.
/// What cannot stand in a target is percent-encoded, what cannot stand in a method is left out.
pub fn request_line(out: &mut Vec<u8>, method: &[u8], target: &[&[u8]]) {
    push_checked(out, method, |_, _| ());
    out.push(b' ');
    for part in target {
        push_checked(out, part, |out, byte| {
            out.push(b'%');
            out.extend([byte >> 4, byte & 15].map(|half| HEX[half as usize].to_ascii_uppercase()));
        });
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
}

/// Appends visible ASCII as it is; any other byte is handed to `mend`.
fn push_checked(out: &mut Vec<u8>, bytes: &[u8], mend: impl Fn(&mut Vec<u8>, u8)) {
    if bytes.iter().all(u8::is_ascii_graphic) {
        return out.extend_from_slice(bytes);
    }
    for &byte in bytes {
        if byte.is_ascii_graphic() { out.push(byte) } else { mend(out, byte) }
    }
}

/// The first line of an answer; `status` is 100..=999.
pub fn status_line(out: &mut Vec<u8>, status: u16) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// One header line. Name and value hold no CR, LF or NUL: that of a parsed head cannot, and the policy's were checked.
pub fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    debug_assert!(
        memchr::memchr3(b'\r', b'\n', 0, name).is_none() && memchr::memchr3(b'\r', b'\n', 0, value).is_none()
    );
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// `content-length` of a body of `bytes` bytes.
pub fn content_length(out: &mut Vec<u8>, bytes: u64) {
    number(out, b"content-length", bytes);
}

/// One header line whose value is a number.
pub fn number(out: &mut Vec<u8>, name: &[u8], value: u64) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    decimal(out, value);
    out.extend_from_slice(b"\r\n");
}

/// `transfer-encoding: chunked`.
pub fn chunked(out: &mut Vec<u8>) {
    out.extend_from_slice(b"transfer-encoding: chunked\r\n");
}

/// The empty line that ends a head, or the data of a chunk.
pub fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

/// The line before the data of a chunk. `bytes` is not 0: that would be the last chunk. The data is followed by [`end`].
pub fn chunk_size(out: &mut Vec<u8>, bytes: usize) {
    digits::<16>(out, bytes as u64);
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal digits.
pub fn decimal(out: &mut Vec<u8>, number: u64) {
    digits::<10>(out, number);
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `number` in a base, which is at most 16.
#[allow(clippy::cast_possible_truncation, reason = "a remainder is below the base")]
fn digits<const BASE: u64>(out: &mut Vec<u8>, mut number: u64) {
    let mut room = [0; 20];
    let mut at = room.len();
    loop {
        at -= 1;
        room[at] = HEX[usize::from((number % BASE) as u8)];
        number /= BASE;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&room[at..]);
}

/// The usual words for a status; empty for one that has none. Source: the IANA registry of status codes, 2025-09.
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn heads_are_written_as_http_wants_them() {
        assert_eq!(
            written(|out| request_line(out, b"GET", &[b"/v1", b"/models?a=b"])),
            "GET /v1/models?a=b HTTP/1.1\r\n"
        );
        assert_eq!(written(|out| status_line(out, 200)), "HTTP/1.1 200 OK\r\n");
        assert_eq!(written(|out| status_line(out, 529)), "HTTP/1.1 529 \r\n");
        assert_eq!(written(|out| line(out, b"x-a", b"")), "x-a: \r\n");
        assert_eq!(written(chunked), "transfer-encoding: chunked\r\n");
        assert_eq!(written(end), "\r\n");
    }

    #[test]
    fn numbers_are_written_up_to_their_largest() {
        assert_eq!(written(|out| content_length(out, 0)), "content-length: 0\r\n");
        assert_eq!(written(|out| content_length(out, u64::MAX)), "content-length: 18446744073709551615\r\n");
        assert_eq!(written(|out| chunk_size(out, 0xBEEF)), "beef\r\n");
        assert_eq!(written(|out| chunk_size(out, usize::MAX)), format!("{:x}\r\n", usize::MAX));
    }

    #[test]
    fn what_would_break_the_framing_of_a_first_line_is_left_out_or_encoded() {
        assert_eq!(written(|out| request_line(out, b"GET", &[b"/a b\r\n\xE9"])), "GET /a%20b%0D%0A%E9 HTTP/1.1\r\n");
        assert_eq!(written(|out| request_line(out, b"G E\r\nT", &[b"/"])), "GET / HTTP/1.1\r\n");
    }
}
