//! HTTP/1.1 as a codec: bytes to heads and body pieces, and back. No sockets, no clock.
//!
//! Also home of the types that the stages hand each other, whatever version of HTTP the wire spoke: a head is byte
//! ranges over one buffer, a body arrives piece by piece from a [`Source`].
//!
//! A gateway that others trust must read a message as every program behind and before it does, so this codec refuses
//! whatever two programs could read differently, each with a [`Refusal`] of its own. Where RFC 9112 lets a recipient
//! choose between mending and refusing, it refuses. The head is parsed by `httparse`, which mends some things in
//! silence (bare line feeds, empty lines); one pass over the line ends before it takes those liberties away.
//!
//! Invariants:
//! - A verdict depends on the bytes alone, not on how they were cut: an incomplete message is never accepted, and a
//!   message is refused for the same reason whether it comes whole or byte by byte.
//! - Nothing is taken off a buffer unless it is returned, or is framing that has been understood. A refusal takes nothing
//!   off it, and comes again when asked again; the connection has to end.
//! - A head costs one allocation (its line table) and no copy. A piece of a body is a slice of the buffer, unless
//!   several small chunks stand in it one after the other: those are joined, so that a body cut into single bytes
//!   cannot cost thirty times its size.
//!
//! Not here: limits in time, sizes of bodies, which header lines may be passed on (`upstream`), HTTP/2.

mod body;
mod chunked;
mod decoder;
mod diagnose;
mod extent;
mod fields;
mod head;
mod refusal;
mod request;
mod response;
mod target;
pub mod write;

pub use body::{Empty, Framing, Source};
pub use decoder::{Decoded, Decoder};
pub use head::{Headers, RequestHead, ResponseHead};
pub use refusal::Refusal;
pub use request::{Request, read_request};
pub use response::{Response, read_response};

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole head in bytes, its last empty line included.
    pub head_bytes: usize,
    /// Header lines; more than [`Limits::MAX_LINES`] are never accepted.
    pub lines: usize,
    /// The request target in bytes.
    pub target_bytes: usize,
}

impl Limits {
    /// The most header lines that any limits allow.
    pub const MAX_LINES: usize = 256;
    /// The longest method in bytes. The longest registered one has 17 (`UPDATEREDIRECTREF`).
    pub const METHOD_BYTES: usize = 32;
}

impl Default for Limits {
    /// 64 KiB, 100 lines, a target of 8 KiB.
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, lines: 100, target_bytes: 8 * 1024 }
    }
}
