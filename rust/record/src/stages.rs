//! Where the time of calls goes, stage by stage: counts that are switched on and off while calls run.
//!
//! A call asks once, when its record opens, whether it is to be looked at: one relaxed load, and all there is to it
//! while the switch is off. A call that is looked at reads the clock about a dozen times and allocates nothing; its
//! counts have one writer, like all of a worker's meters.
//!
//! Working and waiting are apart. A stage that works is the gateway's own time; one that waits is the caller's or the
//! provider's, and with it the time until a busy worker comes back to the call, which cannot be told from it.
//!
//! Each time it is switched on is a *run* with a number of its own. A worker clears its counts when it meets the first
//! call of a new run, so nobody but their writer ever writes them; calls that opened in an earlier run are not counted
//! in a later one.

use crate::meter::Counter;
use crate::metrics::Meters;
use serde::Serialize;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, OnceLock};

/// A stage of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From the event loop's turn to the opening of the record: the read, and the head.
    Head,
    /// The caller's key and what it may do.
    Admission,
    /// For the caller's body.
    BodyWait,
    /// The body, and the scan for what routing needs.
    Read,
    /// The alias, and the choice of an endpoint.
    Route,
    /// For a new connection to the provider.
    ConnectWait,
    /// The request to the provider: pool, head, body.
    Send,
    /// For the provider's first byte.
    Wait,
    /// The provider's head and first byte, and the head of our answer.
    Answer,
    /// A piece of the answer, from the provider's connection to the listener.
    Forward,
    /// For a further piece of the answer; what came before it is written meanwhile.
    PieceWait,
    /// The end of the body, and the record: settled, counted, logged.
    Close,
    /// The answer to the caller: each write.
    Write,
}

impl Stage {
    /// All, in the order of a call.
    pub const ALL: [Self; 13] = [
        Self::Head,
        Self::Admission,
        Self::BodyWait,
        Self::Read,
        Self::Route,
        Self::ConnectWait,
        Self::Send,
        Self::Wait,
        Self::Answer,
        Self::Forward,
        Self::PieceWait,
        Self::Close,
        Self::Write,
    ];

    /// One line for people.
    const fn what(self) -> &'static str {
        match self {
            Self::Head => "read the head and parse it",
            Self::Admission => "find the key and what it may do",
            Self::BodyWait => "wait for the caller's body",
            Self::Read => "take the body and scan it",
            Self::Route => "choose the endpoint",
            Self::ConnectWait => "wait for a new connection to the provider",
            Self::Send => "send the request to the provider",
            Self::Wait => "wait for the provider's first byte",
            Self::Answer => "take the provider's head, make ours",
            Self::Forward => "take one piece of the body and hand it on",
            Self::PieceWait => "wait for the next piece",
            Self::Close => "close the record",
            Self::Write => "write to the caller, once",
        }
    }

    const fn waits(self) -> bool {
        matches!(self, Self::BodyWait | Self::ConnectWait | Self::Wait | Self::PieceWait)
    }
}

/// What one worker counts for its stages.
#[derive(Debug, Default)]
pub struct Stages {
    /// The run that is wanted; 0: none. Written by whoever switches.
    wanted: AtomicU32,
    /// The run that the counts belong to. Written by the worker.
    counted: AtomicU32,
    /// When the worker began with what it does outside of calls, on its clock; 0: it does nothing of the kind.
    began: AtomicU64,
    /// Made when the worker is first looked at: a gateway that never is does not carry it.
    counts: OnceLock<Box<[Counts]>>,
}

impl Stages {
    /// Wants run `run` to be counted, or with 0 none. Runs are numbered upwards.
    pub fn want(&self, run: u32) {
        self.wanted.store(run, Relaxed);
    }

    /// The run that a call which opens now belongs to; 0: none. From the owning worker alone, as all that follows.
    pub(crate) fn join(&self) -> u32 {
        let wanted = self.wanted.load(Relaxed);
        if wanted != 0 && wanted != self.counted.load(Relaxed) {
            for counts in self.counts.get_or_init(|| Stage::ALL.iter().map(|_| Counts::default()).collect()) {
                counts.clear();
            }
            self.counted.store(wanted, Release);
        }
        wanted
    }

    /// Counts `ns` for a call of run `run`, if that is still the run that is counted.
    pub(crate) fn count(&self, run: u32, stage: Stage, ns: u64) {
        if run == self.counted.load(Relaxed)
            && let Some(counts) = self.counts.get()
        {
            counts[stage as usize].add(ns);
        }
    }

    /// The worker begins with something of no call: [`Stage::Head`] or [`Stage::Write`], of which it does one at a time.
    /// The clock is read only if it matters.
    pub fn begin(&self, now: impl FnOnce() -> u64) {
        let wanted = self.wanted.load(Relaxed);
        if wanted != 0 && wanted == self.counted.load(Relaxed) {
            self.began.store(now(), Relaxed);
        }
    }

