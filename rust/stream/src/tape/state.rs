//! A tape under its lock.

use super::{End, Keeping, Missed, Pace, Read, Stock};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Smaller pieces are copied: a slice would keep all of the buffer that it was read into.
const COPIED: usize = 4 << 10;

#[derive(Debug)]
struct Entry {
    piece: Bytes,
    /// Where it ends, in bytes from the beginning of the answer.
    ends: u64,
    /// How many events have come with it.
    events: u64,
}

/// Where a reader stands.
#[derive(Debug)]
struct Place {
    /// Who came later has a higher number.
    number: u64,
    /// The number of the entry that comes next.
    entry: u64,
    /// Where that begins.
    begins: u64,
    waker: Option<Waker>,
}

/// See [`Tape`](super::Tape).
#[derive(Debug)]
pub(super) struct State<H> {
    keeping: Keeping,
    stock: Arc<Stock>,
    head: Option<Arc<H>>,
    entries: VecDeque<Entry>,
    /// How many entries have fallen off, and with how many bytes and events.
    fallen: (u64, u64, u64),
    /// How many bytes are held.
    bytes: usize,
    /// How many have come.
    total: u64,
    end: Option<End>,
    readers: Vec<Option<Place>>,
    /// How many have ever come.
    seated: u64,
    writer: Option<Waker>,
    /// The writer waits for room.
    is_held_up: bool,
    /// There is no room for what was read.
    is_short: bool,
    /// Who is to be woken once the lock is free.
    pub(super) due: Vec<Waker>,
}

impl<H> State<H> {
    pub(super) fn new(keeping: Keeping, stock: Arc<Stock>) -> Self {
        Self {
            keeping,
            stock,
            head: None,
            entries: VecDeque::new(),
            fallen: (0, 0, 0),
            bytes: 0,
            total: 0,
            end: None,
            readers: Vec::new(),
            seated: 0,
            writer: None,
            is_held_up: false,
            is_short: false,
            due: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self, head: H) {
        self.head = Some(Arc::new(head));
        self.wake_readers();
    }

    pub(super) fn push(&mut self, piece: Bytes, events: u64, keeps: bool) {
        let piece = if piece.len() < COPIED { Bytes::copy_from_slice(&piece) } else { piece };
        self.stock.add(piece.len());
        self.bytes += piece.len();
        self.total += piece.len() as u64;
        self.entries.push_back(Entry { piece, ends: self.total, events });
        self.is_short = !keeps;
        self.trim();
        self.wake_readers();
    }

    pub(super) fn end(&mut self, end: End) {
        self.end_if_open(|| end);
    }

    pub(super) fn end_if_open(&mut self, end: impl FnOnce() -> End) {
        self.end.get_or_insert_with(end);
        self.wake_readers();
    }

    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        remember(&mut self.writer, cx);
        self.is_held_up = self.ahead() >= self.keeping.ahead as u64;
        if self.is_held_up { Poll::Pending } else { Poll::Ready(()) }
    }

    pub(super) fn count(&self) -> usize {
        self.readers.iter().flatten().count()
    }

    pub(super) fn join(&mut self) -> Option<usize> {
        let is_whole = self.fallen.0 == 0 && self.end.is_none();
        is_whole.then(|| self.seat(0))
    }

    pub(super) fn after(&mut self, number: u64) -> Result<usize, Missed> {
        let (fallen, _, events) = self.fallen;
        if fallen > 0 && (number == 0 || number < events) {
            return Err(Missed::FallenOff);
        }
        if number > self.entries.back().map_or(events, |last| last.events) {
            return Err(Missed::NotYet);
        }
        let skipped = self.entries.partition_point(|entry| number > 0 && entry.events <= number);
        Ok(self.seat(skipped))
    }

    pub(super) fn poll_head(&mut self, slot: usize, cx: &Context<'_>) -> Poll<Option<Arc<H>>> {
        if self.head.is_some() || self.end.is_some() {
            return Poll::Ready(self.head.clone());
        }
        self.wait(slot, cx);
        Poll::Pending
    }

