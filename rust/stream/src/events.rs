//! The events of one stream: held back until they are whole, and watched for the end.

use bytes::{Bytes, BytesMut};
use fault::{Fault, Kind};
use protocol::openai::error;
use protocol::openai::paths::Streams;
use protocol::openai::stream::{Finish, State, Terminal};
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

    /// Takes a chunk. Returns whole events, to be sent on; nothing when the chunk completed none.
    pub(crate) fn push(&mut self, mut chunk: Bytes) -> Bytes {
        let rest = chunk.split_off(self.boundary.push(&chunk));
        let whole = if chunk.is_empty() || self.held.is_empty() {
            chunk
        } else {
            self.held.extend_from_slice(&chunk);
            self.held.split().freeze()
        };
        self.held.extend_from_slice(&rest);
        if !whole.is_empty() {
            self.terminal.look(&whole);
        }
        if self.held.len() > Splitter::IMAGE_CAP {
            self.oversized = true;
            self.terminal.assume_content();
            return join(&whole, &self.held.split().freeze());
        }
        whole
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

    /// Why the model stopped.
    pub(crate) fn finish(&self) -> Finish {
        self.terminal.finish()
    }

    /// What the provider said of its failure; empty if it has not failed.
    pub(crate) fn failure(&self) -> Bytes {
        Bytes::copy_from_slice(self.terminal.failure())
    }

    /// The event that tells the caller of a fault.
    pub(crate) fn error(&self, fault: &Fault, request_id: &str) -> Bytes {
        error::event_numbered(self.streams, fault, request_id, self.terminal.events())
    }

    /// A comment, where one may stand: what was sent so far ends between events, and more will follow.
    pub(crate) fn comment(&self) -> Option<Bytes> {
        (!self.oversized && !self.is_over()).then(|| Bytes::from_static(b": keep-alive\n\n"))
    }
}

/// What a stream is whose body ends before it does.
pub(crate) fn cut() -> Fault {
    Fault::new(
        Kind::StreamCut,
        "The provider ended the stream before it was whole: what came so far is not a complete answer",
    )
}

fn join(a: &Bytes, b: &Bytes) -> Bytes {
    if a.is_empty() { b.clone() } else { [&a[..], &b[..]].concat().into() }
}
