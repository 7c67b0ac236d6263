//! One pass over a `multipart/form-data` body (RFC 7578, framing of RFC 2046, section 5.1).
//!
//! Finds the parts `model` and `stream`; the content of all others is skipped, not copied. The body may be cut anywhere.
//! Strict where two readers could see two forms: lines end in CRLF, every part has one `content-disposition` with one
//! name, `model` and `stream` occur once and are plain text, the boundary stands on a line of its own.

mod header;
#[cfg(test)]
mod tests;

use crate::scan::{Fields, MAX_MODEL, Model, Peek};
use fault::{Fault, Kind};
use header::Part;
use memchr::{memchr, memmem, memrchr};
use std::ops::Range;

/// How many parts a form may have.
pub const MAX_PARTS: usize = 1024;

/// How many bytes the headers of one part may have.
pub const MAX_HEADERS: usize = 8192;

/// How many bytes of the needle a line end is.
const LINE_END: usize = 2;

/// Where in the form the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary, or in a part's content.
    Content,
    /// Behind a boundary: `--`, or spaces and a line end.
    Delimiter(Delimiter),
    /// In the headers of a part.
    Headers,
    /// Behind the last boundary: what follows is ignored.
    Epilogue,
}

/// How much of what follows a boundary has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Start,
    Dash,
    Padding,
    CarriageReturn,
}

/// The scan of one form. After a fault it must not be used again.
#[derive(Debug)]
pub struct Form {
    /// `\r\n--` and the boundary. A carriage return stands at its front and nowhere else.
    needle: Box<[u8]>,
    finder: memmem::Finder<'static>,
    state: State,
    /// How many bytes of the needle the earlier pieces ended with.
    matched: usize,
    /// Bytes of the pieces before this one.
    seen: u64,
    /// The part that the content belongs to; the preamble is skipped like a file.
    part: Part,
    parts: usize,
    /// Headers of the part, or the content of a part that is read.
    text: Vec<u8>,
    content_starts: u64,
    model: Option<Model>,
    stream: Option<bool>,
}

impl Form {
    /// A scan for the boundary that `content_type` names.
    ///
    /// Kinds: `MediaTypeUnsupported` for another type, `BadMultipart` for a boundary that is absent or wrong.
    pub fn new(content_type: &[u8]) -> Result<Self, Fault> {
        let boundary = header::boundary(content_type)?;
        let needle: Box<[u8]> = [b"\r\n--", boundary.as_slice()].concat().into();
        let finder = memmem::Finder::new(&needle).into_owned();
        Ok(Self {
            needle,
            finder,
            state: State::Content,
            matched: LINE_END, // the first boundary may stand at the very front, as if a line had ended there
            seen: 0,
            part: Part::Skipped,
            parts: 0,
            text: Vec::new(),
            content_starts: 0,
            model: None,
            stream: None,
        })
    }

