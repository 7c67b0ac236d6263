//! Says what is wrong with a head that did not parse. Only refused messages come here, so it may take its time.

use crate::refusal::Refusal;

/// What is wrong with the head of a request. All its lines end in CR LF.
pub(crate) fn request(head: &[u8]) -> Refusal {
    let first = first_line(head);
    if let Some(refusal) = control_character(first, 1) {
        return refusal;
    }
    let mut parts = first.split(|&byte| byte == b' ');
    let (method, target, version) = (parts.next(), parts.next(), parts.next());
    let shaped = method.is_some_and(is_token) && target.is_some_and(|target| !target.is_empty());
    match version {
        Some(version) if shaped && parts.next().is_none() => match version {
            b"HTTP/1.0" | b"HTTP/1.1" if target.is_some_and(|target| !target.is_ascii()) => Refusal::TargetCharacter,
            b"HTTP/1.0" | b"HTTP/1.1" => header_lines(head).unwrap_or(Refusal::BadRequestLine),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
                Refusal::Version
            }
            _ => Refusal::BadRequestLine,
        },
        _ => Refusal::BadRequestLine,
    }
}

/// What is wrong with the head of an answer. All its lines end in CR LF.
pub(crate) fn response(head: &[u8]) -> Refusal {
    let first = first_line(head);
    let well_begun = matches!(first, [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0' | b'1', b' ', a, b, c, rest @ ..]
        if [a, b, c].iter().all(|digit| digit.is_ascii_digit()) && matches!(rest, [] | [b' ', ..]));
    if let Some(refusal) = control_character(first, 1) {
        return refusal;
    }
    if well_begun { header_lines(head).unwrap_or(Refusal::BadStatusLine) } else { Refusal::BadStatusLine }
}

/// What is wrong with one header or trailer line, given without its line end.
pub(crate) fn header_line(line: &[u8], number: u32) -> Option<Refusal> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Some(Refusal::Folded(number));
    }
    let Some(colon) = memchr::memchr(b':', line) else {
        return Some(control_character(line, number).unwrap_or(Refusal::NoColon(number)));
    };
    let (name, value) = line.split_at(colon);
    if is_token(name) {
        return control_character(value, number);
    }
    Some(match name.trim_ascii_end() {
        shorter if shorter.len() < name.len() && is_token(shorter) => Refusal::SpaceBeforeColon(number),
        _ => control_character(name, number).unwrap_or(Refusal::BadName(number)),
    })
}

fn header_lines(head: &[u8]) -> Option<Refusal> {
    let lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.zip(1..).skip(1).filter(|(line, _)| !line.is_empty()).find_map(|(line, number)| header_line(line, number))
}

fn control_character(bytes: &[u8], line: u32) -> Option<Refusal> {
    let found = bytes.iter().find(|&&byte| byte.is_ascii_control() && byte != b'\t')?;
    Some(if *found == b'\r' { Refusal::BareCarriageReturn(line) } else { Refusal::ControlCharacter(line) })
}

fn first_line(head: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    head[..end].strip_suffix(b"\r").unwrap_or(&head[..end])
}

/// Whether these bytes are a token, which methods and header names are. Source: RFC 9110, 5.6.2.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
