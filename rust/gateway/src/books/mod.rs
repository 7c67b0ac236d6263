//! The journal of a gateway: who writes to it ([`entries`]), how it is, and what it shows ([`metrics`]).

mod entries;
mod metrics;

pub(crate) use entries::Opening;

use crate::accounts::{self, Keep};
use crate::shared::Shared;
use crate::start_error::StartError;
use admission::Limits;
use journal::{Journal, OpenError, Settings, Writer};
use plan::{Level, Plan};
use record::Book;
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What cannot be written down while this many rounds of a worker pass is worth a line of the log.
const ROUNDS: u32 = 4;

/// The journal, if the plan has one.
#[derive(Debug, Default)]
pub(crate) struct Books {
    journal: Option<Journal>,
    /// Who keeps what limits know of it.
    keep: Option<Keep>,
    /// Of each worker, until it takes it.
    writers: Mutex<Vec<Option<Writer>>>,
    /// Calls and attempts that were served without being written down.
    unrecorded: [AtomicU64; 2],
}

impl Books {
    /// Opens the plan's journal, and counts it into the accounts of `limits`. Fails when another process has it, or when
    /// no file can be mapped there; a full disk is no failure.
    pub(crate) fn open(plan: &Plan, limits: &Arc<Limits>, workers: usize, now_ns: u64) -> Result<Self, StartError> {
        let Some(section) = &plan.journal else { return Ok(Self::default()) };
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|e| std::io::Error::other(e.to_string()))?;
        let settings = Settings {
            directory: section.directory.clone(),
            workers: u32::try_from(workers).unwrap_or(u32::MAX),
            segment_bytes: section.segment_bytes,
            sync_every: Duration::from_millis(section.sync_ms),
            keep_for: Duration::from_millis(section.keep_for_ms),
            keep_bytes: section.keep_bytes,
            plan: digest(&plan.hash),
            seed: u64::from_le_bytes(seed),
            clock: now,
        };
        let (journal, writers) = Journal::open(settings).map_err(|error| StartError {
            code: if matches!(error, OpenError::Taken(_)) { 69 } else { 1 },
            message: format!("journal.dir: {error}"),
        })?;
        let of_first = writers.first();
        let keep =
            of_first.map(|writer| accounts::start(&section.directory, limits, writer, section.keep_bytes, now_ns));
        if let Some(keep) = &keep {
            keep.has_started(journal.state().bytes);
        }
        let writers = Mutex::new(writers.into_iter().map(Some).collect());
        Ok(Self { journal: Some(journal), keep, writers, unrecorded: Default::default() })
    }

    /// Who keeps what limits know of the journal, where there is one.
    pub(crate) const fn keep(&self) -> Option<&Keep> {
        self.keep.as_ref()
    }

    /// A worker's book; to be asked for once by each.
    pub(crate) fn book(&self, worker: usize) -> Option<Rc<Book>> {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.get_mut(worker)?.take().map(|writer| Rc::new(Book::new(writer)))
    }

    /// Waits until all that was written is on the disk; to be called when all workers have ended.
    pub(crate) fn close(&self) {
        self.writers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Some(keep) = &self.keep {
            keep.close();
        }
        if let Some(journal) = &self.journal {
            journal.close();
        }
    }
}

/// Compares a book's clock with the wall's.
pub(crate) fn set_clock(book: &Book, wheel_ns: u64) {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    book.set_clock(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX), wheel_ns);
}

/// Who tells of a journal that has no room, and of one that has again.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    rounds: Cell<u32>,
}

impl Lookout {
    /// One look.
    pub(crate) fn look(&self, shared: &Arc<Shared>) {
        let Some(journal) = &shared.books.journal else { return };
        let rounds = self.rounds.get();
        let state = journal.state();
        if let Some(keep) = &shared.books.keep {
            keep.look(state.bytes, shared);
        }
        let is_waiting = state.waiting > 0;
        self.rounds.set(if is_waiting { rounds.saturating_add(1) } else { 0 });
        if is_waiting && rounds + 1 == ROUNDS {
            let message = "no segment can be allocated: is the disk full? `journal.when_full` says who is served";
            shared.log(Level::Error, "journal_full", json!({"message": message}));
        } else if !is_waiting && rounds >= ROUNDS {
            shared.log(Level::Info, "journal_has_room", json!({}));
        }
    }
}

/// A hash in hex as bytes.
fn digest(hex: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..hex.len()).step_by(2)) {
        *byte = hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default();
    }
    digest
}

/// The beginning of a plan's hash.
pub(crate) fn plan_hash(hex: &str) -> u64 {
    digest(hex).first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

#[expect(clippy::disallowed_methods, reason = "entries tell when they were written")]
fn now() -> SystemTime {
    SystemTime::now()
}
