//! What becomes of segments: closed, handed to the disk, kept and removed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use journal::{Full, Journal, Position, Settings, State, Writer};
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{append, calls, close, closed, open, settings};

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "hgj"));
    found.sort();
    found
}

/// Looks until the journal is as is wished.
fn until(journal: &Journal, is_so: impl Fn(&State) -> bool) -> State {
    for _ in 0..10_000_000 {
        let state = journal.state();
        if is_so(&state) {
            return state;
        }
        std::thread::yield_now();
    }
    panic!("it never is: {:?}", journal.state());
}

fn reopened(directory: &Path, keep_for: Duration, keep_bytes: u64) -> (Journal, Writer) {
    let settings = Settings { keep_for, keep_bytes, ..settings(directory, 64 << 10) };
    let (journal, mut writers) = Journal::open(settings).unwrap();
    (journal, writers.remove(0))
}

/// A journal of several closed segments, and how many calls are in it.
fn several(directory: &Path) -> u128 {
    let (journal, writer) = open(directory, 64 << 10);
    for call in 0..2_000 {
        append(&writer, &closed(call));
    }
    close(&journal, writer);
    assert!(segments(directory).len() >= 3);
    2_000
}

#[test]
fn what_was_appended_is_handed_to_the_disk_without_being_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    append(&writer, &closed(1));
    let state = until(&journal, |state| state.lag_ns == 0);
    assert_eq!((state.entries, state.sync_errors), ([0, 0, 0, 1], 0));
    assert!(state.bytes > 0);
    close(&journal, writer);
}

#[test]
fn what_a_killed_process_left_is_closed_and_its_torn_tail_counted() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    append(&writer, &closed(1));
    close(&journal, writer);
    // As it was before it was closed, with the beginning of an entry behind its last.
    let path = segments(directory.path()).remove(0);
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    let end = file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&[0, 0, 0, 0, 1, 2, 3, 4, 5, 6]).unwrap();
    file.set_len(64 << 10).unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    assert_eq!(journal.state().torn_tails, 1);
    assert_eq!(path.metadata().unwrap().len(), end + 16, "what is torn is kept, to the next multiple of eight");
    append(&writer, &closed(2));
    assert_eq!(calls(directory.path()), [1, 2]);
    close(&journal, writer);
    assert!(!journal::verify(directory.path()).unwrap().is_damaged());
}

#[test]
fn what_is_old_goes_unless_somebody_has_not_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let count = several(directory.path());
    let before = segments(directory.path());
    // Somebody reads, and has read nothing.
    journal::acknowledge(directory.path(), "ledger", &Position::default()).unwrap();
    let (journal, writer) = reopened(directory.path(), Duration::ZERO, u64::MAX);
    let state = until(&journal, |state| state.segments == before.len() as u64 + 1);
    assert_eq!(state.removed_unread, 0);
    close(&journal, writer);
    assert_eq!(calls(directory.path()).len() as u128, count);
    // It has read all but the last segment.
    let (worker, sequence) = {
        let name = before.last().unwrap().file_stem().unwrap().to_str().unwrap().to_owned();
        let (worker, sequence) = name.split_once('-').unwrap();
        (worker.parse::<u32>().unwrap(), sequence.parse::<u64>().unwrap())
    };
    let read: Position = format!("{worker}:{sequence}:96").parse().unwrap();
    journal::acknowledge(directory.path(), "ledger", &read).unwrap();
    let (journal, writer) = reopened(directory.path(), Duration::ZERO, u64::MAX);
    until(&journal, |state| state.segments == 2);
    close(&journal, writer);
    assert_eq!(segments(directory.path()), before[before.len() - 1..]);
}

#[test]
fn the_oldest_go_when_there_is_too_much_of_them_and_unread_ones_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    several(directory.path());
    let before = segments(directory.path());
    journal::acknowledge(directory.path(), "ledger", &Position::default()).unwrap();
    let (journal, writer) = reopened(directory.path(), Duration::from_secs(1000), 3 * (64 << 10));
    let state = until(&journal, |state| state.removed_unread > 0);
    assert!(state.segments < before.len() as u64 + 1);
    close(&journal, writer);
    let after = segments(directory.path());
    assert!(!after.is_empty() && before.ends_with(&after), "the newest stay");
}

#[test]
fn a_name_of_a_reader_that_is_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["", "../x", "a b", "a.b"] {
        assert!(journal::acknowledge(directory.path(), name, &Position::default()).is_err(), "{name:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_one_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "x").unwrap();
    let error = Journal::open(settings(&path.join("journal"), 64 << 10)).map(drop).unwrap_err();
    assert!(error.to_string().contains("file/journal: cannot keep a journal there"), "{error}");
}

#[test]
fn where_no_segment_can_be_made_a_journal_opens_and_is_full() {
    let directory = tempfile::tempdir().unwrap();
    // More than any disk has.
    let (journal, writer) = open(directory.path(), 1 << 62);
    assert_eq!(writer.append(&closed(1)), Err(Full));
    assert_eq!(journal.state().waiting, 1);
    close(&journal, writer);
    assert_eq!(segments(directory.path()), Vec::<PathBuf>::new());
}
