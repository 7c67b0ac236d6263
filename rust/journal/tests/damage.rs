//! A journal that was cut or whose bytes changed: what is read is right, and no more is lost than what is damaged.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use journal::{Entry, What};
use proptest::prelude::*;
use std::path::PathBuf;
use support::{Owned, close, open, owned, read};

/// A small closed segment: where it is, its bytes, what it holds.
fn small(entries: &[Owned]) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    for entry in entries {
        writer.append(&entry.entry()).unwrap();
    }
    close(&journal, writer);
    let mut files = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().path());
    let path = files.find(|path| path.extension().is_some_and(|extension| extension == "hgj")).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (directory, path, bytes)
}

/// Where the entries of a small journal end, each.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut ends) = (96, Vec::new());
    while at < bytes.len() {
        let length = usize::from(bytes[at]) | usize::from(bytes[at + 1]) << 8;
        at += (8 + length).next_multiple_of(8);
        ends.push(at);
    }
    ends
}

fn drawn(count: usize) -> Vec<Owned> {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..count).map(|_| owned().new_tree(&mut runner).unwrap().current()).collect()
}

/// Whether `some` are among `all`, in their order.
fn is_among<'a>(some: impl Iterator<Item = Entry<'a>>, all: &[Owned]) -> bool {
    let mut all = all.iter();
    some.into_iter().all(|entry| all.any(|owned| owned.entry() == entry))
}

#[test]
fn a_journal_that_was_cut_at_any_byte_loses_what_was_cut_and_nothing_else() {
    let entries = drawn(12);
    let (directory, path, bytes) = small(&entries);
    let ends = ends(&bytes);
    for length in 96..=bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let batch = read(directory.path());
        let whole = ends.iter().filter(|end| **end <= length).count();
        // What stands between an entry and the next multiple of eight is nothing.
        assert!((whole..=whole + 1).contains(&batch.len()), "cut at {length}: {} of {whole}", batch.len());
        assert!(batch.iter().zip(&entries).all(|((_, entry), owned)| owned.entry() == entry), "cut at {length}");
        assert!(batch.damage.iter().all(|damage| damage.what == What::TornTail), "cut at {length}");
    }
}

#[test]
fn a_journal_without_its_header_holds_nothing_and_says_so() {
    let (directory, path, bytes) = small(&drawn(3));
    for length in 0..96 {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let batch = read(directory.path());
        assert!(batch.is_empty() && matches!(batch.damage[..], [journal::Damage { what: What::Header(_), .. }]));
        assert!(journal::verify(directory.path()).unwrap().is_damaged());
    }
}

#[test]
fn a_flipped_bit_costs_the_entry_that_it_is_in() {
    let entries = drawn(12);
    let (directory, path, bytes) = small(&entries);
    let ends = ends(&bytes);
    for bit in 96 * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        let batch = read(directory.path());
        let hit = ends.iter().filter(|end| **end <= bit / 8).count();
        let read: Vec<_> = batch.iter().map(|(_, entry)| entry).collect();
        let left: Vec<_> =
            entries.iter().enumerate().filter(|(at, _)| *at != hit).map(|(_, owned)| owned.entry()).collect();
        let all: Vec<_> = entries.iter().map(Owned::entry).collect();
        // Bytes between an entry and the next multiple of eight mean nothing.
        assert!(read == left || read == all, "bit {bit}");
        assert_eq!(read == all, batch.damage.is_empty(), "bit {bit}: damage is told where there is some");
        let is_last = hit + 1 == entries.len();
        assert!(batch.damage.iter().all(|damage| (damage.what == What::TornTail) == is_last), "bit {bit}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whatever_is_done_to_its_bytes_a_journal_never_tells_what_was_not_written(
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), 0..200_usize, any::<u8>()), 1..6),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        thread_local! {
            static SMALL: (Vec<Owned>, (tempfile::TempDir, PathBuf, Vec<u8>)) = {
                let entries = drawn(12);
                let small = small(&entries);
                (entries, small)
            };
        }
        SMALL.with(|(entries, (directory, path, bytes))| {
            let mut damaged = bytes.clone();
            for (at, length, value) in &edits {
                let from = at.index(damaged.len());
                let until = (from + length).min(damaged.len());
                damaged[from..until].fill(*value);
            }
            if let Some(cut) = cut {
                damaged.truncate(cut.index(damaged.len()));
            }
            std::fs::write(path, &damaged).unwrap();
            let batch = read(directory.path());
            prop_assert!(is_among(batch.iter().map(|(_, entry)| entry), entries));
            Ok(())
        })?;
    }

    #[test]
    fn bytes_of_an_entry_that_stand_elsewhere_are_no_entry(
        from in any::<proptest::sample::Index>(),
        to in any::<proptest::sample::Index>(),
    ) {
        thread_local! {
            static SMALL: (Vec<Owned>, (tempfile::TempDir, PathBuf, Vec<u8>)) = {
                let entries = drawn(12);
                let small = small(&entries);
                (entries, small)
            };
        }
        SMALL.with(|(entries, (directory, path, bytes))| {
            let ends = ends(bytes);
            let (from, to) = (from.index(ends.len() - 1), to.index(ends.len() - 1));
            let record = bytes[ends[from]..ends[from + 1]].to_vec();
            let mut forged = bytes.clone();
            let until = (ends[to] + record.len()).min(forged.len());
            forged[ends[to]..until].copy_from_slice(&record[..until - ends[to]]);
            std::fs::write(path, &forged).unwrap();
            let batch = read(directory.path());
            prop_assert!(is_among(batch.iter().map(|(_, entry)| entry), entries));
            Ok(())
        })?;
    }
}
