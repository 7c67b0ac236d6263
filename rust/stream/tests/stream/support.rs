//! A call under a clock that the test turns, and a provider that keeps to a script.

use bytes::Bytes;
use fault::{Fault, Kind};
use http1::Source;
use protocol::openai::paths::Streams;
use record::{Lines, Meters, Record, RequestIds, Style, Value, Wants, Wheel};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::task::{Context, Poll, Waker};
use stream::{Begun, Deadlines, Ending, Forward, Opening, Rest, Settle, Terms};

pub(crate) type Turn = Option<Result<Bytes, Fault>>;
pub(crate) type Polled = Poll<Option<Result<Bytes, Fault>>>;

/// A provider's body as a script; `None` in it is a pause.
#[derive(Debug)]
pub(crate) struct Script(pub(crate) VecDeque<Turn>);

impl Source for Script {
    fn poll_piece(&mut self, _: &mut Context<'_>) -> Polled {
        match self.0.pop_front() {
            Some(Some(piece)) => Poll::Ready(Some(piece)),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// What was told of an attempt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub(crate) endings: Rc<RefCell<Vec<Ending>>>,
    pub(crate) rest: Rc<RefCell<Option<Rest<Script>>>>,
}

impl Settle<Script> for Told {
    fn settle(self, ending: Ending, _: &mut Record) {
        self.endings.borrow_mut().push(ending);
    }

    fn left(self, rest: Rest<Script>) {
        *self.rest.borrow_mut() = Some(rest);
    }
}

impl Told {
    /// The one ending.
    pub(crate) fn ending(&self) -> Ending {
        assert_eq!(self.endings.borrow().len(), 1);
        self.endings.borrow()[0].clone()
    }
}

/// A call under a clock that the test turns.
pub(crate) struct World {
    pub(crate) time: Rc<Cell<u64>>,
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) terms: Terms,
    pub(crate) told: Told,
    meters: Arc<Meters>,
}

pub(crate) const DEADLINES: Deadlines = Deadlines { whole: (1_000, Kind::TotalTimeout), first_token: 100, idle_ns: 50 };

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Terms::new(DEADLINES))
    }

    pub(crate) fn with(terms: Terms) -> Self {
        let time = Rc::new(Cell::new(0));
        let read = Rc::clone(&time);
        Self { wheel: Wheel::new(move || read.get()), time, terms, told: Told::default(), meters: Arc::default() }
    }

    /// A stream that is sent on from its first byte, or another answer.
    pub(crate) fn forward(&self, streams: Option<Streams>, script: Vec<Turn>) -> Forward<Script, Told> {
        let mut body = Script(script.into());
        let begun = match streams {
            Some(streams) => Begun::Stream(Opening::new(streams)),
            None => Begun::Plain(body.0.pop_front().flatten().transpose().unwrap()),
        };
        self.go_on(body, begun)
    }

    pub(crate) fn go_on(&self, body: Script, begun: Begun) -> Forward<Script, Told> {
        Forward::new(body, begun, &self.terms, self.record(1), self.told.clone())
    }

    /// The record of a call, under an id of this seed.
    pub(crate) fn record(&self, seed: u64) -> Record {
        let lines = Rc::new(Lines::new(Style::Json, sync_channel(1).0));
        lines.want(Wants::Nothing);
        let id = RequestIds::new(seed).next();
        let mut record = Record::open(id, Arc::clone(&self.meters), lines, Rc::clone(&self.wheel));
        record.routed(self.meters.calls("smart", "chat_completions", true));
        record
    }

    /// Polls at a moment; returns what then comes.
    pub(crate) fn at(&self, body: &mut impl Source, time: u64) -> Polled {
        self.time.set(time);
        self.wheel.ring();
        body.poll_piece(&mut Context::from_waker(Waker::noop()))
    }

    /// What became of the one call: outcome and, of faults, reason.
    pub(crate) fn outcome(&self) -> (String, Option<String>) {
        outcome(&self.meters)
    }

    /// A label of the one sample of a family that counted the call.
    pub(crate) fn label(&self, family: &str, name: &str) -> Option<String> {
        label(&self.meters, family, name)
    }

    /// Whether no call and no stream is open.
    pub(crate) fn is_at_rest(&self) -> bool {
        let families = record::families(&[Arc::clone(&self.meters)], record::Words::default());
        families.iter().flat_map(|family| &family.samples).all(|sample| match sample.value {
            Value::Level(level) => level == 0.0,
            _ => true,
        })
    }
}

/// What became of the one call that these meters counted.
pub(crate) fn outcome(meters: &Arc<Meters>) -> (String, Option<String>) {
    (label(meters, "headgate_calls", "outcome").unwrap(), label(meters, "headgate_refusals", "reason"))
}

fn label(meters: &Arc<Meters>, family: &str, name: &str) -> Option<String> {
    let families = record::families(&[Arc::clone(meters)], record::Words::default());
    let family = families.iter().find(|candidate| candidate.name == family).unwrap();
    let sample = family.samples.iter().find(|sample| sample.value == Value::Count(1))?;
    sample.labels.iter().find(|(label, _)| *label == name).map(|(_, value)| value.clone())
}

/// Everything that comes out, and the fault behind it; panics on a pause.
pub(crate) fn drain(body: &mut impl Source) -> (Vec<u8>, Option<Kind>) {
    let mut out = Vec::new();
    loop {
        match body.poll_piece(&mut Context::from_waker(Waker::noop())) {
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

/// Runs what never waits for anything but the script.
pub(crate) fn poll<F: Future + ?Sized>(future: &mut std::pin::Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn golden(dialect: &str, name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/golden/{dialect}/{name}.sse", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

/// Recorded streams that end well.
pub(crate) fn streams() -> Vec<(Streams, Vec<u8>)> {
    let chat = ["text-stream", "parallel-tools-stream", "reasoning-stream", "refusal-stream", "text-stream-no-usage"];
    let responses = ["text-stream", "tool-call-stream", "reasoning-stream", "max-tokens-stream", "refusal-stream"];
    let chat = chat.map(|name| (Streams::Chat, golden("openai_chat", name)));
    let responses = responses.map(|name| (Streams::Responses, golden("openai_responses", name)));
    chat.into_iter().chain(responses).collect()
}

/// Pieces of at most `size` bytes.
pub(crate) fn pieces(bytes: &[u8], size: usize) -> Vec<Turn> {
    bytes.chunks(size).map(|piece| Some(Ok(Bytes::copy_from_slice(piece)))).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "a turn of a script")]
pub(crate) fn piece(text: &str) -> Turn {
    Some(Ok(Bytes::copy_from_slice(text.as_bytes())))
}

#[expect(clippy::unnecessary_wraps, reason = "a turn of a script")]
pub(crate) fn cut() -> Turn {
    Some(Err(Fault::new(Kind::StreamCut, "cut")))
}

/// A delta of a chat with `text` in it.
pub(crate) fn delta(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

pub(crate) const ROLE: &str =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
pub(crate) const PING: &str = ": ping\n\n";
pub(crate) const STOP: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub(crate) const DONE: &str = "data: [DONE]\n\n";
pub(crate) const ERROR: &str = "data: {\"error\":{\"message\":\"too busy\",\"code\":\"overloaded\"}}\n\n";
