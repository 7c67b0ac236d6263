//! The open-loop load engine: calls at their time, answers checked, latencies that hide nothing.
//!
//! Most load generators wait for an answer before they send the next call. When the target stalls, they stall with it,
//! send less, and report a few slow calls where a thousand callers would have waited: the omission is coordinated with
//! what is measured. Here the arrivals are a function of the spec and the seed alone ([`Spec`]), computed ahead, and a
//! latency runs from when a call was *intended* to be sent. A call that finds all connections in use waits, and its
//! waiting counts. What the engine itself did to the figures is part of the result: calls sent late, how late the event
//! loop turned, what a call cost, and one sentence of whom to blame.
//!
//! A figure without a check is void, so every answer is judged: status, framing, kind, the end of its stream, and what
//! the spec expects of bytes, text, events and tokens. A call that fails is counted in one of a closed set of classes,
//! with an example of each, and never ends the load.
//!
//! The way of a call: the schedule says when, the worker hands it to a place that rests, to a new one, or to the queue; the
//! place's task sends prepared bytes and reads the answer through our own HTTP codec; the tally counts it.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `spec`, `start_error`, `target`, `tls`, `limits` | what is asked for, and whether it can be had |
//! | `schedule`, `rng`, `timer`, `clock` | when calls are due, and waking then |
//! | `request`, `conversation` | what is sent |
//! | `plan`, `worker`, `tend` | what threads share; one thread; what it does beside its calls |
//! | `seat`, `exchange`, `wire` | one place; one call; one connection |
//! | `answer`, `events`, `json`, `expected`, `failure` | whether the answer is good |
//! | `tally`, `hist`, `steps` | what is counted |
//! | `running`, `progress`, `report`, `health` | start, stop, and what is told |
//!
//! Invariants:
//! - Threads share nothing that is written while calls are made, but for a board of progress five times a second.
//! - A call costs a write, a read and its share of an `epoll_wait`; no timer, no parse and no allocation of its own when
//!   its answer is the expected one. Deadlines are swept by a tick.
//! - Every call that counts ends in `good` or in one failure, unless the load was stopped while it was open.
//! - What is not sent by the end is not sent after it: a load lasts as long as it says, and at most a timeout longer.
//! - Times are nanoseconds of `CLOCK_MONOTONIC`, read when the bytes have been handed to the kernel or have come from it.
//!
//! Not here: HTTP/2, other dialects than `OpenAI`'s, files and defaults of those who ask (`python/headgate/bench`).

mod answer;
mod clock;
mod conversation;
mod events;
mod exchange;
mod expected;
mod failure;
mod health;
mod hist;
mod json;
mod limits;
mod plan;
mod progress;
mod report;
mod request;
mod running;
mod schedule;
mod seat;
mod spec;
mod start_error;
mod steps;
mod tally;
mod target;
mod tend;
#[cfg(test)]
mod tests_support;
mod timer;
mod tls;
mod wire;
mod worker;

pub use running::{Running, start};
pub use spec::{Arrivals, Call, Calls, Expect, Spec};
pub use start_error::StartError;
