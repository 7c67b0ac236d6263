//! How a stream ends, and whether it does.
//!
//! A stream that stops without the event that ends it is cut, whatever the connection says: libraries take the end of the
//! bytes for the end of the answer. So each kind of stream has an explicit end here, and an explicit failure. The first
//! *content* is told apart from what only announces it (a role, an empty delta, a comment), since until then nothing has
//! been said that could not be said again by another provider. Whether more content comes is looked at only when it is
//! asked ([`Terminal::seek`]): a deadline between pieces of content needs to know it once in a while, not of each event.
//!
//! Events are not parsed into trees: needles with their quotes cannot occur within a JSON string, where a quote stands
//! behind a backslash, and what is found is then checked by a walk over the top level.

mod finish;
mod look;
#[cfg(test)]
mod tests;

pub use finish::Finish;

use crate::openai::paths::Streams;
use crate::sse::{BOM, Boundary, Line};
use memchr::memchr2;
use std::borrow::Cow;

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing that the caller asked for has come.
    Open,
    /// Content has come, and more may.
    Content,
    /// The provider said that the answer is whole.
    Done,
    /// The provider said that it failed. Nothing that follows changes it.
    Failed,
}

/// Watches one stream for its end.
#[derive(Debug, Clone)]
pub struct Terminal {
    streams: Streams,
    state: State,
    content: bool,
    /// Content is looked for.
    seeks: bool,
    finish: Finish,
    failure: Vec<u8>,
    started: bool,
    events: u64,
    boundary: Boundary,
    /// An event that is not whole yet.
    held: Vec<u8>,
}

impl Terminal {
    /// How much of an event is held until it is whole; a longer one is a failure.
    pub const HELD_CAP: usize = 16 << 20;

    /// How much is kept of what a failure says of itself, in bytes.
    pub const FAILURE_CAP: usize = 64 << 10;

    /// Before the first byte. A stream that is [`Streams::Never`] is not looked at.
    pub const fn new(streams: Streams) -> Self {
        Self {
            streams,
            state: State::Open,
            content: false,
            seeks: true,
            finish: Finish::None,
            failure: Vec::new(),
            started: false,
            events: 0,
            boundary: Boundary::new(),
            held: Vec::new(),
        }
    }

    /// Looks at the next bytes and says how far the stream is with them. Whole events, as [`Boundary`] cuts them, are
    /// looked at where they are; the rest of a chunk that ends within one is copied and kept for the next.
    pub fn feed(&mut self, chunk: &[u8]) -> State {
        if self.streams == Streams::Never || chunk.is_empty() {
            return self.state;
        }
        let whole = self.boundary.push(chunk);
        if whole > 0 && self.held.is_empty() {
            self.events_in(&chunk[..whole]);
        } else if whole > 0 {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(&chunk[..whole]);
            self.events_in(&held);
        }
        self.held.extend_from_slice(&chunk[whole..]);
        if self.held.len() > Self::HELD_CAP {
            self.held = Vec::new();
            self.state = State::Failed;
        }
        self.state
    }

    /// Looks at whole events: what [`Terminal::feed`] does, for bytes that a [`Boundary`] has cut already. The two do not
    /// mix within a stream.
    pub fn look(&mut self, events: &[u8]) -> State {
        self.events_in(events);
        self.state
    }

