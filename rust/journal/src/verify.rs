//! Whether a journal is whole, and what is missing where it is not.

use crate::directory;
use crate::entry::Entry;
use crate::position::Position;
use crate::read::{Damage, Read, Reader, What};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::Path;

/// How many entries are read at once.
const BATCH: usize = 100_000;

/// What a journal holds, and what of it is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How many segments there are.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Entries that were read: `opened`, `sent`, `settled`, `closed`.
    pub entries: [u64; 4],
    /// What is damaged or missing, torn tails included.
    pub damage: Vec<Damage>,
    /// Calls that were opened and never closed: open now, or when a process was killed.
    pub open_calls: u64,
    /// Attempts that were sent and never settled: the same.
    pub open_attempts: u64,
    /// Entries of which a call or an attempt has two of the same kind.
    pub twice: u64,
}

impl Report {
    /// Whether something is lost or wrong. Torn tails are neither: what they would have been was never an entry.
    pub fn is_damaged(&self) -> bool {
        self.twice > 0 || self.damage.iter().any(|damage| damage.what != What::TornTail)
    }
}

/// Reads all of a journal. Memory grows with the calls that are open, not with those that are over.
pub fn verify(directory: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    missing(directory, &mut report)?;
    let mut calls = HashMap::new();
    let mut reader = Reader::new(directory, &Position::default());
    loop {
        let read = reader.read(BATCH, &mut |read| match read {
            Read::Entry(_, entry) => count(&mut report, &mut calls, &entry),
            Read::Damage(damage) => report.damage.push(damage),
        })?;
        if read == 0 {
            break;
        }
    }
    report.open_calls = calls.len() as u64;
    report.open_attempts = calls.values().map(|call| u64::from((call.sent & !call.settled).count_ones())).sum();
    Ok(report)
}

/// What is known of a call that is not closed. Attempts are bits.
#[derive(Debug, Default)]
struct Call {
    sent: u64,
    settled: u64,
}

fn count(report: &mut Report, calls: &mut HashMap<u128, Call>, entry: &Entry<'_>) {
    let bit = entry.attempt().map_or(0, |attempt| 1_u64 << attempt.min(63));
    let (kind, is_twice) = match entry {
        Entry::Opened(opened) => (0, calls.insert(opened.call, Call::default()).is_some()),
        Entry::Sent(sent) => (1, set(&mut calls.entry(sent.call).or_default().sent, bit)),
        Entry::Settled(settled) => (2, set(&mut calls.entry(settled.call).or_default().settled, bit)),
        Entry::Closed(closed) => {
            // One whose beginning is in a segment that is kept no longer is no surprise.
            calls.remove(&closed.call);
            (3, false)
        }
    };
    report.entries[kind] += 1;
    report.twice += u64::from(is_twice);
}

/// Sets a bit; says whether it was set already.
fn set(set: &mut u64, bit: u64) -> bool {
    let was = *set & bit != 0;
    *set |= bit;
    was
}

/// Counts segments, and finds those that are gone though older ones are there.
fn missing(directory: &Path, report: &mut Report) -> io::Result<()> {
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for named in directory::segments(directory)? {
        report.segments += 1;
        report.bytes += std::fs::metadata(&named.path)?.len();
        let (_, header) = directory::open(&named.path)?;
        let before = last.insert(named.worker, named.sequence);
        if let (Ok(header), Some(before)) = (header, before)
            && header.previous != before
        {
            report.damage.push(Damage { path: named.path, from: 0, until: 0, what: What::Missing });
        }
    }
    Ok(())
}
