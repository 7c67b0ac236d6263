//! One answer, judged while it comes.

use crate::events::{Care, Events};
use crate::expected::{Exact, Expected};
use crate::failure::{Failed, Failure, printable};
use crate::json::{self, Usage};
use crate::request::{About, Kind};
use crate::tally::Tally;

/// How much of a body is kept for an example.
const KEPT: usize = 300;

/// What an answer is taken for, once its head is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Json,
    Events,
    /// Of the wrong status or kind: read to its end and not looked at.
    Wrong(Failure),
}

/// The answer that a connection reads; one for all its calls, so that its memory is used again.
#[derive(Debug)]
pub(crate) struct Answer {
    shape: Shape,
    care: Care,
    pub(crate) status: u16,
    pub(crate) events: Events,
    /// When the first byte of the body came.
    first_byte: Option<u64>,
    /// A JSON body that came in pieces.
    body: Vec<u8>,
    excerpt: Vec<u8>,
    /// The raw text of a JSON answer.
    text: Vec<u8>,
    usage: Option<Usage>,
    /// How many bytes came, and whether they are those that were expected.
    length: usize,
    is_exact: bool,
    is_judged: bool,
    failed: Option<Failed>,
}

impl Default for Answer {
    fn default() -> Self {
        let about = About { kind: Kind::Other, streams: false };
        Self {
            shape: Shape::Json,
            care: Care { about, keep_text: false, parse: false },
            status: 0,
            events: Events::default(),
            first_byte: None,
            body: Vec::new(),
            excerpt: Vec::new(),
            text: Vec::new(),
            usage: None,
            length: 0,
            is_exact: true,
            is_judged: false,
            failed: None,
        }
    }
}

impl Answer {
    /// Forgets the answer before. Nothing has come yet.
    pub(crate) fn expect(&mut self, care: Care) {
        self.care = care;
        self.status = 0;
        (self.first_byte, self.usage, self.failed) = (None, None, None);
        (self.length, self.is_exact, self.is_judged) = (0, true, false);
        for memory in [&mut self.body, &mut self.excerpt, &mut self.text] {
            memory.clear();
        }
        self.events.reset();
    }

    /// Takes the head.
    pub(crate) fn begin(&mut self, status: u16, content_type: &[u8], expected: &Expected) {
        let is_stream = content_type.get(..17).is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"));
        self.status = status;
        self.shape = match (is_stream, self.care.about.streams) {
            _ if !expected.takes(status) => Shape::Wrong(Failure::Status),
            (true, true) => Shape::Events,
            // An error that is expected comes as JSON, whatever was asked for.
            (false, true) if status < 300 => Shape::Wrong(Failure::NotEvents),
            (true, false) => Shape::Wrong(Failure::NotJson),
            (false, _) => Shape::Json,
        };
    }

    /// Takes a piece of the body that came at `at`; `is_last`: the body is whole with it.
    pub(crate) fn piece(&mut self, piece: &[u8], is_last: bool, at: u64, judge: (&Expected, Option<&mut Tally>)) {
        let (expected, tally) = judge;
        self.first_byte.get_or_insert(at);
        if self.excerpt.len() < KEPT {
            self.excerpt.extend_from_slice(&piece[..piece.len().min(KEPT - self.excerpt.len())]);
        }
        if let Some(exact) = &expected.body {
            self.is_exact = self.is_exact && exact.has(self.length, piece);
        }
        self.length += piece.len();
        match self.shape {
            Shape::Wrong(_) => {}
            Shape::Events => self.events.push(piece, at, self.care, tally),
            Shape::Json if is_last && self.body.is_empty() => self.judge(piece, expected),
            Shape::Json => self.body.extend_from_slice(piece),
        }
    }

    /// Judges the answer when it is whole.
    pub(crate) fn finish(&mut self, expected: &Expected) -> Result<(), Failed> {
        match self.shape {
            Shape::Wrong(class) => return Err(Failed::new(class, "")),
            Shape::Events => {
                self.events.finish(self.care.about)?;
                self.usage = self.events.seen.usage;
            }
            Shape::Json if !self.is_judged => {
                let body = std::mem::take(&mut self.body);
                self.judge(&body, expected);
                self.body = body;
            }
            Shape::Json => {}
        }
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        self.compare(expected)
    }

    /// Looks into a whole JSON body. One that is the expected one is not looked into.
    fn judge(&mut self, body: &[u8], expected: &Expected) {
        self.is_judged = true;
        if let Some(exact) = expected.body.as_ref().filter(|exact| self.is_exact && exact.len() == self.length) {
            self.usage = exact.usage;
        } else if !json::looks_whole(body) || (self.care.parse && !json::is_whole(body)) {
            self.failed = Some(Failed::new(Failure::NotJson, ""));
            return;
        } else {
            self.usage = Usage::of_body(body);
        }
        if self.care.keep_text {
            self.text.extend_from_slice(text_of(self.care.about.kind, body).unwrap_or_default());
        }
    }

    fn compare(&self, expected: &Expected) -> Result<(), Failed> {
        let failed = |class, detail: String| Err(Failed::new(class, detail));
        let differs = |exact: &&Exact| !self.is_exact || exact.len() != self.length;
        if let Some(exact) = expected.body.as_ref().filter(differs) {
            return failed(Failure::WrongBody, format!("{} bytes; {} are expected", self.length, exact.len()));
        }
        if !expected.takes_text(self.text()) {
            return failed(Failure::WrongText, printable(&self.text()[..self.text().len().min(KEPT)]));
        }
        let frames = self.events.seen.frames;
        if let Some(wanted) = expected.frames.filter(|wanted| *wanted != frames) {
            return failed(Failure::WrongFrames, format!("{frames} events; {wanted} are expected"));
        }
        let total = self.usage.map(|usage| usage.total_tokens);
        match expected.total_tokens {
            Some(wanted) if total != Some(wanted) => {
                let stated = total.map_or_else(|| "no usage".to_owned(), |total| format!("{total} tokens"));
                failed(Failure::WrongUsage, format!("{stated}; {wanted} are expected"))
            }
            _ => Ok(()),
        }
    }

    /// The raw text of the answer, where it was asked for.
    pub(crate) fn text(&self) -> &[u8] {
        if self.is_stream() { &self.events.seen.text } else { &self.text }
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.shape == Shape::Events && self.status != 0
    }

    pub(crate) const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// When its reader had something to read.
    pub(crate) fn began(&self) -> Option<u64> {
        if self.is_stream() { self.events.seen.began() } else { self.first_byte }
    }

    /// A failure as an example: what is known of it, and the first bytes that came.
    pub(crate) fn example(&self, failed: &Failed) -> String {
        let detail = &failed.detail;
        match (self.status, detail.is_empty()) {
            (0, _) => detail.clone().into_owned(),
            (status, true) => format!("HTTP {status}: {}", printable(&self.excerpt)),
            (status, false) => format!("{detail}; HTTP {status}: {}", printable(&self.excerpt)),
        }
    }
}

fn text_of(kind: Kind, body: &[u8]) -> Option<&[u8]> {
    let value = match kind {
        Kind::Chat => json::CONTENT.value(json::MESSAGE.behind(body)?),
        Kind::Completions => json::TEXT.value(body),
        Kind::Responses => json::TEXT.value(json::OUTPUT_TEXT.behind(body)?),
        Kind::Other => None,
    };
    value.and_then(json::string)
}
