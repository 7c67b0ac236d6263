//! What a worker writes its entries with.

use crate::encode::{CLOSED, CLOSED_MOST, OPENED, SENT, SENT_MOST, SETTLED, SETTLED_MOST, bound, write};
use crate::entry::Entry;
use crate::frame::space;
use crate::lane::Lane;
use crate::segment::Pen;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::thread::Thread;

/// What a first attempt takes.
const FIRST: usize = space(SENT_MOST) + space(SETTLED_MOST);

/// There is no room: the segment is full and the next one could not be allocated, or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// One worker's end of a journal.
///
/// What was begun can be ended: with `opened` it sets room aside for that call's first attempt and its `closed`, with
/// the `sent` of another attempt for its `settled`. So these two alone ever meet [`Full`].
#[derive(Debug)]
pub struct Writer {
    lane: Arc<Lane>,
    keeper: Thread,
    pen: RefCell<Option<Pen>>,
    /// Room that is set aside.
    owed: Cell<usize>,
}

impl Writer {
    pub(crate) fn new(lane: Arc<Lane>, keeper: Thread) -> Self {
        Self { lane, keeper, pen: RefCell::default(), owed: Cell::new(0) }
    }

    /// Writes an entry down. Allocates nothing and does not call the system, but when a segment is full: then its keeper
    /// is woken.
    ///
    /// A process that is killed behind it has written the entry; one that is killed within it has not.
    pub fn append(&self, entry: &Entry<'_>) -> Result<(), Full> {
        let (kind, bound) = bound(entry);
        let owed = self.owed.get();
        let owed = match kind {
            OPENED => owed + FIRST + space(CLOSED_MOST),
            SENT if entry.attempt() == Some(1) => owed.saturating_sub(space(SENT_MOST)),
            SENT => owed + space(SETTLED_MOST),
            SETTLED => owed.saturating_sub(space(SETTLED_MOST)),
            _ => owed.saturating_sub(space(CLOSED_MOST)),
        };
        let needs = space(bound) + owed;
        let mut pen = self.pen.borrow_mut();
        if pen.as_ref().is_none_or(|pen| pen.room() < needs) {
            self.turn_over(&mut pen, needs)?;
        }
        let pen = pen.as_mut().ok_or(Full)?;
        let space = pen.write(kind, bound, |room| write(entry, room)).ok_or(Full)?;
        self.owed.set(owed);
        self.lane.count(usize::from(kind) - 1, space);
        Ok(())
    }

    /// A call that was opened makes no attempt: the room that was set aside for one is free again.
    pub fn forgo_attempt(&self) {
        self.owed.set(self.owed.get().saturating_sub(FIRST));
    }

    /// Takes the next segment, if it is there and has room.
    #[cold]
    fn turn_over(&self, pen: &mut Option<Pen>, needs: usize) -> Result<(), Full> {
        let mut hand = self.lane.hand();
        let next = hand.next.take_if(|next| next.room() >= needs).ok_or(Full)?;
        let full = hand.current.replace(Arc::clone(&next.segment));
        hand.left.extend(full);
        *pen = Some(next);
        drop(hand);
        self.keeper.unpark();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.pen.take();
        let mut hand = self.lane.hand();
        let last = hand.current.take();
        hand.left.extend(last);
        hand.is_done = true;
        drop(hand);
        self.keeper.unpark();
    }
}

const _: () = assert!(OPENED == 1 && SENT == 2 && SETTLED == 3 && CLOSED == 4, "the order of `KINDS`");
