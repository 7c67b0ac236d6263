//! The journal of a gateway: who writes to it, what becomes of calls that it has no room for, and what it shows.

use crate::accounts::{self, Keep};
use crate::call::Lost;
use crate::exchange::Exchange;
use crate::serve::Server;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::start_error::StartError;
use crate::tariff::Tariff;
use admission::Limits;
use attempt::Attempt;
use fault::{Fault, Kind};
use journal::{Journal, KINDS, OpenError, Sent, Settings, TagList, Writer};
use plan::{Level, Plan, WhenFull};
use record::{Book, Family, FamilyKind, Identified, Identity, Record, Sample, Value};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECOND_NS: u64 = 1_000_000_000;
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
    /// Opens the plan's journal, and counts it into the accounts of `limits`. Fails when another process has it, or when no file can be mapped there; a full disk is
    /// no failure.
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

    /// Of each worker whether it has room to go on to, in metrics.
    pub(crate) fn families(&self) -> Vec<Family> {
        let Some(journal) = &self.journal else { return Vec::new() };
        let state = journal.state();
        let count = |name, help, samples| Family { name, help, kind: FamilyKind::Counter, samples };
        let gauge = |name, help, value| {
            let samples = vec![Sample { labels: vec![], value }];
            Family { name, help, kind: FamilyKind::Gauge, samples }
        };
        let one = |count: u64| vec![Sample { labels: vec![], value: Value::Count(count) }];
        let each = |label: &'static str, words: &[&str], counts: &[u64]| {
            let samples = words.iter().zip(counts);
            let sample = |(word, count): (&&str, &u64)| Sample {
                labels: vec![(label, (*word).to_owned())],
                value: Value::Count(*count),
            };
            samples.map(sample).collect::<Vec<_>>()
        };
        let level = |number: u64| Value::Level(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
        let unrecorded = self.unrecorded.each_ref().map(|count| count.load(Ordering::Relaxed));
        let recovered = self.keep.as_ref().map(|keep| keep.recovered).unwrap_or_default();
        let recovered = (["calls", "attempts"], [recovered.calls, recovered.attempts]);
        let behind = self.keep.as_ref().map_or(0, |keep| keep.behind(state.bytes));
        let lag = Value::Level(Duration::from_nanos(state.lag_ns).as_secs_f64());
        vec![
            count("headgate_journal_entries", "Entries of the journal.", each("kind", &KINDS, &state.entries)),
            count("headgate_journal_bytes", "Their bytes.", one(state.bytes)),
            count(
                "headgate_journal_unrecorded",
                "What was served without being written down.",
                each("what", &["calls", "attempts"], &unrecorded),
            ),
            count(
                "headgate_journal_recovered",
                "What a killed process had left open, settled at the start.",
                each("what", &recovered.0, &recovered.1),
            ),
            count("headgate_journal_sync_errors", "How often the disk did not take it.", one(state.sync_errors)),
            count("headgate_journal_removed_unread", "Segments that went unread.", one(state.removed_unread)),
            gauge("headgate_journal_segments", "Segments in the journal's directory.", level(state.segments)),
            gauge("headgate_journal_waiting", "Workers that have no segment to go on to.", level(state.waiting)),
            gauge("headgate_journal_torn_tails", "Entries found unfinished at the start.", level(state.torn_tails)),
            gauge("headgate_journal_uncounted_bytes", "What a start would count into limits.", level(behind)),
            gauge("headgate_journal_lag_seconds", "Since when not all of it is on the disk.", lag),
        ]
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

/// What the journal is to know of a call besides its route and who is behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Opening<'a> {
    /// Of the caller's key.
    pub(crate) team: Option<&'a str>,
    /// The name that the caller asks for.
    pub(crate) model: &'a str,
    /// Whether a budget that must hold counts on it.
    pub(crate) is_budgeted: bool,
}

impl Server {
    /// Opens a call in the journal, where there is one.
    pub(crate) fn opens(&self, snapshot: &Snapshot, opening: Opening<'_>, record: &mut Record) -> Result<(), Lost> {
        let Some(book) = &self.book else { return Ok(()) };
        let identified = record.identity().map(Rc::clone);
        let tags = identified.as_ref().map(|known| tag_list(&known.tags)).unwrap_or_default();
        let said = |said: fn(&Identified) -> &Option<Box<str>>| {
            identified.as_ref().and_then(|known| said(known).as_deref()).unwrap_or_default()
        };
        let identity = Identity {
            team: opening.team.unwrap_or_default(),
            user: said(|known| &known.user),
            agent: said(|known| &known.agent),
            session: said(|known| &known.session),
            task: said(|known| &known.task),
            tags: tags.as_tags(),
            model: if record.series().is_some_and(|series| *series.alias == *opening.model) {
                ""
            } else {
                opening.model
            },
        };
        if record.opens(book, snapshot.plan_hash, &identity).is_ok() {
            return Ok(());
        }
        if may_go_unrecorded(snapshot, opening.is_budgeted) {
            self.shared.books.unrecorded[0].fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let pause_ns = Some(SECOND_NS + self.local.draw(2 * SECOND_NS));
        Err(Lost { fault: full(), again: None, pause_ns })
    }
}

fn may_go_unrecorded(snapshot: &Snapshot, is_budgeted: bool) -> bool {
    let section = snapshot.compiled.plan.journal.as_ref();
    match section.map_or(WhenFull::RefuseBudgeted, |section| section.when_full) {
        WhenFull::RefuseBudgeted => !is_budgeted,
        WhenFull::Refuse => false,
        WhenFull::Serve => true,
    }
}

impl Exchange<'_> {
    /// Writes an attempt down before anything of it is sent.
    pub(crate) fn sends(&self, attempt: &Attempt<'_>, tariff: &Tariff) -> Result<(), Fault> {
        if self.call.server.book.is_none() {
            return Ok(());
        }
        let series = self.call.snapshot.attempt_series(attempt.candidate);
        let small = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        let sent = Sent {
            call: 0,
            at_ns: attempt.started_ns,
            attempt: u16::try_from(attempt.number).unwrap_or(u16::MAX),
            step: small(attempt.candidate.step),
            endpoint: small(attempt.endpoint),
            credential: small(attempt.credential),
            hedge: attempt.is_hedge,
            input_tokens: tariff.prompt_tokens().max(self.ask.expects.input_tokens),
            output_tokens: self.ask.expects.output_tokens,
            reserved_nano_usd: self.ask.expects.cost.map(|cost| cost.most_nano_usd),
            provider: &series.provider,
            deployment: &series.deployment,
            model: &attempt.candidate.model,
        };
        if self.record.borrow_mut().sends(sent).is_ok() {
            return Ok(());
        }
        if may_go_unrecorded(self.call.snapshot, self.ask.is_budgeted) {
            self.call.server.shared.books.unrecorded[1].fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        Err(full())
    }
}

/// Tags as the journal has them: `team=blue` has a name and a value, `nightly` a name alone.
fn tag_list(tags: &[Box<str>]) -> TagList {
    let mut list = TagList::default();
    for tag in tags {
        let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
        // What finds no room is left out: a call of so many tags is known by the others.
        let _had_room = list.push(name, value);
    }
    list
}

fn full() -> Fault {
    let sentence = "The gateway cannot write down what this call uses, since its disk is full, and serves only calls \
                    that need not be (`journal.when_full`); send the call again later";
    Fault::new(Kind::JournalFull, sentence)
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
