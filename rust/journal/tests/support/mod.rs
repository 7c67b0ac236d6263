//! Entries that own what they hold, drawn at random, and journals in directories that go away.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use journal::{
    Batch, Closed, Counts, Entry, Journal, Opened, Position, Reader, Sent, Settings, Settled, Source, TagList, Writer,
};
use proptest::prelude::*;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// An entry with its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    kind: u8,
    call: u128,
    numbers: [u64; 6],
    small: [u16; 5],
    flags: [bool; 3],
    counts: [Counts; 2],
    texts: Vec<String>,
    tags: TagList,
}

impl Owned {
    pub(crate) fn entry(&self) -> Entry<'_> {
        let text = |at: usize| &*self.texts[at];
        let ([at_ns, one, two, three, _, _], [first, second, third, fourth, status]) = (self.numbers, self.small);
        let (call, status) = (self.call, (status > 0).then_some(status));
        match self.kind {
            0 => Entry::Opened(Opened {
                call,
                at_ns,
                plan: one,
                streamed: self.flags[0],
                alias: text(0),
                operation: text(1),
                key: text(2),
                team: text(3),
                user: text(4),
                agent: text(5),
                session: text(6),
                task: text(7),
                tags: self.tags.as_tags(),
                model: text(8),
                source: [Source::Own, Source::Shared, Source::Resumed][usize::from(self.small[0] % 3)],
            }),
            1 => Entry::Sent(Sent {
                call,
                at_ns,
                attempt: first,
                step: second,
                endpoint: third,
                credential: fourth,
                hedge: self.flags[0],
                input_tokens: one,
                output_tokens: two,
                reserved_nano_usd: self.flags[1].then_some(three),
                provider: text(0),
                deployment: text(1),
                model: text(2),
            }),
            2 => Entry::Settled(Settled {
                call,
                at_ns,
                attempt: first,
                status,
                took_ns: one,
                first_token_ns: self.flags[0].then_some(two),
                nano_usd: self.flags[1].then_some(three),
                used: self.counts[0],
                rates: self.counts[1],
                basis: word(text(0)),
                class: word(text(1)),
                fault: word(text(2)),
                price: word(text(3)),
            }),
            _ => Entry::Closed(Closed {
                call,
                at_ns,
                attempts: first,
                status,
                took_ns: one,
                bytes_in: two,
                bytes_out: three,
                outcome: word(text(0)),
                fault: word(text(1)),
            }),
        }
    }
}

/// Words of our own are short.
fn word(text: &str) -> &str {
    &text[..text.floor_char_boundary(63)]
}

pub(crate) fn owned() -> impl Strategy<Value = Owned> {
    let text = prop_oneof![3 => Just(String::new()), 5 => "[a-z_/-]{1,12}", 2 => "\\PC{0,60}", 1 => "é{120,127}"];
    let number = prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..10_000_u64];
    let counts = proptest::array::uniform10(number.clone()).prop_map(Counts);
    (
        (0..4_u8, any::<u128>(), proptest::array::uniform6(number), proptest::array::uniform5(any::<u16>())),
        (any::<[bool; 3]>(), [counts.clone(), counts]),
        proptest::collection::vec(text.clone(), 9),
        proptest::collection::vec((text.clone(), text), 0..4),
    )
        .prop_map(|((kind, call, numbers, small), (flags, counts), texts, pairs)| {
            let mut tags = TagList::default();
            for (name, value) in pairs {
                tags.push(&name, &value);
            }
            Owned { kind, call, numbers, small, flags, counts, texts, tags }
        })
}

#[expect(clippy::disallowed_methods, reason = "the clock that is passed in")]
fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn settings(directory: &Path, segment_bytes: u64) -> Settings {
    Settings {
        directory: directory.to_owned(),
        workers: 1,
        segment_bytes,
        sync_every: Duration::from_millis(5),
        keep_for: Duration::from_secs(1000),
        keep_bytes: 1 << 40,
        plan: [7; 32],
        seed: 0x5eed,
        clock: now,
    }
}

/// A journal with one worker.
pub(crate) fn open(directory: &Path, segment_bytes: u64) -> (Journal, Writer) {
    let (journal, mut writers) = Journal::open(settings(directory, segment_bytes)).unwrap();
    (journal, writers.remove(0))
}

/// Appends an entry; waits for the next segment where there is none yet.
pub(crate) fn append(writer: &Writer, entry: &Entry<'_>) {
    for _ in 0..10_000_000 {
        if writer.append(entry) == Ok(()) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("no segment comes");
}

/// Closes a journal: all is on the disk.
pub(crate) fn close(journal: &Journal, writer: Writer) {
    drop(writer);
    journal.close();
}

/// All that can be read, and what is damaged.
pub(crate) fn read(directory: &Path) -> Batch {
    Batch::read(&mut Reader::new(directory, &Position::default()), usize::MAX).unwrap()
}

/// A small entry with a number to know it by.
pub(crate) fn closed(call: u128) -> Entry<'static> {
    Entry::Closed(Closed {
        call,
        at_ns: 1_763_000_000_000_000_000 + u64::try_from(call).unwrap_or_default(),
        attempts: 1,
        status: Some(200),
        took_ns: 1,
        bytes_in: 2,
        bytes_out: 3,
        outcome: "answered",
        fault: "",
    })
}

/// The numbers of what can be read.
pub(crate) fn calls(directory: &Path) -> Vec<u128> {
    read(directory).iter().map(|(_, entry)| entry.call()).collect()
}
