//! The events of one stream: held back until they are whole, and watched for the end.

use bytes::{Bytes, BytesMut};
use fault::{Fault, Kind};
use protocol::openai::error;
use protocol::openai::paths::Streams;
use protocol::openai::stream::{State, Terminal};
use protocol::sse::{Boundary, Splitter};

/// Cuts a stream into whole events.
#[derive(Debug)]
pub(crate) struct Events {
    streams: Streams,
    boundary: Boundary,
    terminal: Terminal,
    held: BytesMut,
    /// An event was larger than what may be held and went out in parts.
    oversized: bool,
}

/// What a chunk added.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whole events, to be sent on; empty when the chunk completed none.
    pub(crate) whole: Bytes,
    /// Whether any of them carried data, as opposed to comments.
    pub(crate) data: bool,
}

impl Events {
    pub(crate) fn new(streams: Streams) -> Self {
        Self {
            streams,
            boundary: Boundary::new(),
            terminal: Terminal::new(streams),
            held: BytesMut::new(),
            oversized: false,
        }
    }

    /// Takes a chunk.
    pub(crate) fn push(&mut self, mut chunk: Bytes) -> Progress {
        let rest = chunk.split_off(self.boundary.push(&chunk));
        let whole = if chunk.is_empty() || self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            self.held.split().freeze()
        };
        self.held.extend_from_slice(&rest);
        let before = self.terminal.events();
        if !whole.is_empty() {
            self.terminal.feed(&whole);
        }
        if self.held.len() > Splitter::IMAGE_CAP {
            self.oversized = true;
            return Progress { whole: join(&whole, &self.held.split().freeze()), data: true };
        }
        Progress { whole, data: self.terminal.events() > before }
    }

    /// Whether content was seen.
    pub(crate) fn content(&self) -> bool {
        self.oversized || self.terminal.content()
    }

    /// The body has ended: what is still to be sent, or why the stream is not whole.
    pub(crate) fn end(&mut self) -> Result<Bytes, Fault> {
        let rest = self.held.split().freeze();
        match self.terminal.end(&rest) {
            State::Done | State::Failed => Ok(rest),
            State::Open | State::Content if self.oversized => Ok(rest),
            State::Open | State::Content => Err(Fault::new(
                Kind::StreamCut,
                "The provider ended the stream before it was whole: what came so far is not a complete answer",
            )),
        }
    }

    /// Whether the dialect's end was seen, well or ill.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.terminal.state(), State::Done | State::Failed)
    }

    /// The event that tells the caller of a fault.
    pub(crate) fn error(&self, fault: &Fault, request_id: &str) -> Bytes {
        error::event_numbered(self.streams, fault, request_id, self.terminal.events())
    }
}

fn join(a: &Bytes, b: &Bytes) -> Bytes {
    if a.is_empty() { b.clone() } else { [&a[..], &b[..]].concat().into() }
}
