//! What was appended is read, in order, by whoever reads and whenever.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use journal::{
    Batch, Counts, Entry, Full, Journal, OpenError, Opened, Position, Reader, Sent, Settled, Source, Tags, What, Writer,
};
use proptest::prelude::*;
use std::cell::RefCell;
use support::{append, calls, close, closed, open, owned, read, settings};

/// A journal and who reads it, for many cases.
struct Both {
    _directory: tempfile::TempDir,
    _journal: Journal,
    writer: Writer,
    reader: Reader,
}

impl Both {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (journal, writer) = open(directory.path(), 64 << 10);
        let reader = Reader::new(directory.path(), &Position::default());
        Self { _directory: directory, _journal: journal, writer, reader }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn what_was_appended_is_read_back(entries in proptest::collection::vec(owned(), 1..4)) {
        thread_local! {
            static BOTH: RefCell<Both> = RefCell::new(Both::new());
        }
        BOTH.with_borrow_mut(|Both { writer, reader, .. }| {
            let mut written = Vec::new();
            for entry in &entries {
                written.push(entry.entry());
                // What is begun is ended, or room would be set aside for it for ever.
                match entry.entry() {
                    Entry::Opened(_) => written.push(closed(0)),
                    Entry::Sent(_) => written.push(settled(0, 1, "")),
                    Entry::Settled(_) | Entry::Closed(_) => {}
                }
            }
            for entry in &written {
                append(writer, entry);
                if matches!(entry, Entry::Opened(_)) {
                    writer.forgo_attempt();
                }
            }
            let batch = Batch::read(reader, usize::MAX).unwrap();
            prop_assert!(batch.damage.is_empty());
            prop_assert_eq!(batch.iter().map(|(_, entry)| entry).collect::<Vec<_>>(), written);
            Ok(())
        })?;
    }
}

#[test]
fn a_reader_goes_on_where_a_position_says_while_entries_are_appended() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    let (mut position, mut seen) = (Position::default(), Vec::new());
    for call in 0..5_000 {
        append(&writer, &closed(call));
        if call % 7 == 0 {
            let mut reader = Reader::new(directory.path(), &position);
            let batch = Batch::read(&mut reader, 5).unwrap();
            seen.extend(batch.iter().map(|(_, entry)| entry.call()));
            position = reader.position().to_string().parse().unwrap();
        }
    }
    close(&journal, writer);
    let mut reader = Reader::new(directory.path(), &position);
    seen.extend(Batch::read(&mut reader, usize::MAX).unwrap().iter().map(|(_, entry)| entry.call()));
    assert_eq!(seen, (0..5_000).collect::<Vec<_>>());
    assert!(Batch::read(&mut reader, usize::MAX).unwrap().is_empty());
}

#[test]
fn a_reader_that_stays_sees_every_entry_as_soon_as_it_stands() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    let mut reader = Reader::new(directory.path(), &Position::default());
    for call in 0..3_000 {
        append(&writer, &closed(call));
        let batch = Batch::read(&mut reader, usize::MAX).unwrap();
        assert_eq!(batch.iter().map(|(_, entry)| entry.call()).collect::<Vec<_>>(), [call]);
    }
    close(&journal, writer);
}

#[test]
fn entries_of_several_workers_come_in_the_order_of_their_times() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writers) =
        Journal::open(journal::Settings { workers: 3, ..settings(directory.path(), 64 << 10) }).unwrap();
    for call in 0..300 {
        writers[usize::try_from(call * 7 % 3).unwrap()].append(&closed(call)).unwrap();
    }
    drop(writers);
    journal.close();
    assert_eq!(calls(directory.path()), (0..300).collect::<Vec<_>>());
}

#[test]
fn the_next_process_goes_on_in_segments_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    for run in 0..3 {
        let (journal, writer) = open(directory.path(), 64 << 10);
        writer.append(&closed(run)).unwrap();
        close(&journal, writer);
    }
    assert_eq!(calls(directory.path()), [0, 1, 2]);
    let report = journal::verify(directory.path()).unwrap();
    assert_eq!((report.segments, report.entries, report.is_damaged()), (3, [0, 0, 0, 3], false));
    let files: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().metadata().unwrap()).collect();
    assert!(files.iter().all(|file| file.len() < 1 << 10), "what is closed takes no more than it holds");
}

#[test]
fn only_one_process_writes_to_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    let second = Journal::open(settings(directory.path(), 64 << 10));
    assert!(matches!(second, Err(OpenError::Taken(_))));
    close(&journal, writer);
    let (journal, writer) = open(directory.path(), 64 << 10);
    close(&journal, writer);
}

