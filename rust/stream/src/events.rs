//! The events of one stream: held back until they are whole, and watched for the end.

use crate::metered::{Meter, Metered};
use bytes::{Bytes, BytesMut};
use fault::{Fault, Kind};
use protocol::openai::continuing::{Follow, Said, Text};
use protocol::openai::error;
use protocol::openai::paths::Streams;
use protocol::openai::stream::{Finish, State, Terminal};
use protocol::openai::usage::ask;
use protocol::sse::{self, Boundary, Splitter};

/// Cuts a stream into whole events.
#[derive(Debug)]
pub(crate) struct Events {
    streams: Streams,
    boundary: Boundary,
    terminal: Terminal,
    held: BytesMut,
    /// An event was larger than what may be held and went out in parts.
    oversized: bool,
    meter: Meter,
    /// How many bytes the first event had.
    envelope: u64,
    /// Events that do nothing but say what was used are kept back; so many times it was spoken of that before this.
    withholds: bool,
    withheld: u32,
    /// Of a stream that may be continued or continues one; none of all others, which costs them a branch.
    leg: Option<Box<Leg>>,
}

/// Which of two streams that are one answer this is.
#[derive(Debug)]
enum Leg {
    /// The first: what it says is gathered, and an error event of its provider is kept back, with what follows it.
    First { said: Said, kept_back: Bytes },
    /// The second: it is made a part of the first, as long as it goes on from it.
    Second { follow: Follow, has_strayed: bool },
}

impl Events {
    pub(crate) fn new(streams: Streams) -> Self {
        Self {
            streams,
            boundary: Boundary::new(),
            terminal: Terminal::new(streams),
            held: BytesMut::new(),
            oversized: false,
            meter: Meter::new(true),
            envelope: 0,
            withholds: false,
            withheld: 0,
            leg: None,
        }
    }

    /// What is said from here on is gathered, and what was said in `before`.
    pub(crate) fn gather(&mut self, before: &[Option<Bytes>]) {
        let mut said = Said::new();
        before.iter().flatten().for_each(|piece| said.take(piece));
        if self.oversized {
            said.lose();
        }
        self.leg = Some(Box::new(Leg::First { said, kept_back: Bytes::new() }));
    }

    /// What comes from here on is made a part of an earlier answer, and so is what came `before`, which is returned;
    /// `None` where it does not go on from that.
    pub(crate) fn follow(&mut self, mut follow: Follow, before: &[Option<Bytes>]) -> Option<Bytes> {
        let first = follow.pass(&before.iter().flatten().map(Bytes::as_ref).collect::<Vec<_>>().concat())?;
        self.leg = Some(Box::new(Leg::Second { follow, has_strayed: false }));
        Some(first)
    }

    /// Whether the stream is over for another reason than its dialect's: its error was kept back, or it does not go on
    /// from what it was to go on from.
    pub(crate) fn has_stopped(&self) -> bool {
        match self.leg.as_deref() {
            None => false,
            Some(Leg::First { kept_back, .. }) => !kept_back.is_empty(),
            Some(Leg::Second { has_strayed, .. }) => *has_strayed,
        }
    }

    /// The text so far, where another stream could go on from it, and the provider's error, if there was one.
    pub(crate) fn stop(&mut self) -> (Option<Text>, Bytes) {
        match self.leg.take().map(|leg| *leg) {
            Some(Leg::First { said, kept_back }) => (said.text(), kept_back),
            Some(Leg::Second { .. }) | None => (None, Bytes::new()),
        }
    }

