//! The rest of an answer whose caller has left.

use crate::ending::{Ending, How};
use crate::flow::{Flow, Step};
use crate::terms::AfterLeave;
use fault::Kind;
use http1::Source;
use record::Record;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

/// What is left of an answer when its caller is gone, to be read so that the provider finishes it and tells what it was.
///
/// It holds the call's record, which counts a caller that went away when it is dropped. Nothing of the answer is kept.
#[derive(Debug)]
pub struct Rest<B> {
    flow: Flow<B>,
    bytes: u64,
}

impl<B: Source> Rest<B> {
    pub(crate) fn new(mut flow: Flow<B>, limits: AfterLeave) -> Self {
        flow.left(limits.ns);
        Self { flow, bytes: limits.bytes }
    }

    /// Reads on to the end, or up to a limit; how the attempt ended. Dropping the future gives the rest up.
    pub async fn run(mut self) -> (Ending, Record) {
        let how = poll_fn(|cx| self.poll(cx)).await;
        self.end(how)
    }

    /// Lets the provider's work be cancelled.
    pub fn give_up(self) -> (Ending, Record) {
        self.end(How::Dropped)
    }

    fn end(self, how: How) -> (Ending, Record) {
        let ending = self.flow.ending(how);
        (ending, self.flow.into_record().1)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<How> {
        loop {
            let how = match ready!(self.flow.poll(cx)) {
                Step::Piece(piece) => match self.bytes.checked_sub(piece.len() as u64) {
                    Some(bytes) => {
                        self.bytes = bytes;
                        continue;
                    }
                    None => How::Dropped,
                },
                Step::End(_) => How::Whole,
                Step::Fail(fault) if fault.kind() == Kind::ClientGone => How::Dropped,
                Step::Fail(fault) => How::Cut(fault.kind()),
            };
            return Poll::Ready(how);
        }
    }
}
