//! Dialects as bytes: tables, scans, splices, event streams.
//!
//! The gateway forwards bytes within one dialect, so this crate looks at bodies without turning them into trees: a scan
//! that finds the two fields that routing needs ([`scan`], [`multipart`]), a splice that exchanges the model's name and
//! touches nothing else ([`splice`]), a second look at a body for what few calls need ([`top`]), a splitter for event streams ([`sse`]), and what is particular to one dialect in a
//! folder of its own ([`openai`]).
//!
//! Invariants: no sockets, clocks or keys; every scanner gives the same result however its input is cut; what is
//! skipped is never copied; every bound (depth, keys, names, events) stands as a constant beside the code it bounds.
//!
//! Not here: heads and framing (`http1`), where a call goes (`plan`), what becomes of a stream that fails (`stream`).
#![warn(clippy::wildcard_enum_match_arm)]

pub mod multipart;
pub mod openai;
mod outline;
pub mod peek;
pub mod scan;
pub mod splice;
pub mod sse;
pub mod top;
