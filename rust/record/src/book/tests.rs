use super::*;
use crate::charge::{Basis, Charge};
use crate::{Lines, RequestIds, Style, Wheel};
use fault::Fault;
use journal::{Batch, Journal, Position, Reader, Settings};
use proptest::prelude::*;
use protocol::openai::usage::Usage;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

/// A journal, its book, and the hand of the wheel.
struct World {
    directory: tempfile::TempDir,
    journal: Journal,
    book: Rc<Book>,
    time: Rc<Cell<u64>>,
    ids: RequestIds,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let settings = Settings {
            directory: directory.path().to_owned(),
            workers: 1,
            segment_bytes: 1 << 20,
            sync_every: Duration::from_secs(1),
            keep_for: Duration::ZERO,
            keep_bytes: u64::MAX,
            plan: [0; 32],
            seed: 1,
            clock: || SystemTime::UNIX_EPOCH + Duration::from_secs(1000),
        };
        let (journal, mut writers) = Journal::open(settings).expect("a journal");
        let book = Rc::new(Book::new(writers.remove(0)));
        book.set_clock(1_000_000, 0);
        Self { directory, journal, book, time: Rc::default(), ids: RequestIds::new(7) }
    }

    fn record(&self) -> Record {
        let read = Rc::clone(&self.time);
        let lines = Rc::new(Lines::new(Style::Json, sync_channel(1).0));
        let mut record = Record::open(self.ids.next(), Arc::default(), lines, Wheel::new(move || read.get()));
        let series = record.meters.calls("smart", "chat_completions", true);
        record.routed(series);
        record.called_by("ci".into());
        record
    }

    fn opened(&self) -> Record {
        let mut record = self.record();
        let identity = Identity { team: "platform", ..Identity::default() };
        record.opens(&self.book, 0xabcd, &identity).expect("room");
        record
    }

    fn pass(&self, ns: u64) {
        self.time.set(self.time.get() + ns);
    }

    /// What was written.
    fn read(self) -> Batch {
        drop(self.book);
        self.journal.close();
        read(self.directory.path())
    }
}

fn read(directory: &Path) -> Batch {
    Batch::read(&mut Reader::new(directory, &Position::default()), usize::MAX).expect("readable")
}

fn kinds(batch: &Batch) -> Vec<(&'static str, Option<u16>)> {
    batch.iter().map(|(_, entry)| (entry.kind(), entry.attempt())).collect()
}

fn send(record: &mut Record, attempt: u16) {
    let sent = Sent {
        call: 0,
        at_ns: record.wheel().now(),
        attempt,
        step: 0,
        endpoint: 0,
        credential: 0,
        hedge: false,
        input_tokens: 5,
        output_tokens: 0,
        reserved_nano_usd: None,
        provider: "p",
        deployment: "d",
        model: "m",
    };
    record.sends(sent).expect("room");
}

fn told(record: &Record, number: u16, result: Option<Result<u16, Kind>>) -> Attempt {
    let is_good = matches!(result, Some(Ok(200)) | None);
    Attempt {
        number,
        series: record.meters.attempts("p", "d"),
        step: 0,
        reason: None,
        target: (0, 0),
        started_ns: 0,
        result,
        is_hedge: false,
        class: 0,
        words: ["good", "nobody", if is_good { "" } else { "next" }],
        waited_ns: 0,
        took_ns: record.wheel().now(),
        budget_permille: 1000,
        charge: Charge::VOID,
        hold: None,
    }
}

#[test]
fn a_call_is_opened_sent_settled_and_closed_with_what_is_known_of_it() {
    let world = World::new();
    world.pass(10);
    let mut record = world.opened();
    world.pass(10);
    send(&mut record, 1);
    world.pass(10);
    record.tried(told(&record, 1, Some(Ok(200))));
    record.answers(200);
    world.pass(10);
    let usage = Usage { input: 9, cached: 4, output: 7, ..Usage::NONE };
    record.charged(Charge { usage, nano_usd: Some(12), rates: None, basis: Basis::Provider });
    record.received(100);
    record.delivered(200);
    record.close();
    let batch = world.read();
    let entries: Vec<_> = batch.iter().map(|(_, entry)| entry).collect();
    let [Entry::Opened(opened), Entry::Sent(sent), Entry::Settled(settled), Entry::Closed(closed)] = entries[..] else {
        panic!("{entries:?}")
    };
    assert!(entries.iter().all(|entry| entry.call() == 7 << 64));
    assert_eq!(entries.iter().map(Entry::at_ns).collect::<Vec<_>>(), [1_000_010, 1_000_020, 1_000_040, 1_000_040]);
    assert_eq!((opened.alias, opened.operation, opened.streamed), ("smart", "chat_completions", true));
    assert_eq!((opened.key, opened.team, opened.user, opened.plan), ("ci", "platform", "", 0xabcd));
    assert_eq!((sent.provider, sent.deployment, sent.model, sent.input_tokens), ("p", "d", "m", 5));
    assert_eq!((settled.nano_usd, settled.basis, settled.status), (Some(12), "provider", Some(200)));
    assert_eq!(settled.used, Counts([5, 4, 0, 0, 0, 7, 0, 0, 0, 0]));
    assert_eq!((closed.outcome, closed.status, closed.attempts, closed.took_ns), ("answered", Some(200), 1, 30));
    assert_eq!((closed.bytes_in, closed.bytes_out), (100, 200));
}

