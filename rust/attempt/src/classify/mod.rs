//! What a failed attempt means: its [`Class`], and whose health pays for it.
//!
//! Providers say the same thing in many ways, and different things in the same way: a 429 is a limit that a moment
//! mends, a budget that is spent until next month, or a call that no moment will ever let through. So what is known of
//! each provider stands in a table ([`table`]), row by row with the page it comes from and the day it was seen. The
//! first row that fits decides, a provider's own before those that hold for any; what no row knows is decided by its
//! status. Only failures are looked up, so the search is a plain walk.
//!
//! Invariants:
//! - A caller's own doing is nobody's fault: neither a prompt that is too long nor content that was refused may take a
//!   credential or an endpoint away from other callers.
//! - What a caller sends is often quoted in the error it gets (`Invalid value: '...'`). A sentence that costs a health
//!   key is therefore matched at its beginning where a caller could have provoked it, since quotes come later. A test
//!   holds every row to that.
//! - An answer that is not known to be the provider's own (a 403 that says nothing) never costs a credential.
//!
//! Not here: the bytes of error bodies (`protocol`), what follows from a class (`decide`), pauses (`pause`).
#![warn(clippy::wildcard_enum_match_arm)]

mod table;
#[cfg(test)]
mod tests;

use crate::{Blame, Class};
use fault::Kind;
use table::{BY_STATUS, DOWN, KEY, OURS, Row, SLOW, TABLE, Verdict};

/// What is known of a failure that a provider described.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signal<'a> {
    /// The provider's name in the catalogue; empty for one of the operator's own.
    pub provider: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// The body's code, as text where it is a number; empty if there is none.
    pub code: &'a str,
    /// The body's type of error; empty if there is none.
    pub kind: &'a str,
    /// The body's sentence; empty if there is none.
    pub message: &'a str,
}

/// What an answer means, good ones included.
pub fn of_answer(signal: &Signal<'_>) -> (Class, Blame) {
    if (200..300).contains(&signal.status) {
        return (Class::Good, Blame::Nobody);
    }
    look_up(signal).unwrap_or_else(|| by_status(signal.status))
}

/// What an error within a stream that began well means. The status, which was 200, does not count; a code that is a
/// status does, since some servers put it there.
pub fn of_stream_error(signal: &Signal<'_>) -> (Class, Blame) {
    let status = signal.code.parse().ok().filter(|status| (400..600).contains(status));
    let signal = Signal { status: status.unwrap_or(0), ..*signal };
    look_up(&signal).unwrap_or_else(|| status.map_or(DOWN, by_status))
}

/// What a failure of the gateway's own naming means: the way to the provider, deadlines, and our own doing.
pub const fn of_fault(kind: Kind) -> (Class, Blame) {
    match kind {
        Kind::ResolveFailed
        | Kind::EgressRefused
        | Kind::ConnectFailed
        | Kind::ConnectTimeout
        | Kind::TlsFailed
        | Kind::UpstreamClosed
        | Kind::UpstreamGarbled
        | Kind::StreamCut => DOWN,
        Kind::AttemptTimeout | Kind::FirstTokenTimeout | Kind::IdleTimeout => SLOW,
        Kind::CredentialRejected => KEY,
        // The caller's.
        Kind::BadFraming
        | Kind::TargetTooLong
        | Kind::HeadTooLarge
        | Kind::VersionUnsupported
        | Kind::ExpectationFailed
        | Kind::BodyTooLarge
        | Kind::RequestTimeout
        | Kind::ClientGone
        | Kind::StreamNotFound
        | Kind::StreamOutrun
        | Kind::ClientStalled
        | Kind::OriginForbidden
        | Kind::HostForbidden
        | Kind::KeyRejected
        | Kind::IdentityInvalid
        | Kind::PassthroughForbidden
        | Kind::UnknownPath
        | Kind::MethodNotAllowed
        | Kind::EncodingUnsupported
        | Kind::MediaTypeUnsupported
        | Kind::TimeoutInvalid
        | Kind::BodyNotJson
        | Kind::BodyTooDeep
        | Kind::DuplicateKey
        | Kind::BodyNotUtf8
        | Kind::BadMultipart
        | Kind::ModelMissing
        | Kind::ModelInvalid
        | Kind::ModelUnknown
        | Kind::NoTargetFits
        | Kind::CapabilityMissing
        | Kind::RateLimited
        | Kind::QuotaSpent
        | Kind::ApprovalNeeded
        | Kind::CallTooLarge
        // Ours. The call's deadline may be shorter than a try's: that a provider did not meet it says nothing of it.
        | Kind::TooManyConnections
        | Kind::Overloaded
        | Kind::JournalFull
        | Kind::Draining
        | Kind::DrainCut
        | Kind::TotalTimeout
        | Kind::BreakerOpen | Kind::ProviderBusy
        | Kind::Internal => OURS,
    }
}

/// What the first row that fits says.
fn look_up(signal: &Signal<'_>) -> Option<Verdict> {
    let pages = TABLE.iter().filter(|page| page.of.is_empty() || page.of.contains(&signal.provider));
    pages.flat_map(|page| page.rows).find(|row| row.fits(signal)).map(Row::verdict)
}

/// What a status means by itself.
fn by_status(status: u16) -> Verdict {
    let span = BY_STATUS.iter().find(|span| (span.first..=span.last).contains(&status));
    span.map_or(DOWN, |span| span.verdict)
}
