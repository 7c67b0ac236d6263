//! Which segments are kept.

use crate::directory;
use crate::position::Position;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How long, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Segments that were written to within this time are kept.
    pub(crate) age_ns: u64,
    /// All together take no more than this.
    pub(crate) bytes: u64,
}

/// A segment that nobody writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Old {
    pub(crate) path: PathBuf,
    pub(crate) sequence: u64,
    pub(crate) bytes: u64,
    /// Since it was written to, in nanoseconds.
    pub(crate) age_ns: u64,
    /// All consumers have read it.
    pub(crate) is_read: bool,
}

/// What is to go, and how many of these were not read. `held`: the bytes of segments that have to stay.
pub(crate) fn choose(mut old: Vec<Old>, held: u64, rules: Rules) -> (Vec<PathBuf>, u64) {
    old.sort_unstable_by_key(|segment| segment.sequence);
    let mut total = held + old.iter().map(|segment| segment.bytes).sum::<u64>();
    let (mut gone, mut unread) = (Vec::new(), 0);
    for segment in old {
        let is_past = segment.age_ns > rules.age_ns && segment.is_read;
        if is_past || total > rules.bytes {
            total -= segment.bytes;
            unread += u64::from(!segment.is_read);
            gone.push(segment.path);
        }
    }
    (gone, unread)
}

/// Removes what need not be kept. `held` are the segments that are written, or will be. Returns how many segments are
/// left, and how many of those that went were not read.
pub(crate) fn retain(
    directory: &Path,
    held: &HashSet<PathBuf>,
    now: SystemTime,
    rules: Rules,
) -> io::Result<(u64, u64)> {
    let read = directory::acknowledged(directory)?;
    let (mut old, mut held_bytes, mut count) = (Vec::new(), 0, 0);
    for named in directory::segments(directory)? {
        let file = std::fs::metadata(&named.path)?;
        count += 1;
        if held.contains(&named.path) {
            held_bytes += file.len();
            continue;
        }
        let age = file.modified().ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        old.push(Old {
            is_read: read.iter().all(|read| is_read(read, named.worker, named.sequence, file.len())),
            path: named.path,
            sequence: named.sequence,
            bytes: file.len(),
            age_ns: u64::try_from(age.as_nanos()).unwrap_or(u64::MAX),
        });
    }
    let (gone, unread) = choose(old, held_bytes, rules);
    for path in &gone {
        std::fs::remove_file(path)?;
    }
    if !gone.is_empty() {
        directory::sync(directory)?;
    }
    Ok((count - gone.len() as u64, unread))
}

fn is_read(read: &Position, worker: u32, sequence: u64, length: u64) -> bool {
    read.0.get(&worker).is_some_and(|at| at.sequence > sequence || (at.sequence == sequence && at.offset >= length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { age_ns: 100, bytes: 1000 };

    fn old(sequence: u64, age_ns: u64, is_read: bool) -> Old {
        Old { path: sequence.to_string().into(), sequence, bytes: 100, age_ns, is_read }
    }

    fn gone(old: Vec<Old>, held: u64) -> (Vec<String>, u64) {
        let (gone, unread) = choose(old, held, RULES);
        (gone.iter().map(|path| path.display().to_string()).collect(), unread)
    }

    #[test]
    fn what_is_old_goes_once_it_was_read() {
        assert_eq!(gone(vec![old(1, 101, true), old(2, 101, false), old(3, 100, true)], 0), (vec!["1".to_owned()], 0));
    }

    #[test]
    fn the_oldest_go_when_all_take_too_much_and_those_that_nobody_read_are_counted() {
        let segments = vec![old(3, 1, true), old(1, 3, false), old(2, 2, true)];
        assert_eq!(gone(segments, 850), (vec!["1".to_owned(), "2".to_owned()], 1));
    }

    #[test]
    fn what_is_held_counts_and_stays() {
        assert_eq!(gone(vec![], 5000), (vec![], 0));
    }

    #[test]
    fn a_segment_is_read_when_its_end_is() {
        let read: Position = "0:5:200".parse().unwrap();
        assert!(is_read(&read, 0, 4, 900) && is_read(&read, 0, 5, 200));
        assert!(!is_read(&read, 0, 5, 208) && !is_read(&read, 0, 6, 0) && !is_read(&read, 1, 4, 0));
    }
}