#[test]
fn an_attempt_that_failed_is_settled_when_that_is_told() {
    let world = World::new();
    let mut record = world.opened();
    send(&mut record, 1);
    record.tried(told(&record, 1, Some(Err(Kind::UpstreamClosed))));
    send(&mut record, 2);
    record.tried(told(&record, 2, Some(Ok(200))));
    record.charged(Charge::VOID);
    record.close();
    let batch = world.read();
    let attempts = [("sent", Some(1)), ("settled", Some(1)), ("sent", Some(2)), ("settled", Some(2))];
    assert_eq!(kinds(&batch)[1..5], attempts);
    let settled = batch.iter().nth(2);
    assert!(matches!(settled, Some((_, Entry::Settled(Settled { status: None, fault: "provider_closed", .. })))));
}

#[test]
fn a_call_that_is_dropped_is_settled_and_closed() {
    let world = World::new();
    let mut record = world.opened();
    send(&mut record, 1);
    record.tried(told(&record, 1, Some(Ok(200))));
    record.answers(200);
    drop(record);
    let batch = world.read();
    assert_eq!(kinds(&batch), [("opened", None), ("sent", Some(1)), ("settled", Some(1)), ("closed", None)]);
    let last = batch.iter().last();
    assert!(matches!(last, Some((_, Entry::Closed(Closed { outcome: "client_gone", status: Some(200), .. })))));
}

#[test]
fn a_call_that_was_not_opened_leaves_nothing() {
    let world = World::new();
    let mut record = world.record();
    send(&mut record, 1);
    record.tried(told(&record, 1, Some(Ok(200))));
    record.charged(Charge::VOID);
    record.close_refused(&Fault::new(Kind::Internal, "x"));
    assert!(world.read().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Attempts that follow each other or are open at once, and calls that end at any moment in any way.
    #[test]
    fn every_kind_of_entry_comes_once_whatever_becomes_of_a_call(
        steps in proptest::collection::vec(0..6_u8, 0..12),
        end in 0..4_u8,
    ) {
        thread_local! {
            static WORLD: World = World::new();
            static SEEN: std::cell::RefCell<Option<Reader>> = const { std::cell::RefCell::new(None) };
        }
        let batch = WORLD.with(|world| {
            let mut record = world.opened();
            let (mut sent, mut open, mut has_won) = (0, Vec::new(), false);
            for step in steps {
                world.pass(1);
                match (step, open.pop()) {
                    // One more, while another may be open.
                    (0 | 1, before) if sent < 9 && !has_won => {
                        sent += 1;
                        send(&mut record, sent);
                        open.extend(before);
                        open.push(sent);
                    }
                    (2, Some(number)) => record.tried(told(&record, number, Some(Err(Kind::UpstreamClosed)))),
                    (3, Some(number)) => record.tried(told(&record, number, None)),
                    (4, Some(number)) if !has_won => {
                        // What is open beside the one that is answered from is told of first.
                        open.drain(..).for_each(|other| record.tried(told(&record, other, None)));
                        record.tried(told(&record, number, Some(Ok(200))));
                        has_won = true;
                    }
                    (5, before) if has_won => {
                        record.charged(Charge::VOID);
                        open.extend(before);
                    }
                    (_, before) => open.extend(before),
                }
            }
            open.drain(..).for_each(|other| record.tried(told(&record, other, None)));
            match end {
                0 => record.close(),
                1 => record.close_refused(&Fault::new(Kind::UpstreamClosed, "x")),
                2 => record.close_cut(&Fault::new(Kind::StreamCut, "x")),
                _ => drop(record),
            }
            SEEN.with_borrow_mut(|seen| {
                let reader = seen.get_or_insert_with(|| Reader::new(world.directory.path(), &Position::default()));
                (Batch::read(reader, usize::MAX).expect("readable"), sent)
            })
        });
        let (batch, sent) = batch;
        let kinds = kinds(&batch);
        prop_assert_eq!(kinds.first(), Some(&("opened", None)));
        prop_assert_eq!(kinds.last(), Some(&("closed", None)));
        for number in 1..=sent {
            let of = |kind| kinds.iter().filter(|entry| **entry == (kind, Some(number))).count();
            prop_assert_eq!((of("sent"), of("settled")), (1, 1));
        }
        prop_assert_eq!(kinds.len(), 2 + 2 * usize::from(sent));
    }
}
