//! The listener through its public face, over real sockets on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod answers;
mod backpressure;
mod binding;
mod bodies;
mod drain;
mod gone;
mod http2;
mod refusals;
mod requests;
mod support;
mod tls;
