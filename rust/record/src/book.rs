//! A call in the journal: `opened` once its route is known, `sent` and `settled` for each attempt, `closed` at its end;
//! each once, whatever becomes of the call.

use crate::call::{Attempt, Borrowed, Outcome, Record};
use fault::Kind;
use journal::{Closed, Counts, Entry, Full, Opened, Sent, Settled, Source, Tags, Writer};
use protocol::openai::usage::Class;
use std::cell::Cell;
use std::rc::Rc;

/// Where a worker's calls are written down.
#[derive(Debug)]
pub struct Book {
    writer: Writer,
    /// The time since 1970 at which the wheel was 0, in nanoseconds.
    wheel_began_ns: Cell<u64>,
}

impl Book {
    /// A book that has nothing in it. Its clock is to be set before the first call.
    pub const fn new(writer: Writer) -> Self {
        Self { writer, wheel_began_ns: Cell::new(0) }
    }

    /// Compares the clocks: `unix_ns` since 1970 is `wheel_ns` of the wheel. Between two comparisons time goes as the
    /// wheel does, so that entries of a call are in order although a clock is set.
    pub fn set_clock(&self, unix_ns: u64, wheel_ns: u64) {
        self.wheel_began_ns.set(unix_ns.saturating_sub(wheel_ns));
    }

    fn unix_ns(&self, wheel_ns: u64) -> u64 {
        self.wheel_began_ns.get() + wheel_ns
    }
}

/// Who is behind a call, besides its key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity<'a> {
    /// The team of the key.
    pub team: &'a str,
    /// As the policy's `identity` finds it.
    pub user: &'a str,
    /// The same.
    pub agent: &'a str,
    /// The same.
    pub session: &'a str,
    /// The same.
    pub task: &'a str,
    /// What the call is tagged with.
    pub tags: Tags<'a>,
    /// The model that it names, where that is not its alias.
    pub model: &'a str,
}

/// What of a call stands in the journal.
#[derive(Debug)]
pub(crate) struct Page {
    book: Rc<Book>,
    /// Attempts that were sent and are not settled, as bits.
    open: u64,
    /// Whether the first was sent.
    has_sent: bool,
}

/// What an attempt came to, beside what its record knows.
#[derive(Clone, Copy)]
struct End {
    took_ns: u64,
    first_token_ns: Option<u64>,
}

impl Record {
    /// Opens the call's page; to be called once, when its route is known. `plan` is the beginning of the plan's hash.
    /// Where it fails, the journal will have nothing of the call.
    pub fn opens(&mut self, book: &Rc<Book>, plan: u64, identity: &Identity<'_>) -> Result<(), Full> {
        let Identity { team, user, agent, session, task, tags, model } = *identity;
        let series = self.series.as_ref();
        let opened = Opened {
            call: self.id.number(),
            // What it holds is of the window that was open then, and not when its head came.
            at_ns: book.unix_ns(if self.hold().is_some() { self.wheel().now() } else { self.opened_ns() }),
            plan,
            streamed: series.is_some_and(|series| series.streamed),
            alias: series.map_or("", |series| &series.alias),
            operation: series.map_or("", |series| series.operation),
            key: self.key().map_or("", |key| key),
            team,
            user,
            agent,
            session,
            task,
            tags,
            model,
            source: match self.borrowed() {
                None => Source::Own,
                Some(Borrowed::Shared(_)) => Source::Shared,
                Some(Borrowed::Resumed(..)) => Source::Resumed,
            },
        };
        let written = book.writer.append(&Entry::Opened(opened));
        self.is_recorded = Some(written.is_ok());
        written?;
        self.page = Some(Page { book: Rc::clone(book), open: 0, has_sent: false });
        Ok(())
    }

