//! Faults of the head: bytes that stand where a head should.

use super::Fault;
use crate::clock;
use crate::reply::Reply;
use bytes::Bytes;
use http1::write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Something that is not a head.
pub(super) fn garbage(form: &str) -> Bytes {
    Bytes::from_static(match form {
        "tls" => b"\x15\x03\x03\x00\x02\x02\x28",
        "binary" => b"\x00\x01\x02\xff\xfe\xfd\r\n\r\n",
        "status" => b"HTTP/1.1 OK 200\r\ncontent-length: 0\r\n\r\n",
        "version" => b"HTTP/9.9 200 OK\r\ncontent-length: 0\r\n\r\n",
        "blank-lines" => b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n",
        _ => b"this is not an answer\r\n\r\n",
    })
}

/// A head whose framing is ambiguous or ill-formed; the body that follows it is `length` bytes.
pub(super) fn ambiguous(form: &str, length: u64) -> Bytes {
    let lines = match form {
        "length-and-chunked" => format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        "bare-lf" => format!("content-length: {length}\nx-bare: 1\n"),
        "obs-fold" => format!("x-folded: a\r\n b\r\ncontent-length: {length}\r\n"),
        "space-before-colon" => format!("content-length : {length}\r\n"),
        "negative-length" => "content-length: -1\r\n".to_owned(),
        "length-list" => format!("content-length: {length}, {length}\r\n"),
        _ => format!("content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
    };
    Bytes::from(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{lines}\r\n"))
}

/// One interim answer.
pub(super) fn interim(code: u16) -> Bytes {
    let mut head = Vec::new();
    write::status_line(&mut head, code.clamp(100, 199));
    write::end(&mut head);
    Bytes::from(head)
}

/// Retry advice in each of its spellings, right and wrong.
pub(super) fn retry_after(fault: &Fault, reply: &mut Reply) {
    let seconds = fault.text("value").parse::<u64>().unwrap_or(1);
    let from_now = |seconds| clock::now().checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH);
    let (name, value) = match fault.text("as") {
        "fraction" => ("retry-after", format!("{seconds}.5")),
        "zero" => ("retry-after", "0".to_owned()),
        "negative" => ("retry-after", format!("-{seconds}")),
        "date" => ("retry-after", date(from_now(seconds))),
        "past-date" => ("retry-after", date(UNIX_EPOCH)),
        "obsolete-date" => ("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT".to_owned()),
        "year-2099" => ("retry-after", "Thu, 31 Dec 2099 23:59:59 GMT".to_owned()),
        "huge" => ("retry-after", "99999999999999999999".to_owned()),
        "junk" => ("retry-after", "in a while".to_owned()),
        "empty" => ("retry-after", String::new()),
        "ms" => ("retry-after-ms", format!("{}", seconds.saturating_mul(1000))),
        "ms-negative" => ("retry-after-ms", "-5".to_owned()),
        "ms-junk" => ("retry-after-ms", "soon".to_owned()),
        "ms-fraction" => ("retry-after-ms", "1.5".to_owned()),
        _ => ("retry-after", seconds.to_string()),
    };
    reply.set(name, value);
    if fault.text("as") == "two" {
        reply.headers.push(("retry-after".into(), "7".to_owned()));
    }
}

/// A time as an HTTP date.
pub(crate) fn date(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time)
        .ok()
        .and_then(|time| jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_spelled_as_http_wants_it() {
        assert_eq!(date(UNIX_EPOCH), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
