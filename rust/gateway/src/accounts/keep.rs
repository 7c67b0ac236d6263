//! Checkpoints while calls are served.

use super::file::{self, CHECKPOINT};
use super::fold::Fold;
use super::recover::Recovered;
use super::since::Since;
use crate::compiled::Compiled;
use crate::shared::Shared;
use admission::{Accounts, Limits};
use plan::Level;
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How much of the journal may stand behind the last checkpoint: what a start has to count.
const MOST_BEHIND: u64 = 64 << 20;
/// A journal that keeps little keeps at least so many times what stands behind the checkpoint.
const SHARE: u64 = 8;
/// Under this name the journal knows how far it was counted.
const CONSUMER: &str = "accounts";

/// Who keeps the accounts of a journal.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(super) directory: PathBuf,
    most_behind: u64,
    since: Mutex<Since>,
    /// How much this process had written when the last checkpoint was begun.
    saved_bytes: AtomicU64,
    saving: Mutex<Option<JoinHandle<()>>>,
    /// What the start has found.
    pub(crate) recovered: Recovered,
    pub(super) counted: u64,
    pub(super) troubles: Vec<String>,
}

impl Keep {
    pub(super) fn new(directory: &Path, keep_bytes: u64, since: Since) -> Self {
        Self {
            directory: directory.to_owned(),
            most_behind: MOST_BEHIND.min(keep_bytes / SHARE),
            since: Mutex::new(since),
            saved_bytes: AtomicU64::new(0),
            saving: Mutex::default(),
            recovered: Recovered::default(),
            counted: 0,
            troubles: Vec::new(),
        }
    }

    pub(super) fn since<T>(&self, look: impl FnOnce(&Since) -> T) -> T {
        look(&self.since.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says what the start has found.
    pub(crate) fn tell(&self, shared: &Shared) {
        for message in &self.troubles {
            shared.log(Level::Error, "accounts_unreadable", json!({"message": message}));
        }
        let Recovered { calls, attempts, is_unwritten } = self.recovered;
        if calls > 0 {
            let fields = json!({"calls": calls, "attempts": attempts, "written": !is_unwritten});
            shared.log(Level::Warn, "journal_recovered", fields);
        }
        shared.log(Level::Debug, "accounts_counted", json!({"entries": self.counted}));
    }

    /// Notes the limits of a plan that goes into force, before it does.
    pub(crate) fn note(&self, limits: &Limits, now_ns: u64) -> io::Result<()> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.note(limits, now_ns) { since.write(&self.directory) } else { Ok(()) }
    }

    /// The start has counted and saved all that there is, of which this process has written `bytes`.
    pub(crate) fn has_started(&self, bytes: u64) {
        if self.troubles.is_empty() && !self.recovered.is_unwritten {
            self.saved_bytes.store(bytes, Relaxed);
        }
    }

    /// How much of the journal a start would have to count now, of which this process has written `bytes`.
    pub(crate) fn behind(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.saved_bytes.load(Relaxed))
    }

    /// Begins a checkpoint where one is due.
    pub(crate) fn look(&self, bytes: u64, shared: &Arc<Shared>) {
        if self.behind(bytes) < self.most_behind {
            return;
        }
        let mut saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        // Also where it fails: the next is due when as much was written again.
        self.saved_bytes.store(bytes, Relaxed);
        let (shared, compiled) = (Arc::clone(shared), shared.compiled());
        let run = move || {
            lower_priority();
            let Some(keep) = shared.books.keep() else { return };
            if let Err(message) = keep.make(&compiled) {
                shared.log(Level::Error, "accounts_unsaved", json!({"message": message}));
            }
        };
        *saving = std::thread::Builder::new().name("headgate-keep".to_owned()).spawn(run).ok();
    }

    /// Makes a checkpoint out of the last one and what was written since, in accounts of its own.
    fn make(&self, compiled: &Compiled) -> Result<(), String> {
        let told = |error: io::Error| format!("{}: {error}", self.directory.display());
        let limits = Arc::new(Limits::new(&compiled.plan, Arc::<Accounts>::default())?);
        let checkpoint = file::read(&self.directory, CHECKPOINT)?;
        let mut fold = self.since(|since| Fold::begin(&self.directory, &limits, since, checkpoint))?;
        fold.read().map_err(told)?;
        self.save(&fold).map_err(told)
    }

    /// Writes a checkpoint; what stands before it need not be kept for it.
    pub(super) fn save(&self, fold: &Fold) -> io::Result<()> {
        file::write(&self.directory, CHECKPOINT, &fold.checkpoint())?;
        self.since(|since| since.write(&self.directory))?;
        journal::acknowledge(&self.directory, CONSUMER, &fold.position())
    }

    /// Waits for a checkpoint that is being made.
    pub(crate) fn close(&self) {
        let saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(saving) = saving {
            drop(saving.join());
        }
    }
}

/// Calls come first. A system that does not know how goes on as it is.
fn lower_priority() {
    let thread = Some(rustix::thread::gettid());
    let _whether_it_can = rustix::process::setpriority_process(thread, 19);
}
