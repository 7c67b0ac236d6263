//! The simulated provider: valid answers, every fault, its own bill.
//!
//! A gateway is judged by what it does when a provider misbehaves, so this one misbehaves on demand, at the level of
//! bytes: it has its own accept loop and writes its own heads and chunks, because a server library would not let it send
//! what is wrong. And it is an independent oracle: it checks requests as the provider would, counts what it did
//! ([`bill`]), and shares no code with what it tests except the HTTP/1.1 codec that reads requests, and a generator of
//! numbers.
//!
//! How a call goes: the connection reads a head and a body; the [`Provider`] turns them into a [`reply::Reply`] (pieces
//! with pauses, a value); faults bend the reply; it becomes a [`reply::Script`] of writes and waits, and the connection
//! carries that out while it watches for the client leaving. Everything but the connection is a function of its inputs
//! and a seed, and is tested without sockets.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `options` | settings, latencies |
//! | `scenario/` | which calls go wrong or slowly, and when |
//! | `server`, `connection`, `wire` | threads and accept loop; one connection; one socket |
//! | `provider`, `knobs` | a request in, a reply out; the `x-sim-...` headers |
//! | `check/` | what each endpoint takes |
//! | `answer/` | what each endpoint answers, and the table of routes |
//! | `faults/` | the table of faults, and what each does |
//! | `bill`, `stores` | what was done; what is kept |
//! | `fast`, `fast/` | the mode that only loads a gateway; its paced streams |
//!
//! Invariants: the same options and the same requests in the same order give the same texts, ids and latencies; usage
//! adds up (see `answer/tokens.rs`), and equals the bill unless a fault changes it; nothing that is kept grows without
//! a bound.
//!
//! Not here: TLS, HTTP/2, DNS (faults of those layers need a server of their own), and dialects other than `OpenAI`'s.

mod answer;
pub mod bill;
pub mod check;
mod clock;
mod connection;
mod encode;
mod fast;
pub mod faults;
mod form;
mod knobs;
pub mod options;
pub mod provider;
pub mod reply;
pub mod rng;
pub mod scenario;
mod server;
mod stores;
mod wire;

pub use options::Options;
pub use provider::Provider;
pub use server::{Running, start};
