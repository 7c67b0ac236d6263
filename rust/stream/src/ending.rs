//! How an attempt ended.

use crate::metered::Metered;
use crate::rest::Rest;
use bytes::Bytes;
use fault::Kind;
use http1::Source;
use protocol::openai::stream::Finish;
use record::Record;

/// How an attempt ended whose answer had begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What became of it.
    pub how: How,
    /// Of a stream: when its first content came, in nanoseconds of the wheel.
    pub first_token_at: Option<u64>,
    /// Of a stream: why the model stopped.
    pub finish: Finish,
    /// What came of it, and what its provider said that it used.
    pub metered: Metered,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The provider sent all of its answer; a stream had its dialect's good end.
    Whole,
    /// It broke off, or took too long: [`Kind::StreamCut`], [`Kind::UpstreamGarbled`], a deadline;
    /// [`Kind::DrainCut`] is the gateway's doing.
    Cut(Kind),
    /// The provider ended its stream with an error: what it said of it, see
    /// [`Terminal::failure`](protocol::openai::stream::Terminal::failure).
    ErrorEvent(Bytes),
    /// Nobody waited for the end: the caller had left.
    Dropped,
}

/// Who wants to know how an attempt ended.
pub trait Settle<B: Source>: Sized {
    /// The attempt has ended; comes once, before the call's record is closed, in which the attempt is the last. Where a
    /// caller leaves behind the good end of its stream, that is what counts.
    fn settle(self, ending: Ending, record: &mut Record);

    /// The caller has left, and the terms ask for the rest of its answer: what runs `rest` settles with the outcome. By
    /// default nobody does, and it is given up.
    ///
    /// Comes from a destructor: it must not wait. The call's record is in `rest`.
    fn left(self, rest: Rest<B>) {
        let (ending, mut record) = rest.give_up();
        self.settle(ending, &mut record);
    }
}

/// Nobody.
impl<B: Source> Settle<B> for () {
    fn settle(self, _ending: Ending, _record: &mut Record) {}
}
