//! Who calls, whether they may, and how much.
//!
//! Whether they may is decided from the head alone, before a byte of the body is read.
//!
//! Virtual keys are held as digests under a key that is drawn at start, or derived from the pepper of the keys in a
//! store, so that memory holds no secret that a caller could show again elsewhere, and looking one up takes a time that
//! says nothing about how much of it was right.
//! Where the policy has no keys, whoever can open a connection is let in, except web pages: a browser on the same
//! machine must not be able to spend its owner's credentials, so a foreign `Origin`, or a `Host` that is not this
//! machine (a name that an attacker's DNS points here), is refused.
//!
//! How much is decided once it is known where a call may go, and so what it may cost: [`Limits`] say what it meets, and a
//! [`Reservation`] holds what it takes until it is over. [`Accounts`] hold what was used, apart from the plan, so that a
//! reload changes the rules and forgets nothing. Clocks come in as parameters.
//!
//! Accounts are kept over a restart as [`Saved`], and what happened since is counted again by [`Limits::replay`].
//!
//! Not here: what the key's aliases hide (`plan`); what a call has really used (`stream`, `protocol`).

pub mod account;
mod accounts;
mod identity;
mod keys;
mod limits;
mod origin;
mod saved;
mod sync;

pub use account::Now;
pub use accounts::{Accounts, Bounds, Counts, OfLimit};
pub use identity::{BodyUser, MOST_BYTES, MOST_TAGS, identify, looks_at_body};
pub use keys::{Digests, Known, Shown, digest, digest_of_sha256, is_weak, seed};
pub use limits::{
    Ask, Cost, Limits, Measured, Meets, Met, Money, Names, Past, Refusal, Remaining, Reservation, Rule, Ticket,
    Tightest, Used, Warning, Warnings, Who, Why,
};
pub use origin::Origins;
pub use saved::{Saved, SavedSpend, SavedState};

use fault::Fault;
use http1::RequestHead;
use plan::Callers;

/// A caller that was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The policy has no keys.
    Anyone,
    /// The holder of the key with this index in the plan.
    Key(usize),
}

/// Decides who is let in.
#[derive(Debug)]
pub struct Admission {
    callers: Callers,
    digests: Digests,
    origins: Origins,
}

impl Admission {
    /// `digests` are those of the plan's keys, in its order.
    pub fn new(callers: Callers, digests: Digests, origins: Origins) -> Self {
        Self { callers, digests, origins }
    }

    /// Lets a caller in, or says why not: [`fault::Kind::KeyRejected`], [`fault::Kind::OriginForbidden`],
    /// [`fault::Kind::HostForbidden`]. `unix`: the connection came over a unix socket, where a host name says nothing.
    /// `now_unix_ms` is asked for keys that end at some time.
    pub fn admit(&self, head: &RequestHead, unix: bool, now_unix_ms: impl FnOnce() -> u64) -> Result<Caller, Fault> {
        match self.callers {
            Callers::Keys => self.digests.find(head, now_unix_ms).map(Caller::Key),
            Callers::Anyone => self.origins.check(head).map(|()| Caller::Anyone),
            Callers::Loopback => {
                self.origins.check(head)?;
                if unix { Ok(()) } else { origin::check_host(head) }.map(|()| Caller::Anyone)
            }
        }
    }

    /// The web origins that may call.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }
}
