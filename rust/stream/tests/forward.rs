//! Streams through `Forward`: whole, cut at every byte, and late.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use protocol::openai::paths::Streams;
use record::{Lines, Meters, Record, RequestIds, Style, Value, Wants, Wheel};
use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll, Waker};
use stream::{Deadlines, Forward};

/// A provider's body as a script; `None` in it is a pause.
struct Script(VecDeque<Option<Result<Bytes, Fault>>>);

impl Source for Script {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        match self.0.pop_front() {
            Some(Some(piece)) => Poll::Ready(Some(piece)),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// A call under a clock that the test turns.
struct World {
    time: Rc<Cell<u64>>,
    wheel: Rc<Wheel>,
    meters: Arc<Meters>,
}

const DEADLINES: Deadlines = Deadlines { whole: (1_000, Kind::TotalTimeout), first_token: 100, idle_ns: 50 };

impl World {
    fn new() -> Self {
        let time = Rc::new(Cell::new(0));
        let read = Rc::clone(&time);
        Self { wheel: Wheel::new(move || read.get()), time, meters: Arc::default() }
    }

    fn forward(&self, streams: Option<Streams>, script: Vec<Option<Result<Bytes, Fault>>>) -> Forward<Script> {
        let lines = Rc::new(Lines::new(Style::Json, sync_channel(1).0));
        lines.want(Wants::Nothing);
        let mut record =
            Record::open(RequestIds::new(1).next(), Arc::clone(&self.meters), lines, Rc::clone(&self.wheel));
        record.routed(self.meters.calls("smart", "chat_completions", true));
        Forward::new(Script(script.into()), None, streams, &DEADLINES, record)
    }

    /// What became of the one call: outcome and, of faults, reason.
    fn outcome(&self) -> (String, Option<String>) {
        let families = record::families(&[Arc::clone(&self.meters)]);
        let label = |family: &str, name: &str| {
            let family = families.iter().find(|candidate| candidate.name == family).unwrap();
            let sample = family.samples.iter().find(|sample| sample.value == Value::Count(1))?;
            sample.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.clone())
        };
        (label("headgate_calls", "outcome").unwrap(), label("headgate_refusals", "reason"))
    }
}

/// Everything that comes out, and the fault behind it; panics on a pause.
fn drain(forward: &mut Forward<Script>) -> (Vec<u8>, Option<Kind>) {
    let mut out = Vec::new();
    loop {
        match forward.poll_piece(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(piece))) => {
                assert!(!piece.is_empty());
                out.extend_from_slice(&piece);
            }
            Poll::Ready(Some(Err(fault))) => return (out, Some(fault.kind())),
            Poll::Ready(None) => return (out, None),
            Poll::Pending => panic!("nothing is left to wait for"),
        }
    }
}

fn golden(dialect: &str, name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/golden/{dialect}/{name}.sse", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn streams() -> [(Streams, Vec<u8>); 4] {
    [
        (Streams::Chat, golden("openai_chat", "text-stream")),
        (Streams::Chat, golden("openai_chat", "parallel-tools-stream")),
        (Streams::Responses, golden("openai_responses", "text-stream")),
        (Streams::Responses, golden("openai_responses", "tool-call-stream")),
    ]
}

/// Pieces of at most `size` bytes.
fn pieces(bytes: &[u8], size: usize) -> Vec<Option<Result<Bytes, Fault>>> {
    bytes.chunks(size).map(|piece| Some(Ok(Bytes::copy_from_slice(piece)))).collect()
}

#[test]
fn a_whole_stream_passes_byte_for_byte_however_it_was_cut_up() {
    for (streams, whole) in streams() {
        for size in [1, 2, 3, 7, 100, 10_000] {
            let world = World::new();
            let mut forward = world.forward(Some(streams), pieces(&whole, size));
            assert_eq!(drain(&mut forward), (whole.clone(), None));
            drop(forward);
            assert_eq!(world.outcome(), ("answered".to_owned(), None));
        }
    }
}

