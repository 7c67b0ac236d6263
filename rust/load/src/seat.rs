//! A place for one connection, and the task that makes calls on it.

use crate::answer::Answer;
use crate::clock;
use crate::conversation::Conversation;
use crate::events::Care;
use crate::exchange::{self, Exchange};
use crate::request;
use crate::tally::{Arrival, Ended};
use crate::wire::Wire;
use crate::worker::Worker;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// One answer in so many is parsed whole.
const PARSED: u64 = 100;

/// What others see of a place.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    job: Cell<Option<Arrival>>,
    waker: RefCell<Option<Waker>>,
    /// When the open call has to be over; 0: there is none.
    pub(crate) deadline: Cell<u64>,
    is_expired: Cell<bool>,
}

impl Seat {
    /// Gives a resting place a call.
    pub(crate) fn give(&self, arrival: Arrival) {
        self.job.set(Some(arrival));
        self.wake();
    }

    /// Ends the open call.
    pub(crate) fn expire(&self) {
        self.is_expired.set(true);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }

    /// Waits for a call, and gives the connection up when the target does. `None`: there will be none.
    pub(crate) async fn job(&self, wire: &mut Option<Wire>, is_over: &Cell<bool>) -> Option<Arrival> {
        poll_fn(|cx| {
            self.remember(cx);
            if wire.as_mut().is_some_and(|wire| wire.poll_gone(cx).is_ready()) {
                *wire = None;
            }
            match self.job.take() {
                Some(arrival) => Poll::Ready(Some(arrival)),
                None if is_over.get() => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Runs a call until its deadline; `None`: it has passed.
    async fn within<T>(&self, deadline: u64, call: impl Future<Output = T>) -> Option<T> {
        self.is_expired.set(false);
        self.deadline.set(deadline);
        let mut call = pin!(call);
        let outcome = poll_fn(|cx| {
            self.remember(cx);
            if self.is_expired.get() {
                return Poll::Ready(None);
            }
            call.as_mut().poll(cx).map(Some)
        })
        .await;
        self.deadline.set(0);
        outcome
    }
}

/// What the task of a place works with; its memory is used again for every call.
pub(crate) struct Caller {
    worker: Rc<Worker>,
    pub(crate) seat: Rc<Seat>,
    pub(crate) wire: Option<Wire>,
    number: usize,
    answer: Answer,
    conversation: Option<Conversation>,
    request: Vec<u8>,
}

impl Caller {
    /// `number` is the place's own, over all threads.
    pub(crate) fn new(worker: Rc<Worker>, seat: Rc<Seat>, number: usize) -> Self {
        let conversation = worker.plan.script.as_ref().map(|script| Conversation::new(script, number as u64));
        let (answer, request) = (Answer::default(), Vec::new());
        Self { worker, seat, wire: None, number, answer, conversation, request }
    }

    pub(crate) const fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }

    pub(crate) const fn number(&self) -> usize {
        self.number
    }

    /// Connects ahead of the first call. Where that fails, the call will say so.
    pub(crate) async fn connect(&mut self) {
        let Self { worker, seat, wire, number, .. } = self;
        let deadline = (clock::now() + worker.plan.timeout_ns).min(worker.last_sending());
        if let Some(Ok(made)) = seat.within(deadline, Wire::connect(&worker.plan.target, *number)).await {
            worker.tally.borrow_mut().connections += 1;
            *wire = Some(made);
        }
    }

    /// Makes a call and counts it. Says whether a connection could be had.
    pub(crate) async fn call(&mut self, arrival: Arrival) -> bool {
        let Self { worker, seat, wire, number, answer, conversation, request } = self;
        let plan = &worker.plan;
        let (bytes, about) = match (&plan.script, conversation.as_mut()) {
            (Some(script), Some(conversation)) => {
                conversation.ask(script, request);
                (request.as_slice(), script.about)
            }
            _ => match request::turn(&plan.prepared, arrival.call) {
                Some(prepared) => (prepared.bytes.as_slice(), prepared.about),
                None => return false,
            },
        };
        let sample = worker.sample.get();
        worker.sample.set(sample + 1);
        answer.expect(Care { about, keep_text: plan.keeps_text, parse: sample.is_multiple_of(PARSED) });
        let mut exchange = Exchange::new(worker, seat, arrival, bytes);
        let deadline = if wire.is_some() { exchange.deadline } else { exchange.deadline.min(worker.last_sending()) };
        let run = exchange::run(&mut exchange, wire, answer, *number);
        let outcome = seat.within(deadline, run).await;
        let outcome = outcome.unwrap_or_else(|| Err(exchange.given_up()));
        if outcome.is_err() && !exchange.is_reusable {
            *wire = None;
        }
        if let (Some(script), Some(conversation)) = (&plan.script, conversation) {
            conversation.hear(script, outcome.is_ok().then(|| answer.text()));
        }
        let could_connect = exchange.sent.is_some();
        let ended = Ended {
            arrival,
            sent: exchange.sent,
            end: exchange.ended.unwrap_or_else(clock::now),
            bytes_in: exchange.bytes_in,
            bytes_out: exchange.sent.map_or(0, |_| bytes.len() as u64),
            is_whole: exchange.ended.is_some(),
            answer,
            outcome,
        };
        worker.tally.borrow_mut().end(&ended);
        could_connect
    }
}