    /// Writes an attempt down that is about to be sent. `sent` is told the call's id, and its time in that of the wheel.
    /// Where it fails, the journal will not have its end either.
    pub fn sends(&mut self, sent: Sent<'_>) -> Result<(), Full> {
        let call = self.id.number();
        // What is gone on with was answered from, and is over.
        self.settles_answered(sent.at_ns);
        let Some(page) = &mut self.page else { return Ok(()) };
        let at_ns = page.book.unix_ns(sent.at_ns);
        page.book.writer.append(&Entry::Sent(Sent { call, at_ns, ..sent }))?;
        page.open |= bit(sent.attempt);
        page.has_sent |= sent.attempt == 1;
        Ok(())
    }

    /// The last attempt, which was answered from, is over.
    fn settles_answered(&mut self, now_ns: u64) {
        let first_token_ns = self.first_token_ns;
        let (Some(page), Some(attempt)) = (&mut self.page, self.attempts.last()) else { return };
        let took_ns = now_ns.saturating_sub(attempt.started_ns);
        page.settle(self.id.number(), attempt, End { took_ns, first_token_ns });
    }

    /// The last attempt was told: where nothing more can come of it, it is over.
    pub(crate) fn settles_told(&mut self) {
        let (Some(page), Some(attempt)) = (&mut self.page, self.attempts.last()) else { return };
        if attempt.failed() || attempt.result.is_none() {
            page.settle(self.id.number(), attempt, End { took_ns: attempt.took_ns, first_token_ns: None });
        }
    }

    /// Closes the call's page.
    pub(crate) fn closes(&mut self, outcome: Outcome, fault: Option<Kind>, took_ns: u64) {
        let now_ns = self.opened_ns() + took_ns;
        self.settles_answered(now_ns);
        let Some(page) = self.page.take() else { return };
        if !page.has_sent {
            page.book.writer.forgo_attempt();
        }
        let (bytes_in, bytes_out) = self.bytes();
        let closed = Closed {
            call: self.id.number(),
            at_ns: page.book.unix_ns(now_ns),
            attempts: u16::try_from(self.attempts.len()).unwrap_or(u16::MAX),
            status: self.status(),
            took_ns,
            bytes_in,
            bytes_out,
            outcome: outcome.name(),
            fault: fault.map_or("", |kind| kind.row().code),
        };
        // Room for it was set aside when the page was opened.
        page.book.writer.append(&Entry::Closed(closed)).unwrap_or_default();
    }
}

impl Page {
    /// Settles an attempt that was sent, once.
    fn settle(&mut self, call: u128, attempt: &Attempt, end: End) {
        let bit = bit(attempt.number);
        if self.open & bit == 0 {
            return;
        }
        self.open &= !bit;
        let charge = &attempt.charge;
        let (status, fault) = match attempt.result {
            Some(Ok(status)) => (Some(status), ""),
            Some(Err(kind)) => (None, kind.row().code),
            None => (None, ""),
        };
        let settled = Settled {
            call,
            at_ns: self.book.unix_ns(attempt.started_ns + end.took_ns),
            attempt: attempt.number,
            status,
            took_ns: end.took_ns,
            first_token_ns: end.first_token_ns,
            nano_usd: charge.nano_usd,
            used: counts(&charge.usage.by_class(), charge.usage.audio_ms),
            rates: charge.rates.map_or(Counts::default(), |rates| counts(&rates, 0)),
            basis: charge.basis.name(),
            class: attempt.words[0],
            fault,
            price: "",
        };
        // Room for it was set aside when it was sent.
        self.book.writer.append(&Entry::Settled(settled)).unwrap_or_default();
    }
}

/// The journal's classes are those of tokens, and sound by its length.
fn counts(tokens: &[u64; Class::ALL.len()], audio_ms: u64) -> Counts {
    let mut counts = Counts::default();
    if let Some((last, first)) = counts.0.split_last_mut() {
        first.copy_from_slice(tokens);
        *last = audio_ms;
    }
    counts
}

/// Attempts of a call are few; those beyond 63 share a bit.
fn bit(attempt: u16) -> u64 {
    1 << attempt.min(63)
}

const _: () = assert!(journal::CLASSES.len() == Class::ALL.len() + 1, "the journal has all classes");

#[cfg(test)]
mod tests;