#[test]
fn a_stream_cut_at_any_byte_never_ends_well() {
    let cut = || Some(Err(Fault::new(Kind::StreamCut, "cut")));
    for (streams, whole) in streams() {
        let terminal = if streams == Streams::Chat { &b"[DONE]"[..] } else { b"response.completed" };
        let end = whole.windows(terminal.len()).position(|window| window == terminal).unwrap();
        for at in 0..end {
            for broken_off in [false, true] {
                let world = World::new();
                let mut script = pieces(&whole[..at], 50);
                if broken_off {
                    script.push(cut());
                }
                let (out, fault) = drain(&mut world.forward(Some(streams), script));
                assert_eq!(fault, Some(Kind::StreamCut), "cut at {at}");
                let words = out.windows(7).rposition(|window| window == b"\"error\"").expect("last words");
                let start = out[..words].windows(2).rposition(|window| window == b"\n\n").map_or(0, |blank| blank + 2);
                assert!(whole.starts_with(&out[..start]), "cut at {at}: what came before is the provider's");
                assert!(out.ends_with(b"\n\n"), "cut at {at}: the last words are whole");
                assert_eq!(world.outcome(), ("cut".to_owned(), Some("stream_cut".to_owned())));
            }
        }
    }
}

#[test]
fn a_break_behind_the_end_is_no_cut() {
    let whole = golden("openai_chat", "text-stream");
    let world = World::new();
    let mut script = pieces(&whole, 64);
    script.push(Some(Err(Fault::new(Kind::StreamCut, "cut"))));
    assert_eq!(drain(&mut world.forward(Some(Streams::Chat), script)), (whole, None));
    assert_eq!(world.outcome().0, "answered");
}

#[test]
fn a_body_that_is_no_stream_fails_without_last_words() {
    let world = World::new();
    let script = vec![Some(Ok(Bytes::from_static(b"{\"id\":"))), Some(Err(Fault::new(Kind::StreamCut, "cut")))];
    assert_eq!(drain(&mut world.forward(None, script)), (b"{\"id\":".to_vec(), Some(Kind::StreamCut)));
}

/// Polls through a pause at a moment; returns what then comes.
fn at(world: &World, forward: &mut Forward<Script>, time: u64) -> Poll<Option<Result<Bytes, Fault>>> {
    world.time.set(time);
    world.wheel.ring();
    forward.poll_piece(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn each_deadline_has_its_own_fault() {
    let content =
        || Some(Ok(Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")));
    let comment = || Some(Ok(Bytes::from_static(b": ping\n\n")));
    let ends = |forward: &mut Forward<Script>| drain(forward).1;

    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![None, comment(), None]);
    assert!(at(&world, &mut forward, 99).is_pending());
    assert!(at(&world, &mut forward, 99).is_ready(), "a comment passes");
    assert!(at(&world, &mut forward, 100).is_ready());
    assert_eq!(ends(&mut forward), Some(Kind::FirstTokenTimeout), "and is no first token");

    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![content(), None, comment(), None]);
    assert!(at(&world, &mut forward, 90).is_ready());
    assert!(at(&world, &mut forward, 139).is_pending());
    assert!(at(&world, &mut forward, 139).is_ready(), "a comment passes");
    assert!(at(&world, &mut forward, 140).is_ready());
    assert_eq!(ends(&mut forward), Some(Kind::IdleTimeout), "and does not count as content");

    let world = World::new();
    let mut forward = world.forward(None, vec![None, None]);
    assert!(at(&world, &mut forward, 999).is_pending());
    assert!(
        matches!(at(&world, &mut forward, 1_000), Poll::Ready(Some(Err(fault))) if fault.kind() == Kind::TotalTimeout)
    );
}

#[test]
fn the_end_of_a_drain_is_told() {
    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![None, None]);
    assert!(at(&world, &mut forward, 1).is_pending());
    world.wheel.cut();
    let (words, fault) = drain(&mut forward);
    assert!(String::from_utf8(words).unwrap().contains("shutting down"));
    assert_eq!(fault, Some(Kind::DrainCut));
}

#[test]
fn a_caller_that_leaves_is_counted_as_one() {
    let world = World::new();
    let mut forward = world.forward(Some(Streams::Chat), vec![None]);
    assert!(at(&world, &mut forward, 1).is_pending());
    drop(forward);
    assert_eq!(world.outcome().0, "client_gone");
}
