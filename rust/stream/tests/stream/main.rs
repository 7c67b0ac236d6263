//! Streams through `Opening` and `Forward`: whole, cut at every byte, late, and left behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod continuing;
mod deadlines;
mod forward;
mod leaving;
mod metering;
mod opening;
mod shared;
mod support;