    /// What was begun has ended, and was `stage`; `None`: nothing came of it.
    pub fn end(&self, stage: Option<Stage>, now: impl FnOnce() -> u64) {
        let began = self.began.load(Relaxed);
        if began != 0 {
            self.began.store(0, Relaxed);
            if let Some(stage) = stage {
                self.count(self.wanted.load(Relaxed), stage, now().saturating_sub(began));
            }
        }
    }
}

/// Times of one stage: the sum, and how many lie in each bucket.
#[derive(Debug)]
struct Counts {
    total_ns: Counter,
    buckets: Box<[Counter]>,
}

/// Buckets per doubling: a value is told to 1/16, so its bucket's middle is off by 3 % at most.
const FINE: usize = 16;
/// Doublings told apart; with [`FINE`] that reaches to 18 minutes, and what is longer counts as that.
const DOUBLINGS: usize = 36;
const BUCKETS: usize = FINE * (DOUBLINGS + 1);

impl Default for Counts {
    fn default() -> Self {
        Self { total_ns: Counter::default(), buckets: (0..BUCKETS).map(|_| Counter::default()).collect() }
    }
}

impl Counts {
    fn add(&self, ns: u64) {
        self.total_ns.add(ns);
        self.buckets[bucket(ns)].add(1);
    }

    fn clear(&self) {
        self.total_ns.clear();
        self.buckets.iter().for_each(Counter::clear);
    }
}

/// Values below [`FINE`] have a bucket each; above, each doubling is cut into [`FINE`] equal parts.
fn bucket(ns: u64) -> usize {
    let Some(doubling) = ns.checked_ilog2().and_then(|log| log.checked_sub(FINE.ilog2())) else {
        return usize::try_from(ns).unwrap_or(0);
    };
    let part = usize::try_from(ns >> doubling).unwrap_or(0) - FINE;
    (FINE * (doubling as usize + 1) + part).min(BUCKETS - 1)
}

/// The middle of a bucket, in nanoseconds.
fn middle(bucket: usize) -> u64 {
    let (doubling, part) = (bucket / FINE, (bucket % FINE) as u64);
    if doubling == 0 {
        return part;
    }
    let width = 1 << (doubling - 1);
    (FINE as u64 + part) * width + width / 2
}

/// What a run has counted.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// Calls that were looked at and have ended.
    pub calls: u64,
    /// Time of all stages that work, in nanoseconds.
    pub working_ns: u64,
    /// Time of all stages that wait, in nanoseconds.
    pub waiting_ns: u64,
    /// In the order of a call.
    pub stages: Vec<StageRow>,
}

/// One stage of a profile. Means and quantiles are `None` where nothing was counted.
#[derive(Debug, Clone, Serialize)]
pub struct StageRow {
    /// Which.
    pub stage: Stage,
    /// What happens in it.
    pub what: &'static str,
    /// Whether it waits for others.
    pub waits: bool,
    /// How often it was passed.
    pub count: u64,
    /// Its time, in nanoseconds, as all below.
    pub total_ns: u64,
    /// The mean.
    pub mean_ns: Option<u64>,
    /// The median.
    pub p50_ns: Option<u64>,
    /// The 99th percentile.
    pub p99_ns: Option<u64>,
    /// Its part of all stages that work, or of all that wait; 0..=1.
    pub share: f64,
}

/// Sums what the workers have counted for run `run`.
pub fn profile(workers: &[Arc<Meters>], run: u32) -> Profile {
    let counted = |stages: &&Stages| run != 0 && stages.counted.load(Acquire) == run;
    let tables: Vec<_> =
        workers.iter().map(|meters| &meters.stages).filter(counted).filter_map(|stages| stages.counts.get()).collect();
    let mut rows: Vec<_> =
        Stage::ALL.iter().map(|stage| row(*stage, tables.iter().map(|table| &table[*stage as usize]))).collect();
    let sum = |waits| rows.iter().filter(|row| row.waits == waits).map(|row| row.total_ns).sum();
    let (working_ns, waiting_ns) = (sum(false), sum(true));
    for row in &mut rows {
        row.share = ratio(row.total_ns, if row.waits { waiting_ns } else { working_ns });
    }
    Profile { calls: rows[Stage::Close as usize].count, working_ns, waiting_ns, stages: rows }
}

fn row<'a>(stage: Stage, tables: impl Iterator<Item = &'a Counts>) -> StageRow {
    let mut total_ns = 0;
    let mut buckets = [0; BUCKETS];
    for counts in tables {
        total_ns += counts.total_ns.read();
        for (sum, count) in buckets.iter_mut().zip(&counts.buckets) {
            *sum += count.read();
        }
    }
    let count: u64 = buckets.iter().sum();
    let quantile = |percent: u64| {
        let mut left = (count * percent).div_ceil(100).max(1);
        let reached = buckets.iter().position(|within| {
            let here = left <= *within;
            left = left.saturating_sub(*within);
            here
        });
        reached.map(middle)
    };
    StageRow {
        stage,
        what: stage.what(),
        waits: stage.waits(),
        count,
        total_ns,
        mean_ns: total_ns.checked_div(count),
        p50_ns: quantile(50),
        p99_ns: quantile(99),
        share: 0.0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