    pub(super) fn poll_next(&mut self, slot: usize, cx: &Context<'_>) -> Poll<Read> {
        let Some(place) = self.readers.get_mut(slot).and_then(Option::as_mut) else {
            return Poll::Ready(Read::Outrun);
        };
        let Some(behind) = place.entry.checked_sub(self.fallen.0) else { return Poll::Ready(Read::Outrun) };
        let Some(entry) = usize::try_from(behind).ok().and_then(|behind| self.entries.get(behind)) else {
            if let Some(end) = &self.end {
                return Poll::Ready(Read::End(end.clone()));
            }
            self.wait(slot, cx);
            return Poll::Pending;
        };
        (place.entry, place.begins) = (place.entry + 1, entry.ends);
        let next = Read::Piece(entry.piece.clone(), entry.events);
        self.moved();
        Poll::Ready(next)
    }

    pub(super) fn leave(&mut self, slot: usize) {
        if let Some(place) = self.readers.get_mut(slot) {
            *place = None;
        }
        self.moved();
        if self.count() == 0 {
            self.wake_writer();
        }
    }

    /// A reader whose next entry is the one behind `skipped` of those that are held.
    fn seat(&mut self, skipped: usize) -> usize {
        if self.count() == 0 {
            self.wake_writer();
        }
        let begins = skipped.checked_sub(1).and_then(|last| self.entries.get(last)).map_or(self.fallen.1, |e| e.ends);
        self.seated += 1;
        let place = Some(Place { number: self.seated, entry: self.fallen.0 + skipped as u64, begins, waker: None });
        if let Some(free) = self.readers.iter().position(Option::is_none) {
            self.readers[free] = place;
            return free;
        }
        self.readers.push(place);
        self.readers.len() - 1
    }

    /// Where the reader stands whom the writer goes by: its next entry, and where that begins.
    fn pace(&self) -> Option<(u64, u64)> {
        let places = self.readers.iter().flatten();
        let place = match self.keeping.pace {
            Pace::Slowest => places.min_by_key(|place| place.entry),
            Pace::Latest => places.max_by_key(|place| place.number),
        };
        place.map(|place| (place.entry, place.begins))
    }

    /// How many bytes the writer is ahead.
    fn ahead(&self) -> u64 {
        self.pace().map_or(0, |(_, begins)| self.total - begins)
    }

    /// A reader has gone on, or away.
    fn moved(&mut self) {
        self.trim();
        if self.is_held_up && self.ahead() < self.keeping.ahead as u64 {
            self.is_held_up = false;
            self.wake_writer();
        }
    }

    /// Lets fall off what is read and not to be kept.
    fn trim(&mut self) {
        let limit = match self.keeping {
            _ if self.is_short => 0,
            Keeping { whole, .. } if self.fallen.0 == 0 && self.bytes <= whole => return,
            Keeping { last, .. } => last,
        };
        if self.bytes <= limit {
            return;
        }
        let unread = self.pace().map_or(u64::MAX, |(entry, _)| entry);
        while self.bytes > limit && self.fallen.0 < unread {
            let Some(entry) = self.entries.pop_front() else { break };
            self.bytes -= entry.piece.len();
            self.stock.take(entry.piece.len());
            self.fallen = (self.fallen.0 + 1, entry.ends, entry.events);
        }
    }

    fn wait(&mut self, slot: usize, cx: &Context<'_>) {
        if let Some(Some(place)) = self.readers.get_mut(slot) {
            remember(&mut place.waker, cx);
        }
    }

    fn wake_readers(&mut self) {
        self.due.extend(self.readers.iter_mut().flatten().filter_map(|place| place.waker.take()));
    }

    fn wake_writer(&mut self) {
        self.due.extend(self.writer.take());
    }
}

impl<H> Drop for State<H> {
    fn drop(&mut self) {
        self.stock.take(self.bytes);
    }
}

fn remember(waker: &mut Option<Waker>, cx: &Context<'_>) {
    if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *waker = Some(cx.waker().clone());
    }
}
