//! Requests as bytes, made once.

use crate::json;
use crate::spec::{Call, Calls, Spec};
use http1::write;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Head and body, one behind the other.
    pub(crate) bytes: Vec<u8>,
    pub(crate) about: About,
}

/// What an answer is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) kind: Kind,
    /// Whether the call asks for an event stream.
    pub(crate) streams: bool,
}

/// What is spoken at a path, as far as a load needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Chat,
    Completions,
    Responses,
    /// Something whose streams have no end that is known here.
    Other,
}

impl Kind {
    pub(crate) fn of(path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        match path {
            path if path.ends_with("/chat/completions") => Self::Chat,
            path if path.ends_with("/completions") => Self::Completions,
            path if path.ends_with("/responses") => Self::Responses,
            _ => Self::Other,
        }
    }
}

/// Makes requests of one load.
#[derive(Debug)]
pub(crate) struct Heads<'a> {
    base_path: &'a str,
    authority: &'a str,
    headers: &'a [(String, String)],
}

impl<'a> Heads<'a> {
    /// Refuses header lines that would break the framing; the sentence names them.
    pub(crate) fn new(base_path: &'a str, authority: &'a str, spec: &'a Spec) -> Result<Self, String> {
        check("headers", &spec.headers)?;
        if let Calls::Each { calls } = &spec.calls {
            calls
                .iter()
                .enumerate()
                .try_for_each(|(n, call)| check(&format!("calls.calls.{n}.headers"), &call.headers))?;
        }
        if let Calls::Same { call } = &spec.calls {
            check("calls.call.headers", &call.headers)?;
        }
        Ok(Self { base_path, authority, headers: &spec.headers })
    }

    /// A whole request.
    pub(crate) fn request(&self, call: &Call) -> Prepared {
        let mut bytes = self.open(&call.path, &call.headers);
        write::content_length(&mut bytes, call.body.len() as u64);
        write::end(&mut bytes);
        bytes.extend_from_slice(call.body.as_bytes());
        let streams = json::STREAM.value(call.body.as_bytes()).is_some_and(|value| value.starts_with(b"true"));
        Prepared { bytes, about: About { kind: Kind::of(&call.path), streams } }
    }

    /// A head without `content-length` and without its end. A line of the call takes the place of one of the load, and
    /// either that of ours.
    pub(crate) fn open(&self, path: &str, own: &[(String, String)]) -> Vec<u8> {
        let mut out = Vec::new();
        write::request_line(&mut out, b"POST", &[self.base_path.as_bytes(), path.as_bytes()]);
        let is_stated =
            |lines: &[(String, String)], name: &str| lines.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let ours = [("host", self.authority), ("user-agent", "headgate-load"), ("content-type", "application/json")];
        for (name, value) in ours {
            if !is_stated(self.headers, name) && !is_stated(own, name) {
                write::line(&mut out, name.as_bytes(), value.as_bytes());
            }
        }
        let kept = self.headers.iter().filter(|(name, _)| !is_stated(own, name));
        for (name, value) in kept.chain(own) {
            write::line(&mut out, name.as_bytes(), value.as_bytes());
        }
        out
    }
}

fn check(place: &str, lines: &[(String, String)]) -> Result<(), String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    for (name, value) in lines {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("{place}: {name:?} is no name of a header"));
        }
        if value.bytes().any(|byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
            return Err(format!("{place}: the value of {name} holds a control character"));
        }
        if ["content-length", "transfer-encoding", "connection"].iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return Err(format!("{place}: {name} is the engine's own"));
        }
    }
    Ok(())
}

/// A range of prepared requests, one after the other and again from the first.
pub(crate) fn turn(prepared: &[Prepared], call: u64) -> Option<&Prepared> {
    let turn = call % (prepared.len() as u64).max(1);
    prepared.get(usize::try_from(turn).unwrap_or(0))
}
