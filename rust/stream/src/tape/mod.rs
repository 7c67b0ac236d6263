//! An answer that several may read: one writes it on a tape, each reads it at a pace of its own.
//!
//! A tape holds the head of an answer, pieces of its body and its end. What is held is bounded ([`Keeping`]): the writer
//! waits for readers that are behind, and what has been read falls off the front once more is held than is to be kept.
//! A reader that comes late begins at the front as long as nothing has fallen off, or behind an event that it names.
//!
//! Writer and readers may live on different threads. The lock is held for a few steps, never over an await, and nobody is
//! woken under it.

mod state;
mod stock;
#[cfg(test)]
mod tests;

pub use stock::Stock;

use bytes::Bytes;
use fault::{Fault, Kind};
use state::State;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// How much a tape holds; each in bytes. More than the largest of the three is held by one piece at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// All of an answer that is not longer.
    pub whole: usize,
    /// Of a longer one, the last of what was read.
    pub last: usize,
    /// How far the writer may be ahead.
    pub ahead: usize,
    /// Of whom.
    pub pace: Pace,
}

/// Whom the writer waits for. Without readers it waits for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each reader gets all of the answer.
    Slowest,
    /// Only the one who came last, which may be an earlier one come back: its old connection need not know yet that it is
    /// dead. Another that is overtaken by what falls off gets no more.
    Latest,
}

/// How an answer ended.
#[derive(Debug, Clone)]
pub enum End {
    /// It is whole.
    Whole,
    /// A stream ended with the provider's own error.
    Failed,
    /// It could not be finished. A stream has had its last words.
    Cut(Fault),
}

/// What comes next.
#[derive(Debug, Clone)]
pub enum Read {
    /// Bytes, and how many events of a stream have come with them.
    Piece(Bytes, u64),
    /// Nothing: the answer has ended so.
    End(End),
    /// What would come next has fallen off.
    Outrun,
}

/// Why a tape cannot be read from where it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// What follows has fallen off.
    FallenOff,
    /// That event has not come.
    NotYet,
}

/// A tape, for those who may want to read it. `H` is what stands in the place of a head.
pub struct Tape<H>(Arc<Mutex<State<H>>>);

impl<H> Tape<H> {
    /// An empty tape, whose bytes are counted by `stock`, and its writer.
    pub fn new(keeping: Keeping, stock: Arc<Stock>) -> (Self, Writer<H>) {
        let tape = Self(Arc::new(Mutex::new(State::new(keeping, stock))));
        (tape.clone(), Writer(tape))
    }

    /// A reader of the whole answer; none where not all of it is held, or where it has ended.
    pub fn join(&self) -> Option<Reader<H>> {
        let slot = self.turn(State::join)?;
        Some(Reader { tape: self.clone(), slot })
    }

    /// A reader of what follows event `number`; 0 stands for the beginning.
    pub fn after(&self, number: u64) -> Result<Reader<H>, Missed> {
        let slot = self.turn(|state| state.after(number))?;
        Ok(Reader { tape: self.clone(), slot })
    }

    /// Does something to the state, then wakes whom that concerns.
    fn turn<T>(&self, work: impl FnOnce(&mut State<H>) -> T) -> T {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut state);
        let due = mem::take(&mut state.due);
        drop(state);
        due.into_iter().for_each(std::task::Waker::wake);
        done
    }
}

impl<H> Clone for Tape<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> fmt::Debug for Tape<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").finish_non_exhaustive()
    }
}

/// The one who writes a tape. Dropped before the end, it leaves an answer that was cut.
#[derive(Debug)]
pub struct Writer<H>(Tape<H>);

impl<H> Writer<H> {
    /// The head is there.
    pub fn begin(&self, head: H) {
        self.0.turn(|state| state.begin(head));
    }

    /// Adds a piece, with which so many events have come; not empty. `keeps`: whether there is room for what was read
    /// already.
    pub fn push(&self, piece: Bytes, events: u64, keeps: bool) {
        self.0.turn(|state| state.push(piece, events, keeps));
    }

    /// Nothing more will come.
    pub fn end(self, end: End) {
        self.0.turn(|state| state.end(end));
    }

    /// Ready while it is time for another piece. In any case the task is woken when that may have changed, when the last
    /// reader leaves, and when a first one comes.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.turn(|state| state.poll_room(cx))
    }

    /// How many read.
    pub fn readers(&self) -> usize {
        self.0.turn(|state| state.count())
    }

    /// Ready once nobody reads.
    pub async fn abandoned(&self) {
        std::future::poll_fn(|cx| {
            let _room = self.poll_room(cx);
            if self.readers() == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl<H> Drop for Writer<H> {
    fn drop(&mut self) {
        let cut = || End::Cut(Fault::new(Kind::Internal, "The answer was given up before it was whole"));
        self.0.turn(|state| state.end_if_open(cut));
    }
}

/// One who reads a tape.
#[derive(Debug)]
pub struct Reader<H> {
    tape: Tape<H>,
    slot: usize,
}

impl<H> Reader<H> {
    /// The head, once it is there; none where the answer ended without one.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arc<H>>> {
        self.tape.turn(|state| state.poll_head(self.slot, cx))
    }

    /// What comes next.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Read> {
        self.tape.turn(|state| state.poll_next(self.slot, cx))
    }
}

impl<H> Drop for Reader<H> {
    fn drop(&mut self) {
        self.tape.turn(|state| state.leave(self.slot));
    }
}
