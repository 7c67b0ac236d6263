//! The line table of a head, and the few fields that decide its framing.

use crate::body::Framing;
use crate::head::Span;
use crate::refusal::Refusal;

/// A field that may stand there once.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Once<'a> {
    #[default]
    Absent,
    Value(&'a [u8]),
    Repeated,
}

impl<'a> Once<'a> {
    fn see(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::Absent => Self::Value(value),
            Self::Value(_) | Self::Repeated => Self::Repeated,
        };
    }
}

/// The fields that the codec itself understands.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    pub(crate) host: Once<'a>,
    length: Once<'a>,
    coding: Once<'a>,
    close: bool,
    keep_alive: bool,
    pub(crate) expect: Expect,
}

/// What the sender waits for before it sends a body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Expect {
    #[default]
    Nothing,
    Continue,
    /// Anything else.
    Unknown,
}

/// The line table over `head`, and what its fields say. `headers` are slices of `head`.
pub(crate) fn survey<'a>(head: &[u8], headers: &[httparse::Header<'a>]) -> (Vec<(Span, Span)>, Fields<'a>) {
    let mut fields = Fields::default();
    let mut lines = Vec::with_capacity(headers.len());
    for header in headers {
        fields.see(header.name.as_bytes(), header.value);
        lines.push((Span::within(head, header.name.as_bytes()), Span::within(head, header.value)));
    }
    (lines, fields)
}

impl<'a> Fields<'a> {
    fn see(&mut self, name: &[u8], value: &'a [u8]) {
        let is = |field: &str| name.eq_ignore_ascii_case(field.as_bytes());
        match name.len() {
            4 if is("host") => self.host.see(value),
            6 if is("expect") => self.see_expect(value),
            10 if is("connection") => self.see_connection(value),
            14 if is("content-length") => self.length.see(value),
            17 if is("transfer-encoding") => self.coding.see(value),
            _ => {}
        }
    }

    fn see_expect(&mut self, value: &[u8]) {
        self.expect = match self.expect {
            Expect::Nothing | Expect::Continue if value.eq_ignore_ascii_case(b"100-continue") => Expect::Continue,
            _ => Expect::Unknown,
        };
    }

    fn see_connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Whether the connection stays open after the message. Source: RFC 9112, 9.3.
    pub(crate) fn keeps_alive(&self, minor: u8) -> bool {
        !self.close && (minor > 0 || self.keep_alive)
    }

    /// The stated framing; `None`: nothing is stated.
    ///
    /// Source: RFC 9112, 6.1 and 6.3. Departures: equal lengths are refused like unequal ones, and so is a length next
    /// to a coding, which a recipient may mend there; a length has no leading zeros, which some read as octal.
    pub(crate) fn framing(&self, minor: u8) -> Result<Option<Framing>, Refusal> {
        let coding = match (self.coding, self.length) {
            (Once::Absent, Once::Absent) => return Ok(None),
            (Once::Absent, Once::Repeated) => return Err(Refusal::ManyLengths),
            (Once::Absent, Once::Value(length)) => return parse_length(length).map(Some),
            (_, Once::Value(_) | Once::Repeated) => return Err(Refusal::LengthWithCoding),
            (Once::Repeated, Once::Absent) => return Err(Refusal::BadCoding),
            (Once::Value(coding), Once::Absent) => coding,
        };
        match coding.eq_ignore_ascii_case(b"chunked") {
            _ if minor == 0 => Err(Refusal::CodingInOldVersion),
            false => Err(Refusal::BadCoding),
            true => Ok(Some(Framing::Chunked)),
        }
    }
}

fn parse_length(text: &[u8]) -> Result<Framing, Refusal> {
    if text == b"0" {
        return Ok(Framing::Empty);
    }
    if !matches!(text.first(), Some(b'1'..=b'9')) {
        return Err(Refusal::BadLength);
    }
    let mut length: u64 = 0;
    for byte in text {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            _ => return Err(Refusal::BadLength),
        };
        length = length.checked_mul(10).and_then(|n| n.checked_add(digit)).ok_or(Refusal::BadLength)?;
    }
    Ok(Framing::Length(length))
}
