//! What passed of an answer, as far as it is billed.

use memchr::memrchr;
use protocol::openai::usage::{ServiceTier, Tap, Usage};

/// What passed of an answer, as far as it is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metered {
    /// What its provider said last of what it used.
    pub usage: Option<Usage>,
    /// What it said beside that of how the call was served.
    pub tier: Option<ServiceTier>,
    /// It said something last that cannot be, and is not believed.
    pub is_garbled: bool,
    /// How many bytes of the body came, without what it said of usage.
    pub bytes: u64,
    /// Of a stream: how many events with data came.
    pub events: u64,
    /// Of a stream: how many bytes the first of them had, which is nearly always one without content.
    pub envelope: u64,
}

/// Reads what passes.
#[derive(Debug)]
pub(crate) struct Meter {
    /// None where nothing is said of usage.
    tap: Option<Tap>,
    bytes: u64,
}

impl Meter {
    /// Before the first byte; `taps`: whether usage is looked for.
    pub(crate) fn new(taps: bool) -> Self {
        Self { tap: taps.then(Tap::default), bytes: 0 }
    }

    /// Looks for the service tier as well.
    pub(crate) fn read_tier(&mut self) {
        if let Some(tap) = &mut self.tap {
            tap.read_tier();
        }
    }

    /// Bytes that came of an answer that is no stream.
    pub(crate) fn pass(&mut self, piece: &[u8]) {
        self.count(piece);
        self.search(piece);
    }

    /// Bytes that came.
    pub(crate) fn count(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
    }

    /// Looks for usage in bytes that were counted.
    pub(crate) fn search(&mut self, part: &[u8]) {
        if let Some(tap) = &mut self.tap {
            tap.feed(part);
        }
    }

    /// Looks for usage in whole events of a stream, before its model has stopped: behind the choices of the last, where
    /// servers put it that keep telling. It is of interest where nothing follows.
    pub(crate) fn search_end(&mut self, events: &[u8]) {
        /// Less than this has no number in it.
        const LEAST: usize = "\"usage\":{\"n\":1}}\n\n".len();
        let end = memrchr(b']', events).map_or(0, |at| at + 1);
        if events.len() - end >= LEAST {
            self.search(&events[end..]);
        }
    }

    /// How often it was spoken of what was used.
    pub(crate) fn found(&self) -> u32 {
        self.tap.as_ref().map_or(0, Tap::mentions)
    }

    /// What is known now; of a stream its events come in addition.
    pub(crate) fn read(&self) -> Metered {
        let tap = self.tap.as_ref();
        Metered {
            usage: tap.and_then(Tap::usage),
            tier: tap.and_then(Tap::tier),
            is_garbled: tap.is_some_and(Tap::is_garbled),
            bytes: self.bytes.saturating_sub(tap.map_or(0, Tap::bytes)),
            ..Metered::default()
        }
    }
}