    /// The end of the body; `rest` is what came and was not fed. Some servers leave out the blank line behind
    /// `data: [DONE]`, which says all there is to say and counts. Of [`Streams::Framed`] this is the end.
    pub fn end(&mut self, rest: &[u8]) -> State {
        let held = [self.held.as_slice(), rest].concat();
        let last = held.trim_ascii_end().rsplit(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let is_done = Line::read(last) == Line::Data(b"[DONE]") && self.ends_with_done();
        if is_done || self.streams == Streams::Framed {
            self.advance(State::Done);
        }
        self.state
    }

    /// How far the stream is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether content was seen, whatever came after it.
    pub const fn content(&self) -> bool {
        self.content
    }

    /// Looks for content from here on, until some has come.
    pub const fn seek(&mut self) {
        self.seeks = true;
    }

    /// Whether content is looked for and has not come: so from the start, and after [`Terminal::seek`].
    pub const fn seeks(&self) -> bool {
        self.seeks
    }

    /// What came was content, and could not be looked at.
    pub fn assume_content(&mut self) {
        self.found();
    }

    /// Why the model stopped; [`Finish::None`] while it has not said so. The model had ended then, even if the stream did
    /// not.
    pub const fn finish(&self) -> Finish {
        self.finish
    }

    /// What the provider said of its failure: an object of JSON with `error` in it where the provider keeps to the
    /// dialect, whatever it sent where it does not; cut off behind [`Terminal::FAILURE_CAP`]. Empty if it has not failed.
    pub fn failure(&self) -> &[u8] {
        &self.failure
    }

    /// How many events with data there were: the number of the next one, where events are numbered.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Looks at whole events.
    fn events_in(&mut self, events: &[u8]) {
        let mut rest = events;
        if !std::mem::replace(&mut self.started, true) {
            rest = rest.strip_prefix(BOM).unwrap_or(rest);
        }
        let mut name: &[u8] = &[];
        let mut data: Option<Cow<'_, [u8]>> = None;
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            match Line::read(&rest[..end]) {
                Line::Blank => {
                    if let Some(data) = data.take() {
                        self.event(name, &data);
                    }
                    name = &[];
                }
                Line::Data(value) => data = Some(with_line(data.take(), value)),
                Line::Name(value) => name = value,
                Line::Other => {}
            }
            rest = &rest[end + 1..];
            // The second half of CRLF is not a blank line.
            if events[events.len() - rest.len() - 1] == b'\r' {
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
        }
    }

    /// Looks at one event.
    fn event(&mut self, name: &[u8], data: &[u8]) {
        self.events += 1;
        if data.starts_with(b"[DONE]") {
            if self.ends_with_done() {
                self.advance(State::Done);
            }
            return;
        }
        match self.streams {
            Streams::Never => {}
            Streams::Chat => self.chat_event(name, data),
            Streams::Responses => self.response_event(name, data),
            Streams::Typed { ends } => self.typed_event(name, data, ends),
            Streams::Framed => self.framed_event(name, data),
        }
    }

    fn chat_event(&mut self, name: &[u8], data: &[u8]) {
        if name == b"error" || look::is_error(data) {
            return self.fail(data);
        }
        if self.seeks && (name.ends_with(b".delta") || look::has_content(data)) {
            self.found();
        }
        if self.finish == Finish::None {
            self.finish = Finish::of_chat(data);
        }
    }

    fn response_event(&mut self, name: &[u8], data: &[u8]) {
        let kind = if name.starts_with(b"response.") { name } else { look::text_at_top(data, b"type") };
        match kind {
            b"response.completed" => {
                self.finish = Finish::Stop;
                self.advance(State::Done);
            }
            b"response.incomplete" => {
                self.finish = Finish::of_incomplete(data);
                self.advance(State::Done);
            }
            b"response.failed" => self.fail(look::object_at_top(data, b"response").unwrap_or(data)),
            b"error" => self.fail(data),
            _ if !kind.starts_with(b"response.") && (name == b"error" || look::is_error(data)) => self.fail(data),
            _ if self.seeks && is_response_content(kind, data) => self.found(),
            _ => {}
        }
    }

    fn typed_event(&mut self, name: &[u8], data: &[u8], ends: &[&str]) {
        let kind = if name.is_empty() { look::text_at_top(data, b"type") } else { name };
        if kind == b"error" || (kind.is_empty() && look::is_error(data)) {
            return self.fail(data);
        }
        if self.seeks && !is_ping(kind) && (!kind.is_empty() || look::has_content(data)) {
            self.found();
        }
        if ends.iter().any(|end| end.as_bytes() == kind) {
            self.advance(State::Done);
        }
    }

    fn framed_event(&mut self, name: &[u8], data: &[u8]) {
        if name == b"error" || look::is_error(data) {
            return self.fail(data);
        }
        if self.seeks && !is_ping(if name.is_empty() { look::text_at_top(data, b"type") } else { name }) {
            self.found();
        }
    }

    /// Content has come.
    fn found(&mut self) {
        self.seeks = false;
        self.content = true;
        self.advance(State::Content);
    }

    /// The provider said that it failed, and `what`. The first word counts.
    fn fail(&mut self, what: &[u8]) {
        if self.state != State::Failed {
            self.failure = what[..what.len().min(Self::FAILURE_CAP)].to_vec();
        }
        self.advance(State::Failed);
    }

    /// Whether `[DONE]` ends this kind of stream. The Responses API has no such event; servers that append one do so
    /// whatever came before it. Where other events end a stream, servers of another make end theirs with this one.
    const fn ends_with_done(&self) -> bool {
        matches!(self.streams, Streams::Chat | Streams::Typed { .. })
    }

    /// Goes on to `state`; never back, and never on from a failure.
    fn advance(&mut self, state: State) {
        self.state = match (self.state, state) {
            (State::Failed, _) | (_, State::Failed) => State::Failed,
            (State::Done, _) | (_, State::Done) => State::Done,
            (State::Open | State::Content, State::Open | State::Content) => state,
        };
    }
}

/// Whether a kind of event only shows that the connection lives.
fn is_ping(kind: &[u8]) -> bool {
    matches!(kind, b"ping" | b"keepalive" | b"keep-alive" | b"heartbeat")
}

/// Whether an event of the Responses API holds something of the answer: text, arguments, reasoning, a refusal, audio, a
/// picture, or a tool's name.
fn is_response_content(kind: &[u8], data: &[u8]) -> bool {
    if kind.ends_with(b".delta") {
        return !look::text_at_top(data, b"delta").is_empty();
    }
    if kind == b"response.output_item.added" {
        return look::has_name(data);
    }
    kind.ends_with(b".done") || kind.ends_with(b".partial_image")
}

/// The data of an event with one line more; one line alone, as events have it, is not copied.
fn with_line<'a>(data: Option<Cow<'a, [u8]>>, line: &'a [u8]) -> Cow<'a, [u8]> {
    match data {
        None => Cow::Borrowed(line),
        Some(earlier) => Cow::Owned([&earlier, b"\n".as_slice(), line].concat()),
    }
}