    /// Looks at the next piece, which may be empty.
    ///
    /// Kinds: `BadMultipart` (names the byte), `DuplicateKey`, `BodyNotUtf8`, `ModelInvalid` (for `stream` too).
    pub fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        let mut at = 0;
        while at < piece.len() {
            at = match self.state {
                State::Content => self.content(piece, at)?,
                State::Delimiter(so_far) => self.delimiter(piece[at], at, so_far)?,
                State::Headers => self.headers(piece, at)?,
                State::Epilogue => piece.len(),
            };
        }
        self.seen += piece.len() as u64;
        Ok(())
    }

    /// Ends the scan. Kinds: those of [`Form::fields`], and `ModelMissing`.
    pub fn finish(self) -> Result<Peek, Fault> {
        self.fields()?.into_peek()
    }

    /// Ends the scan where the model may be absent. Kinds: `BadMultipart` when the last boundary is missing.
    pub fn fields(self) -> Result<Fields, Fault> {
        match self.state {
            State::Epilogue => {
                Ok(Fields { model: self.model, stream: self.stream.unwrap_or(false), ..Fields::default() })
            }
            State::Content | State::Delimiter(_) | State::Headers if self.seen == 0 => {
                Err(bad("the body is empty: send the form"))
            }
            State::Content | State::Delimiter(_) | State::Headers => Err(bad("the form ends before its last boundary")),
        }
    }

    /// Goes on with content up to the next boundary, or to the end of the piece.
    fn content(&mut self, piece: &[u8], at: usize) -> Result<usize, Fault> {
        let rest = &piece[at..];
        if self.matched > 0 {
            let missing = &self.needle[self.matched..];
            let common = missing.iter().zip(rest).take_while(|(a, b)| a == b).count();
            if common == missing.len() {
                return self.end_part(at + common, self.position(at) + common as u64);
            }
            if common == rest.len() {
                self.matched += common;
                return Ok(piece.len());
            }
            // No boundary after all. What looked like one holds no other carriage return, so none begins within it.
            let looked_like = std::mem::take(&mut self.matched);
            if self.part != Part::Skipped {
                let before = usize::try_from(self.position(at) - self.content_starts).unwrap_or(usize::MAX);
                let content = self.needle[looked_like.saturating_sub(before)..looked_like].to_vec();
                self.keep(&content)?;
                self.keep(&rest[..common])?;
            }
            return Ok(at + common);
        }
        if let Some(found) = self.finder.find(rest) {
            self.keep(&rest[..found])?;
            let end = at + found + self.needle.len();
            return self.end_part(end, self.position(end));
        }
        let tail = rest.len().saturating_sub(self.needle.len() - 1);
        let held = memrchr(b'\r', &rest[tail..]).map(|offset| &rest[tail + offset..]);
        self.matched = held.filter(|held| self.needle.starts_with(held)).map_or(0, <[u8]>::len);
        self.keep(&rest[..rest.len() - self.matched])?;
        Ok(piece.len())
    }

    /// Keeps content of a part that is read; skips all other.
    fn keep(&mut self, content: &[u8]) -> Result<(), Fault> {
        if self.part == Part::Skipped {
            return Ok(());
        }
        if self.text.len() + content.len() > MAX_MODEL {
            return Err(invalid(self.part, "is longer than 256 bytes"));
        }
        self.text.extend_from_slice(content);
        Ok(())
    }

    /// A boundary has ended at `at`, which is byte `end` of the body.
    fn end_part(&mut self, at: usize, end: u64) -> Result<usize, Fault> {
        self.matched = 0;
        self.state = State::Delimiter(Delimiter::Start);
        let range = self.content_starts..end.saturating_sub(self.needle.len() as u64);
        if self.parts > 0 && range.end < range.start {
            return Err(self.broken(at, "a boundary follows the headers of a part without a line end of its own"));
        }
        match std::mem::replace(&mut self.part, Part::Skipped) {
            Part::Skipped => {}
            Part::Model => self.end_model(range)?,
            Part::Stream => self.stream = Some(self.truth()?),
        }
        self.text.clear();
        Ok(at)
    }

    fn end_model(&mut self, range: Range<u64>) -> Result<(), Fault> {
        let Ok(name) = std::str::from_utf8(&self.text) else {
            return Err(Fault::new(Kind::BodyNotUtf8, "the field `model` is not valid UTF-8").at("model"));
        };
        if name.is_empty() {
            return Err(invalid(Part::Model, "is empty: name the model to call"));
        }
        if name.contains(|character: char| character.is_ascii_control()) {
            return Err(invalid(Part::Model, "holds a control character"));
        }
        self.model = Some(Model { name: name.to_owned(), range });
        Ok(())
    }

    fn truth(&self) -> Result<bool, Fault> {
        match self.text.as_slice() {
            b"true" | b"True" | b"1" => Ok(true),
            b"false" | b"False" | b"0" | b"" => Ok(false),
            _ => Err(invalid(Part::Stream, "must be true or false")),
        }
    }

    /// One byte behind a boundary.
    fn delimiter(&mut self, byte: u8, at: usize, so_far: Delimiter) -> Result<usize, Fault> {
        self.state = match (so_far, byte) {
            (Delimiter::Start, b'-') => State::Delimiter(Delimiter::Dash),
            (Delimiter::Dash, b'-') => State::Epilogue,
            (Delimiter::Start | Delimiter::Padding, b' ' | b'\t') => State::Delimiter(Delimiter::Padding),
            (Delimiter::Start | Delimiter::Padding, b'\r') => State::Delimiter(Delimiter::CarriageReturn),
            (Delimiter::CarriageReturn, b'\n') => self.begin_part()?,
            _ => return Err(self.broken(at, "a boundary does not stand alone on its line")),
        };
        Ok(at + 1)
    }

    fn begin_part(&mut self) -> Result<State, Fault> {
        if self.parts == MAX_PARTS {
            return Err(bad(format!("the form has more than {MAX_PARTS} parts")));
        }
        self.parts += 1;
        Ok(State::Headers)
    }

    /// Goes on with the headers of a part, line by line, up to the empty one.
    fn headers(&mut self, piece: &[u8], at: usize) -> Result<usize, Fault> {
        let rest = &piece[at..];
        let line = memchr(b'\n', rest).map_or(rest, |end| &rest[..=end]);
        if self.text.len() + line.len() > MAX_HEADERS {
            let first_too_many = at + MAX_HEADERS - self.text.len();
            return Err(self.broken(first_too_many, "the headers of a part are longer than 8192 bytes"));
        }
        self.text.extend_from_slice(line);
        let end = at + line.len();
        if self.text == b"\r\n" {
            return Err(self.broken(end - 1, "a part has no headers, so no name"));
        }
        if self.text.ends_with(b"\r\n\r\n") {
            let part = header::part(&self.text[..self.text.len() - 2]).map_err(|what| self.broken(end - 1, what))?;
            self.text.clear();
            self.begin_content(part, self.position(end))?;
        }
        Ok(end)
    }

    /// A part's content begins at byte `start` of the body. A boundary right there would lack a line end of its own; the
    /// one before it counts as matched, so that such a boundary is seen and refused, since some readers accept it.
    fn begin_content(&mut self, part: Part, start: u64) -> Result<(), Fault> {
        let twice = match part {
            Part::Skipped => false,
            Part::Model => self.model.is_some(),
            Part::Stream => self.stream.is_some(),
        };
        if twice {
            let sentence = format!("the field `{}` occurs twice in the form: send it once", part.name());
            return Err(Fault::new(Kind::DuplicateKey, sentence).at(part.name()));
        }
        self.part = part;
        self.content_starts = start;
        self.matched = LINE_END;
        self.state = State::Content;
        Ok(())
    }

    fn position(&self, at: usize) -> u64 {
        self.seen + at as u64
    }

    fn broken(&self, at: usize, what: &str) -> Fault {
        bad(format!("the form does not hold together: {what} (byte {})", self.position(at)))
    }
}

fn bad(sentence: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Kind::BadMultipart, sentence)
}

fn invalid(part: Part, what: &str) -> Fault {
    Fault::new(Kind::ModelInvalid, format!("the field `{}` {what}", part.name())).at(part.name())
}
