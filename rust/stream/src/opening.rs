//! A stream before its first content.

use crate::events::{self, Events};
use crate::metered::Metered;
use bytes::{Bytes, BytesMut};
use fault::Fault;
use http1::Source;
use protocol::openai::paths::Streams;
use protocol::openai::stream::{Finish, State};

/// What has come of a stream that nobody was told of yet.
///
/// Roles, empty deltas, comments and announcements are held back. The first content commits: from there on the caller
/// has something that another attempt could contradict. So does a good end without any content, which is an answer too.
/// Until then an error event is a failure like any other status.
///
/// The piece that commits is passed on as it came; only what came before it was copied.
#[derive(Debug)]
pub struct Opening {
    events: Box<Events>,
    /// Whole events before the last piece.
    early: BytesMut,
    /// The whole events of the last piece that had any.
    last: Bytes,
    /// The body broke off.
    pub(crate) is_broken: bool,
}

/// Where an opening stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Nothing has been said yet.
    Pending,
    /// It is time to send on what was held.
    Committed,
    /// The provider sent an error instead: what it said, as in [`Unopened::Failed`].
    Failed(Bytes),
    /// The body has ended without a word.
    Cut,
}

/// Why a stream did not open. The [`Opening`] can still be sent on, for a caller that shall see what came.
#[derive(Debug)]
pub enum Unopened {
    /// The provider sent an error event: its data, an object of JSON with `error` in it where the provider keeps to the
    /// dialect (of `response.failed` the object `response`); see
    /// [`Terminal::failure`](protocol::openai::stream::Terminal::failure).
    Failed(Bytes),
    /// The body broke off or ended.
    Cut(Fault),
}

impl Opening {
    /// How many bytes of whole events are held; with more, the stream commits without content. One event that is not
    /// whole is held apart from this, see [`Splitter::IMAGE_CAP`](protocol::sse::Splitter::IMAGE_CAP).
    pub const HELD_CAP: usize = 64 << 10;

    /// Before the first byte of a stream.
    pub fn new(streams: Streams) -> Self {
        Self { events: Box::new(Events::new(streams)), early: BytesMut::new(), last: Bytes::new(), is_broken: false }
    }

    /// The same for a caller that did not ask to be told what was used: events that say nothing else are kept back, see
    /// [`ask`](protocol::openai::usage::ask).
    #[must_use]
    pub fn withholding(mut self) -> Self {
        self.events.withhold();
        self
    }

    /// The same for a call that says how it is to be served: what the answer says of that is told with its usage.
    #[must_use]
    pub fn reading_tier(mut self) -> Self {
        self.events.read_tier();
        self
    }

    /// Takes from `body` until the stream commits or cannot.
    ///
    /// Dropping the future loses nothing: what was taken is held here.
    pub async fn commit<B: Source>(&mut self, body: &mut B) -> Result<(), Unopened> {
        loop {
            let opened = match body.piece().await {
                Some(Ok(piece)) => self.push(piece),
                Some(Err(fault)) => {
                    self.is_broken = true;
                    return Err(Unopened::Cut(fault));
                }
                None => self.end(),
            };
            match opened {
                Opened::Pending => {}
                Opened::Committed => return Ok(()),
                Opened::Failed(data) => return Err(Unopened::Failed(data)),
                Opened::Cut => return Err(Unopened::Cut(events::cut())),
            }
        }
    }

    /// Takes a piece. Never [`Opened::Cut`].
    ///
    /// An error counts even behind content that came in the same piece: none of it has been sent.
    pub fn push(&mut self, piece: Bytes) -> Opened {
        let whole = self.events.push(piece);
        if !whole.is_empty() {
            self.early.extend_from_slice(&self.last);
            self.last = whole;
        }
        match self.events.state() {
            State::Content | State::Done => Opened::Committed,
            State::Failed => Opened::Failed(self.events.failure()),
            State::Open if self.early.len() + self.last.len() > Self::HELD_CAP => Opened::Committed,
            State::Open => Opened::Pending,
        }
    }

    /// The body has ended. Never [`Opened::Pending`].
    pub fn end(&mut self) -> Opened {
        match self.events.state_at_end() {
            State::Done => Opened::Committed,
            State::Failed => Opened::Failed(self.events.failure()),
            State::Open | State::Content => Opened::Cut,
        }
    }

    /// Whether content has come.
    pub fn has_content(&self) -> bool {
        self.events.has_content()
    }

    /// Why the model stopped, where it has: an answer without content may have been filtered.
    pub fn finish(&self) -> Finish {
        self.events.finish()
    }

    /// What has passed until now.
    pub fn metered(&self) -> Metered {
        self.events.metered()
    }

    /// What to go on with: the events' state, and the one or two pieces that were held.
    pub(crate) fn into_parts(self) -> (Box<Events>, [Option<Bytes>; 2]) {
        let last = (!self.last.is_empty()).then_some(self.last);
        if self.early.is_empty() {
            return (self.events, [last, None]);
        }
        (self.events, [Some(self.early.freeze()), last])
    }
}
