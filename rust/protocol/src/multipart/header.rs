//! The boundary in the content type, and the name in a part's headers.

use fault::{Fault, Kind};

/// What a part is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Content that nobody reads.
    Skipped,
    /// The field `model`.
    Model,
    /// The field `stream`.
    Stream,
}

impl Part {
    /// The field's name, for sentences.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Skipped => "file",
            Self::Model => "model",
            Self::Stream => "stream",
        }
    }
}

/// The boundary of a form. Source: RFC 2046, section 5.1.1: 1 to 70 characters of a small set, no space at the end.
pub(super) fn boundary(content_type: &[u8]) -> Result<Vec<u8>, Fault> {
    let (essence, parameters) = split_once(content_type, b';');
    if !essence.trim_ascii().eq_ignore_ascii_case(b"multipart/form-data") {
        return Err(Fault::new(
            Kind::MediaTypeUnsupported,
            "this path takes a form: send `content-type: multipart/form-data` with its boundary",
        ));
    }
    let bad = |sentence| Fault::new(Kind::BadMultipart, sentence);
    let boundary = parameter(parameters, b"boundary")
        .map_err(|()| bad("the content type's parameters cannot be read, or name the boundary twice"))?
        .ok_or_else(|| bad("the content type names no boundary"))?;
    let in_set = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    if boundary.is_empty() || boundary.len() > 70 || boundary.ends_with(b" ") || !boundary.iter().all(in_set) {
        return Err(bad("the boundary must be 1 to 70 letters, digits or '()+_,-./:=? and not end in a space"));
    }
    Ok(boundary)
}

/// What the part with these headers is; each line ends in CRLF, the empty line is left out. An error is a half sentence.
pub(super) fn part(headers: &[u8]) -> Result<Part, &'static str> {
    let mut disposition = None;
    let mut encoded = false;
    for line in headers.split_inclusive(|byte| *byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\r\n").filter(|line| !line.iter().copied().any(is_control)) else {
            return Err("a header of a part holds a control character or does not end in CRLF");
        };
        let (name, value) = split_once(line, b':');
        if name.len() == line.len() || name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
            return Err("a header of a part is folded or has no name");
        }
        if name.eq_ignore_ascii_case(b"content-disposition") && disposition.replace(value).is_some() {
            return Err("a part has two `content-disposition` headers");
        }
        encoded |= name.eq_ignore_ascii_case(b"content-transfer-encoding") && !is_identity(value);
    }
    let disposition = disposition.ok_or("a part has no `content-disposition` header, so no name")?;
    let part = named(disposition)?;
    if encoded && part != Part::Skipped {
        return Err("the fields `model` and `stream` must not have a transfer encoding");
    }
    Ok(part)
}

/// The part that a `content-disposition` names. Source: RFC 7578, sections 4.2 and 5.1.
fn named(disposition: &[u8]) -> Result<Part, &'static str> {
    const UNREADABLE: &str = "a `content-disposition` header cannot be read, or says something twice";
    let (kind, parameters) = split_once(disposition, b';');
    if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return Err("a part's `content-disposition` is not `form-data`");
    }
    if parameter(parameters, b"name*").map_err(|()| UNREADABLE)?.is_some() {
        return Err("a part's name is given as `name*`, which forms do not have");
    }
    let name = parameter(parameters, b"name").map_err(|()| UNREADABLE)?.ok_or("a part has no name")?;
    let part = match name.as_slice() {
        b"model" => Part::Model,
        b"stream" => Part::Stream,
        _ => return Ok(Part::Skipped),
    };
    let is_file = |key: &[u8]| parameter(parameters, key).map(|value| value.is_some()).map_err(|()| UNREADABLE);
    if is_file(b"filename")? || is_file(b"filename*")? {
        return Err("the fields `model` and `stream` must not be files");
    }
    Ok(part)
}

/// The value of one parameter of a list like `; a=b; c="d"`; an error when the list cannot be read or has it twice.
fn parameter(list: &[u8], wanted: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let mut found = None;
    let mut rest = list;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Ok(found);
        }
        let Some(equals) = rest.iter().position(|byte| matches!(byte, b'=' | b';')) else { return Err(()) };
        let key = rest[..equals].trim_ascii();
        if rest[equals] == b';' {
            if !key.is_empty() {
                return Err(());
            }
            rest = &rest[1..];
            continue;
        }
        let (value, after) = parameter_value(rest[equals + 1..].trim_ascii_start())?;
        if key.eq_ignore_ascii_case(wanted) && found.replace(value).is_some() {
            return Err(());
        }
        rest = after;
    }
}

/// A token or a quoted string, and what follows its semicolon. A backslash quotes the next character, but only where
/// that is a quote or a backslash: browsers write file names with bare ones.
fn parameter_value(rest: &[u8]) -> Result<(Vec<u8>, &[u8]), ()> {
    let Some(quoted) = rest.strip_prefix(b"\"") else {
        let (token, after) = split_once(rest, b';');
        let token = token.trim_ascii();
        return if token.iter().any(|byte| matches!(byte, b'"' | b' ' | b'\t')) {
            Err(())
        } else {
            Ok((token.to_vec(), after))
        };
    };
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match quoted.get(at..) {
            Some([b'"', after @ ..]) => {
                let after = after.trim_ascii_start();
                let after = if after.is_empty() { after } else { after.strip_prefix(b";").ok_or(())? };
                return Ok((value, after));
            }
            Some([b'\\', escaped @ (b'"' | b'\\'), ..]) => {
                value.push(*escaped);
                at += 2;
            }
            Some([byte, ..]) => {
                value.push(*byte);
                at += 1;
            }
            Some([]) | None => return Err(()),
        }
    }
}

fn is_identity(encoding: &[u8]) -> bool {
    [&b"7bit"[..], b"8bit", b"binary"].iter().any(|plain| encoding.trim_ascii().eq_ignore_ascii_case(plain))
}

/// What stands before and behind the first `separator`; all and nothing when there is none.
fn split_once(bytes: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == separator) {
        Some(place) => (&bytes[..place], &bytes[place + 1..]),
        None => (bytes, &[]),
    }
}

const fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}
