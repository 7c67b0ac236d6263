//! One account: what one value of a limit's dimension has used of it.
//!
//! An account holds no rule: how much is allowed comes with each question, so that a reload changes what is allowed and
//! not what is known.

mod bucket;
mod places;
mod spend;
#[cfg(test)]
mod tests;
mod window;

pub use bucket::{Bucket, Pace, Short, Taken};
pub use places::Places;
pub use spend::{Allowance, SetAside, Spend, Standing};
pub use window::{PARTS, Span, Unit, Window};

use std::sync::Arc;

/// A moment on the two clocks that accounts go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Never goes back; nanoseconds since some fixed moment.
    pub steady_ns: u64,
    /// Nanoseconds since 1970, by the system's clock.
    pub unix_ns: u64,
}

/// What is counted of a kind of limit.
#[derive(Debug)]
pub enum State {
    /// Requests or tokens in a while.
    Rate(Bucket),
    /// Calls at once.
    Places(Places),
    /// Tokens or money in a window.
    Spend(Spend),
}

/// See the module.
#[derive(Debug)]
pub struct Account {
    /// The id of its limit.
    pub limit: Arc<str>,
    /// The value that it is of; empty of a limit on everything.
    pub value: Box<str>,
    /// Whether it stands for all the values that there was no room for.
    pub is_other: bool,
    /// What was counted.
    pub state: State,
}

impl Account {
    /// Whether nothing would be lost if it were forgotten: it is as good as new. Money and tokens for a lifetime are
    /// forgotten when nothing has happened for `forget_ns`.
    pub(crate) fn says_nothing(&self, now: Now, forget_ns: u64) -> bool {
        match &self.state {
            State::Rate(bucket) => bucket.full_in_ns(now.steady_ns) == 0,
            State::Places(places) => places.taken() == 0,
            State::Spend(spend) => {
                let (touched_ns, is_empty) = spend.rest(now.unix_ns);
                is_empty || now.unix_ns.saturating_sub(touched_ns) >= forget_ns
            }
        }
    }
}
