//! A journal that is written: opened once, closed when all its writers are gone.

use crate::directory;
use crate::header::LENGTH;
use crate::keeper::{Keeper, Watched};
use crate::lane::{KINDS, Lane, State};
use crate::retain::Rules;
use crate::scan::{Next, Scan};
use crate::writer::Writer;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where its segments are. Made where it is not there.
    pub directory: PathBuf,
    /// How many workers write to it.
    pub workers: u32,
    /// The length of a segment: 64 KiB or more.
    pub segment_bytes: u64,
    /// How often what was appended is handed to the disk: what a power cut may lose.
    pub sync_every: Duration,
    /// How long a segment is kept at least.
    pub keep_for: Duration,
    /// How much all segments may take together, before the oldest go in spite of that.
    pub keep_bytes: u64,
    /// SHA-256 of the plan in force.
    pub plan: [u8; 32],
    /// Random: what the checksums start from.
    pub seed: u64,
    /// The time of the wall clock.
    pub clock: fn() -> SystemTime,
}

/// Why a journal cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process writes to it.
    Taken(PathBuf),
    /// The system says no.
    Failed(PathBuf, io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(directory) => write!(
                f,
                "{}: another process writes its journal there: stop it, or choose another directory",
                directory.display()
            ),
            Self::Failed(directory, error) => {
                write!(f, "{}: cannot keep a journal there: {error}", directory.display())
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// A journal that is written.
#[derive(Debug)]
pub struct Journal {
    watched: Arc<Watched>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal of a directory, for one process at a time, and gives each worker its writer. A full disk is no
    /// error: then writers say [`crate::Full`] until there is room.
    ///
    /// Segments of an earlier process are closed first; what it did not finish to write is counted.
    pub fn open(settings: Settings) -> Result<(Self, Vec<Writer>), OpenError> {
        let directory = settings.directory.clone();
        let failed = |error| OpenError::Failed(directory.clone(), error);
        let lock = directory::lock(&directory).map_err(failed)?.ok_or_else(|| OpenError::Taken(directory.clone()))?;
        directory::tidy(&directory).map_err(failed)?;
        let torn_tails = close_old(&directory).map_err(failed)?;
        let lanes: Vec<Arc<Lane>> = (0..settings.workers).map(|_| Arc::default()).collect();
        let watched = Arc::new(Watched::new(lanes.clone(), settings.clock, torn_tails));
        let rules = Rules {
            age_ns: u64::try_from(settings.keep_for.as_nanos()).unwrap_or(u64::MAX),
            bytes: settings.keep_bytes,
        };
        let mut keeper = Keeper::new(settings, rules, Arc::clone(&watched), lock).map_err(failed)?;
        keeper.allocate().map_err(failed)?;
        let (ready, up) = mpsc::channel();
        let run = move || {
            ready.send(()).unwrap_or_default();
            keeper.run();
        };
        let thread = std::thread::Builder::new().name("headgate-journal".to_owned()).spawn(run).map_err(failed)?;
        up.recv().unwrap_or_default();
        let writers = lanes.into_iter().map(|lane| Writer::new(lane, thread.thread().clone())).collect();
        Ok((Self { watched, keeper: Mutex::new(Some(thread)) }, writers))
    }

    /// What it did and how it is.
    pub fn state(&self) -> State {
        let Watched { lanes, segments, sync_errors, removed_unread, .. } = &*self.watched;
        let mut state = State {
            segments: segments.load(Relaxed),
            sync_errors: sync_errors.load(Relaxed),
            removed_unread: removed_unread.load(Relaxed),
            torn_tails: self.watched.torn_tails,
            lag_ns: self.watched.lag_ns(),
            ..State::default()
        };
        for lane in lanes {
            for kind in 0..KINDS.len() {
                state.entries[kind] += lane.entries[kind].load(Relaxed);
            }
            state.bytes += lane.bytes.load(Relaxed);
            let hand = lane.hand();
            state.waiting += u64::from(hand.next.is_none() && !hand.is_done);
        }
        state
    }

    /// Waits until all that was appended is on the disk and all segments are closed. Comes back when the last writer is
    /// gone, and not before.
    pub fn close(&self) {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(keeper) = keeper {
            drop(keeper.join());
        }
    }
}

/// Closes what an earlier process left open. Returns how many segments end in something that is no entry.
fn close_old(directory: &Path) -> io::Result<u64> {
    let mut torn_tails = 0;
    for named in directory::segments(directory)? {
        let (file, header) = directory::open(&named.path)?;
        let Ok(header) = header else { continue };
        let length = file.metadata()?.len();
        if length < header.capacity {
            continue;
        }
        let mut scan = Scan::new(file, header)?;
        let end = end(&mut scan, &mut torn_tails)?;
        if end == LENGTH as u64 {
            std::fs::remove_file(&named.path)?;
        } else if end < length {
            let file = std::fs::File::options().write(true).open(&named.path)?;
            let modified = file.metadata()?.modified()?;
            file.set_len(end)?;
            file.set_modified(modified)?;
            file.sync_all()?;
        }
    }
    directory::sync(directory)?;
    Ok(torn_tails)
}

/// Where a segment ends that nobody writes to any more: behind its last byte that is not 0.
fn end(scan: &mut Scan, torn_tails: &mut u64) -> io::Result<u64> {
    loop {
        match scan.next(true)? {
            Next::Record(found) => scan.pass(found),
            Next::Damage { .. } => {}
            Next::End { torn } => {
                *torn_tails += u64::from(torn > 0);
                return Ok(scan.offset() + torn);
            }
        }
    }
}
