//! Every way to fail, decided once.
//!
//! A [`Fault`] is a [`Kind`], a sentence for the caller, and a cause for the log. What a kind means (who is to blame,
//! which status the caller sees, whether trying again helps) stands in one table, [`Kind::row`], and nowhere else; the
//! stages only name the kind. How a fault looks on the wire is the dialect's business (`protocol`).
//!
//! Invariants: the sentence holds no credential, no prompt and no address of a provider; the cause may name addresses
//! and goes to the log alone. There is no catch-all kind: a failure that fits no row gets a new one.
//!
//! Not here: retry policy (`attempt`), rendering (`protocol`), counting (`record`).
#![warn(clippy::wildcard_enum_match_arm)]

mod kind;

pub use kind::{Class, Kind, Origin, Retry, Row};

use std::borrow::Cow;
use std::fmt;

/// One failure: what kind, what to tell the caller, what to write in the log.
#[derive(Debug, Clone)]
pub struct Fault {
    kind: Kind,
    message: Cow<'static, str>,
    cause: Option<Box<str>>,
    param: Option<&'static str>,
    allow: Option<&'static str>,
}

impl Fault {
    /// A fault with a sentence for the caller: what is wrong, where, and how to mend it.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), cause: None, param: None, allow: None }
    }

    /// Adds what only the log may hold: addresses, library errors. An earlier cause is kept behind the new one, so a
    /// log line reads outside in: `attempt 2: connect: refused`.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(match self.cause {
            Some(inner) => format!("{cause}: {inner}").into_boxed_str(),
            None => cause.to_string().into_boxed_str(),
        });
        self
    }

    /// Names the field of the request that is wrong.
    #[must_use]
    pub fn at(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    /// Names the methods that the path has, as the header `allow` lists them.
    #[must_use]
    pub fn allowing(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// What kind of failure this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The sentence for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The cause, for the log alone.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The field of the request that is wrong, if one is.
    pub const fn param(&self) -> Option<&'static str> {
        self.param
    }

    /// The methods that the path has, where the method was wrong.
    pub const fn allow(&self) -> Option<&'static str> {
        self.allow
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
