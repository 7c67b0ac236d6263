//! The thread that allocates segments ahead, hands what was appended to the disk, closes what is full and removes what
//! is old.

use crate::directory;
use crate::header::{Header, LENGTH};
use crate::lane::Lane;
use crate::open::Settings;
use crate::retain::{Rules, retain};
use crate::segment::{Pen, Segment};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often it is looked after old segments.
const RETAIN_EVERY_NS: u64 = 10_000_000_000;

/// What others see of a keeper.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) lanes: Vec<Arc<Lane>>,
    pub(crate) segments: AtomicU64,
    pub(crate) sync_errors: AtomicU64,
    pub(crate) removed_unread: AtomicU64,
    pub(crate) torn_tails: u64,
    clock: fn() -> SystemTime,
    /// When everything was on the disk, in nanoseconds since 1970.
    synced_ns: AtomicU64,
}

impl Watched {
    pub(crate) fn new(lanes: Vec<Arc<Lane>>, clock: fn() -> SystemTime, torn_tails: u64) -> Self {
        let synced_ns = AtomicU64::new(unix_ns(clock()));
        Self {
            lanes,
            segments: AtomicU64::new(0),
            sync_errors: AtomicU64::new(0),
            removed_unread: AtomicU64::new(0),
            torn_tails,
            clock,
            synced_ns,
        }
    }

    /// How long ago everything was on the disk; 0 where it is.
    pub(crate) fn lag_ns(&self) -> u64 {
        let is_behind = |lane: &Arc<Lane>| {
            let hand = lane.hand();
            !hand.left.is_empty() || hand.current.as_ref().is_some_and(|segment| segment.end() > segment.synced())
        };
        if !self.lanes.iter().any(is_behind) {
            return 0;
        }
        unix_ns((self.clock)()).saturating_sub(self.synced_ns.load(Relaxed))
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Keeper {
    settings: Settings,
    rules: Rules,
    watched: Arc<Watched>,
    /// The last sequence of each worker.
    sequences: BTreeMap<u32, u64>,
    retained_ns: u64,
    /// Held as long as this lives.
    _lock: File,
}

impl Keeper {
    pub(crate) fn new(settings: Settings, rules: Rules, watched: Arc<Watched>, lock: File) -> io::Result<Self> {
        let named = directory::segments(&settings.directory)?;
        let sequences = named.into_iter().map(|named| (named.worker, named.sequence)).collect();
        Ok(Self { settings, rules, watched, sequences, retained_ns: 0, _lock: lock })
    }

    /// Runs until all writers are gone and all that they wrote is on the disk.
    pub(crate) fn run(mut self) {
        loop {
            let is_last = self.watched.lanes.iter().all(|lane| lane.hand().is_done);
            self.round();
            if is_last {
                break;
            }
            std::thread::park_timeout(self.settings.sync_every);
        }
        for lane in &self.watched.lanes {
            if let Some(unused) = lane.hand().next.take() {
                drop(std::fs::remove_file(&unused.segment.path));
            }
        }
    }

    fn round(&mut self) {
        let now_ns = unix_ns((self.settings.clock)());
        // A disk that is full now may have room at the next round.
        drop(self.allocate());
        if self.sync() {
            self.watched.synced_ns.store(now_ns, Relaxed);
        }
        if now_ns.saturating_sub(self.retained_ns) >= RETAIN_EVERY_NS {
            self.retained_ns = now_ns;
            self.retain();
        }
    }

    /// Makes a segment for each worker that has none ahead. A full disk is no error here.
    pub(crate) fn allocate(&mut self) -> io::Result<()> {
        let lanes = self.watched.lanes.clone();
        for (worker, lane) in (0..).zip(&lanes) {
            if lane.hand().next.is_some() || lane.hand().is_done {
                continue;
            }
            match self.make(worker) {
                Ok(pen) => lane.hand().next = Some(pen),
                Err(error) if is_full(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn make(&mut self, worker: u32) -> io::Result<Pen> {
        let created_ns = unix_ns((self.settings.clock)());
        let previous = self.sequences.get(&worker).copied().unwrap_or_default();
        let sequence = (previous + 1).max(created_ns / 1_000_000);
        let place = [u64::from(worker).to_le_bytes(), sequence.to_le_bytes()].concat();
        let header = Header {
            worker,
            sequence,
            previous,
            created_ns,
            capacity: self.settings.segment_bytes.next_multiple_of(8),
            salt: crc32c::crc32c_append(crc32c::crc32c(&self.settings.seed.to_le_bytes()), &place),
            plan: self.settings.plan,
        };
        let segment = Segment::make(directory::path(&self.settings.directory, worker, sequence), header)?;
        directory::sync(&self.settings.directory)?;
        self.sequences.insert(worker, sequence);
        self.watched.segments.fetch_add(1, Relaxed);
        Ok(Pen::new(segment))
    }

    /// Hands what was appended to the disk; closes what is full. Says whether all went well.
    fn sync(&self) -> bool {
        let mut is_well = true;
        for lane in &self.watched.lanes {
            let current = lane.hand().current.clone();
            if let Some(segment) = current {
                segment.populate();
                is_well &= self.note(&segment.sync());
            }
            let left = std::mem::take(&mut lane.hand().left);
            for segment in left {
                is_well &= self.note(&segment.sync());
                is_well &= self.note(&close(segment));
            }
        }
        is_well
    }

    fn note(&self, done: &io::Result<()>) -> bool {
        self.watched.sync_errors.fetch_add(u64::from(done.is_err()), Relaxed);
        done.is_ok()
    }

    fn retain(&self) {
        let held: HashSet<PathBuf> = self
            .watched
            .lanes
            .iter()
            .flat_map(|lane| {
                let hand = lane.hand();
                let next = hand.next.as_ref().map(|pen| pen.segment.path.clone());
                hand.current
                    .iter()
                    .chain(&hand.left)
                    .map(|segment| segment.path.clone())
                    .chain(next)
                    .collect::<Vec<_>>()
            })
            .collect();
        // What cannot be removed now may be at the next time.
        if let Ok((segments, unread)) = retain(&self.settings.directory, &held, (self.settings.clock)(), self.rules) {
            self.watched.segments.store(segments, Relaxed);
            self.watched.removed_unread.fetch_add(unread, Relaxed);
        }
    }
}

/// Unmaps a segment and cuts its file behind its last record: readers see by that that it is over.
fn close(segment: Arc<Segment>) -> io::Result<()> {
    let Some(segment) = Arc::into_inner(segment) else { return Ok(()) };
    let end = segment.end();
    let (file, path) = segment.unmap();
    if end == LENGTH {
        return std::fs::remove_file(path);
    }
    file.set_len(end as u64)?;
    file.sync_all()
}

/// Whether there was no room for a file, of all that may be wrong with it.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn unix_ns(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