    /// Takes a chunk. Returns whole events, to be sent on; nothing when the chunk completed none.
    pub(crate) fn push(&mut self, mut chunk: Bytes) -> Bytes {
        self.meter.count(&chunk);
        let rest = chunk.split_off(self.boundary.push(&chunk));
        let whole = if chunk.is_empty() || self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            self.held.split().freeze()
        };
        self.held.extend_from_slice(&rest);
        if self.envelope == 0 {
            self.envelope = envelope(&whole);
        }
        let whole = if self.leg.is_some() {
            let passed = self.pass(&whole);
            self.search(&whole);
            passed
        } else {
            if !whole.is_empty() {
                self.terminal.look(&whole);
                self.search(&whole);
            }
            whole
        };
        let whole = if self.withholds && self.meter.found() != self.withheld { self.keep_back(&whole) } else { whole };
        if self.held.len() > Splitter::IMAGE_CAP {
            self.oversized = true;
            self.terminal.assume_content();
            if let Some(Leg::First { said, .. }) = self.leg.as_deref_mut() {
                said.lose();
            }
            let part = self.held.split().freeze();
            self.meter.search(&part);
            return join(&whole, &part);
        }
        whole
    }

    /// Looks for usage in whole events. It stands at the end: with why the model stopped, or behind that.
    fn search(&mut self, whole: &[u8]) {
        if self.terminal.finish() != Finish::None || self.is_over() {
            self.meter.search(whole);
        } else if self.streams == Streams::Chat {
            self.meter.search_end(whole);
        }
    }

    /// Whole events without those that say what was used and nothing else.
    fn keep_back(&mut self, whole: &Bytes) -> Bytes {
        let kept = ask::withhold(whole);
        if kept.len() != whole.len() {
            self.withheld = self.meter.found();
        }
        kept
    }

    /// Whole events of an answer that is, or may become, one of two streams.
    fn pass(&mut self, whole: &Bytes) -> Bytes {
        match self.leg.as_deref_mut() {
            None => whole.clone(),
            Some(Leg::First { said, kept_back }) => {
                let mut at = 0;
                for event in sse::each(whole) {
                    if self.terminal.look(event) == State::Failed {
                        *kept_back = whole.slice(at..);
                        break;
                    }
                    said.take(event);
                    at += event.len();
                }
                whole.slice(..at)
            }
            Some(Leg::Second { follow, has_strayed }) => {
                self.terminal.look(whole);
                follow.pass(whole).unwrap_or_else(|| {
                    *has_strayed = true;
                    Bytes::new()
                })
            }
        }
    }

    /// Looks for content from here on, until some has come.
    pub(crate) fn seek(&mut self) {
        self.terminal.seek();
    }

    /// Whether content is looked for and has not come.
    pub(crate) fn seeks(&self) -> bool {
        self.terminal.seeks()
    }

    /// Whether content was ever seen.
    pub(crate) fn has_content(&self) -> bool {
        self.terminal.content()
    }

    /// How far the stream is.
    pub(crate) fn state(&self) -> State {
        self.terminal.state()
    }

    /// The same, were the body to end here.
    pub(crate) fn state_at_end(&mut self) -> State {
        self.meter.search(&self.held);
        self.terminal.end(&self.held)
    }

    /// The body has ended: what is still to be sent, or why the stream is not whole.
    pub(crate) fn end(&mut self) -> Result<Bytes, Fault> {
        match self.state_at_end() {
            State::Done | State::Failed => Ok(self.held.split().freeze()),
            State::Open | State::Content if self.oversized => Ok(self.held.split().freeze()),
            State::Open | State::Content => Err(cut()),
        }
    }

    /// Whether the dialect's end was seen, well or ill.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.terminal.state(), State::Done | State::Failed)
    }

    /// What has passed.
    pub(crate) fn metered(&self) -> Metered {
        Metered { events: self.terminal.events(), envelope: self.envelope, ..self.meter.read() }
    }

    /// Looks for the service tier as well.
    pub(crate) fn read_tier(&mut self) {
        self.meter.read_tier();
    }

    /// Keeps back what the caller did not ask for: how much was used, in events of its own.
    pub(crate) fn withhold(&mut self) {
        self.withholds = true;
    }

    /// Why the model stopped.
    pub(crate) fn finish(&self) -> Finish {
        self.terminal.finish()
    }

    /// What the provider said of its failure; empty if it has not failed.
    pub(crate) fn failure(&self) -> Bytes {
        Bytes::copy_from_slice(self.terminal.failure())
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.terminal.events()
    }

    /// The event that tells the caller of a fault.
    pub(crate) fn error(&self, fault: &Fault, request_id: &str) -> Bytes {
        error::event_numbered(self.streams, fault, request_id, self.terminal.events())
    }

    /// A comment, where one may stand: what was sent so far ends between events, and more will follow.
    pub(crate) fn comment(&self) -> Option<Bytes> {
        (!self.oversized && !self.is_over()).then(Self::keep_alive)
    }

    /// A comment that shows that the connection lives.
    pub(crate) const fn keep_alive() -> Bytes {
        Bytes::from_static(b": keep-alive\n\n")
    }
}

/// What a stream is whose body ends before it does.
pub(crate) fn cut() -> Fault {
    Fault::new(
        Kind::StreamCut,
        "The provider ended the stream before it was whole: what came so far is not a complete answer",
    )
}

/// How long the first event is; a comment is none.
fn envelope(whole: &[u8]) -> u64 {
    sse::each(whole).find(|event| !event.starts_with(b":")).map_or(0, |event| event.len() as u64)
}

fn join(a: &Bytes, b: &Bytes) -> Bytes {
    if a.is_empty() { b.clone() } else { [&a[..], &b[..]].concat().into() }
}
