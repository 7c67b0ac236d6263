//! What providers write down of one call's attempts.

use crate::executor::Slot;
use crate::fleet::Fleet;
use crate::oracle::{self, Began};
use crate::visit::{Ending, Place, Visit};
use std::cell::RefCell;
use std::rc::Rc;

/// What providers wrote down of one call's attempts.
pub(crate) struct Book {
    fleet: Rc<Fleet>,
    /// As the oracle counts them.
    replica: usize,
    visits: RefCell<Vec<Visit>>,
}

impl Book {
    pub(crate) fn new(fleet: Rc<Fleet>, replica: usize) -> Self {
        Self { replica: fleet.counted_as(replica), fleet, visits: RefCell::default() }
    }

    /// Opens the page of an attempt.
    pub(crate) fn open(self: &Rc<Self>, place: Place, number: u32, is_hedge: bool) -> Page {
        let now_ns = self.fleet.now();
        let mut visits = self.visits.borrow_mut();
        let is_retry = is_hedge || visits.iter().any(|visit| visit.place.provider == place.provider);
        visits.push(Visit { is_hedge, ..Visit::new(place, number, now_ns) });
        self.fleet.oracle.began(now_ns, &Began { replica: self.replica, place, number, is_retry });
        Page { book: Rc::clone(self), index: visits.len() - 1, slot: None, is_open: true }
    }

    /// Changes or reads a page; none where there is no such page.
    pub(crate) fn with<T>(&self, index: usize, change: impl FnOnce(&mut Visit) -> T) -> Option<T> {
        self.visits.borrow_mut().get_mut(index).map(change)
    }

    /// All pages, when the call is over.
    pub(crate) fn close(&self) -> Vec<Visit> {
        self.visits.take()
    }
}

/// An attempt in the provider's book. Dropped while it is open: the gateway went away.
pub(crate) struct Page {
    book: Rc<Book>,
    pub(crate) index: usize,
    /// The place that it takes at the provider.
    pub(crate) slot: Option<Slot>,
    is_open: bool,
}

impl Page {
    /// Content comes, from now on.
    pub(crate) fn commit(&self) {
        let (now_ns, book) = (self.book.fleet.now(), &self.book);
        let known = book.with(self.index, |visit| {
            visit.committed_ns = Some(now_ns);
            (visit.place, visit.began_ns)
        });
        if let Some((place, began_ns)) = known {
            book.fleet.oracle.committed(now_ns, book.replica, &place, began_ns);
        }
    }

    /// When it began.
    pub(crate) fn began_ns(&self) -> u64 {
        self.book.with(self.index, |visit| visit.began_ns).unwrap_or(0)
    }

    /// Whose book it is: an index into the plan's providers.
    pub(crate) fn provider(&self) -> usize {
        self.book.with(self.index, |visit| visit.place.provider).unwrap_or(0)
    }

    /// So many tokens were sent.
    pub(crate) fn sent(&self, tokens: u64) {
        self.book.with(self.index, |visit| visit.output_tokens = tokens);
    }

    /// What the gateway makes of it, in its own words.
    pub(crate) fn judged(&self, class: &'static str) {
        self.book.with(self.index, |visit| visit.class = class);
    }

    /// It ends.
    pub(crate) fn end(mut self, ending: Ending) {
        self.close(ending);
    }

    fn close(&mut self, ending: Ending) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let (now_ns, book) = (self.book.fleet.now(), &self.book);
        let known = book.with(self.index, |visit| {
            visit.ending = ending;
            visit.ended_ns = now_ns;
            *visit
        });
        let Some(Visit { place, began_ns, committed_ns, .. }) = known else { return };
        let cause = if let Ending::Failed(cause) = ending { Some(cause) } else { None };
        let is_whole = ending == Ending::Whole;
        let ended = oracle::Ended { began_ns, was_committed: committed_ns.is_some(), is_whole, cause };
        book.fleet.oracle.ended(now_ns, book.replica, &place, ended);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.close(Ending::Left);
        self.slot.take();
    }
}
