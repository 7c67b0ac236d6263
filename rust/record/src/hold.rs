//! What a call or an attempt holds of something outside until it is over.

use crate::call::Attempt;
use crate::identity::Identified;
use std::fmt;
use std::rc::Rc;

/// What is known at the end.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// The attempts of the call, or the one; each with its charge.
    pub attempts: &'a [Attempt],
    /// Whether the call got an answer that others paid for.
    pub is_borrowed: bool,
}

/// What a call or an attempt holds of something outside.
pub trait Hold: fmt::Debug {
    /// It is over: comes once. Comes from a destructor at times, so it must not wait.
    fn settle(self: Box<Self>, settled: Settled<'_>);

    /// Whether the caller is told of limits that it has.
    fn tells(&self) -> bool;

    /// Appends the header lines that the caller gets because of it.
    fn lines(&self, lines: &mut Vec<u8>);
}

/// What few calls have: whom limits look at, and what they hold.
#[derive(Debug, Default)]
pub(crate) struct Limited {
    pub(crate) identity: Option<Rc<Identified>>,
    pub(crate) hold: Option<Box<dyn Hold>>,
    /// The limit that refused the call.
    pub(crate) refused_by: Option<Box<str>>,
    /// Those that would have.
    pub(crate) observed: Vec<Box<str>>,
}
