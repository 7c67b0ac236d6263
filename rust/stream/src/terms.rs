//! What an answer is sent on under.

use crate::deadlines::Deadlines;

/// What an answer is sent on under.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// How long it may take.
    pub deadlines: Deadlines,
    /// Of a stream: a caller that has got nothing for so long, in nanoseconds, gets a comment, which keeps proxies and
    /// clients from taking the connection for dead. `None`: never.
    pub keep_alive_ns: Option<u64>,
    /// What becomes of the body when the caller leaves. `None`: it is dropped, which cancels the provider's work.
    pub after_leave: Option<AfterLeave>,
    /// Whether its body is searched for what it used; a stream's always is.
    pub taps: bool,
    /// Whether it is searched for the service tier as well.
    pub reads_tier: bool,
}

impl Terms {
    /// Deadlines and nothing else.
    pub const fn new(deadlines: Deadlines) -> Self {
        Self { deadlines, keep_alive_ns: None, after_leave: None, taps: true, reads_tier: false }
    }
}

/// How far a body is read on after its caller has left; the answer's own deadlines hold as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterLeave {
    /// For so long, in nanoseconds.
    pub ns: u64,
    /// For so many bytes.
    pub bytes: u64,
}

impl AfterLeave {
    /// As far as usage, which stands at the end, is usually away: 30 s and 1 MiB.
    pub const DRAIN: Self = Self { ns: 30_000_000_000, bytes: 1 << 20 };

    /// To its end.
    pub const FINISH: Self = Self { ns: u64::MAX, bytes: u64::MAX };
}