#[test]
fn a_segment_that_is_gone_is_missed_when_older_ones_are_there() {
    let directory = tempfile::tempdir().unwrap();
    for run in 0..3 {
        let (journal, writer) = open(directory.path(), 64 << 10);
        writer.append(&closed(run)).unwrap();
        close(&journal, writer);
    }
    let mut names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "hgj"));
    names.sort();
    std::fs::remove_file(&names[1]).unwrap();
    let report = journal::verify(directory.path()).unwrap();
    assert!(report.is_damaged());
    assert_eq!(
        report.damage.iter().map(|damage| (&damage.path, damage.what)).collect::<Vec<_>>(),
        [(&names[2], What::Missing)]
    );
    std::fs::remove_file(&names[0]).unwrap();
    assert!(!journal::verify(directory.path()).unwrap().is_damaged(), "old segments go, and that is no damage");
}

#[test]
fn texts_that_are_too_long_are_cut_at_the_end_of_a_character() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, writer) = open(directory.path(), 64 << 10);
    let long = "é".repeat(500_000);
    let Entry::Opened(short) = opened(1) else { panic!("another kind") };
    let opened = Opened { alias: &long, key: &long, user: &long, task: &long, ..short };
    writer.append(&Entry::Opened(opened)).unwrap();
    close(&journal, writer);
    let batch = read(directory.path());
    let Some((_, Entry::Opened(opened))) = batch.iter().next() else { panic!("nothing was read") };
    assert_eq!((opened.alias, opened.task), (&*"é".repeat(127), &*"é".repeat(127)));
}

/// A call that begins.
fn opened(call: u128) -> Entry<'static> {
    Entry::Opened(Opened {
        call,
        at_ns: 1,
        plan: 0,
        streamed: false,
        alias: "smart",
        operation: "chat_completions",
        key: "",
        team: "",
        user: "",
        agent: "",
        session: "",
        task: "",
        tags: Tags::NONE,
        model: "",
        source: Source::Own,
    })
}

/// An attempt, with the longest texts that there are.
fn sent(call: u128, attempt: u16, text: &str) -> Entry<'_> {
    Entry::Sent(Sent {
        call,
        at_ns: 1,
        attempt,
        step: 0,
        endpoint: 0,
        credential: 0,
        hedge: false,
        input_tokens: 1,
        output_tokens: 0,
        reserved_nano_usd: None,
        provider: text,
        deployment: text,
        model: text,
    })
}

/// What it came to, with the longest words and all numbers.
fn settled(call: u128, attempt: u16, text: &str) -> Entry<'_> {
    Entry::Settled(Settled {
        call,
        at_ns: 1,
        attempt,
        status: Some(200),
        took_ns: 1,
        first_token_ns: None,
        nano_usd: None,
        used: Counts([1; 10]),
        rates: Counts([1; 10]),
        basis: text,
        class: text,
        fault: text,
        price: text,
    })
}

#[test]
fn what_was_begun_can_be_ended_however_full_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (here, away) = (directory.path().join("here"), directory.path().join("away"));
    let (journal, writer) = open(&here, 64 << 10);
    let long = "x".repeat(300);
    // From now on no segment can be made.
    std::fs::rename(&here, &away).unwrap();
    let mut open = 0;
    while writer.append(&opened(open)).is_ok() {
        open += 1;
    }
    assert!(open > 20 && writer.append(&opened(open)) == Err(Full));
    assert_eq!(journal.state().waiting, 1);
    // Second attempts were not reckoned with: some find room, the next does not.
    let more = (2..500).take_while(|attempt| writer.append(&sent(0, *attempt, &long)).is_ok()).count();
    assert_eq!(writer.append(&sent(0, 99, &long)), Err(Full));
    for attempt in (2..).take(more) {
        assert_eq!(writer.append(&settled(0, attempt, &long)), Ok(()));
    }
    for call in 0..open {
        if call % 3 == 0 {
            writer.forgo_attempt();
        } else {
            assert_eq!(writer.append(&sent(call, 1, &long)), Ok(()), "call {call}");
            assert_eq!(writer.append(&settled(call, 1, &long)), Ok(()), "call {call}");
        }
        assert_eq!(writer.append(&closed(call)), Ok(()), "call {call}");
    }
    std::fs::rename(&away, &here).unwrap();
    append(&writer, &opened(open));
    append(&writer, &closed(open));
    close(&journal, writer);
    let read = read(&here);
    let kinds = |kind| read.iter().filter(|(_, entry)| entry.kind() == kind).count() as u128;
    assert_eq!((kinds("opened"), kinds("closed")), (open + 1, open + 1));
    assert_eq!(kinds("sent"), kinds("settled"));
}
