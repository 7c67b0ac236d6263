//! Who pays for what, as the project's own table has it: cause -> class and health key.
//!
//! Source: the table of attribution that `docs/failures.md` documents. Written here a second time on purpose: the code
//! under test must not be its own judge.

use super::keys::Scope;
use crate::visit::Cause;

/// The key that a cause counts against; none for what is nobody's fault.
pub(crate) const fn scope(cause: Cause) -> Option<Scope> {
    match cause {
        Cause::Unreachable | Cause::Broken | Cause::Silent | Cause::Cut | Cause::Weak => Some(Scope::EndpointModel),
        Cause::Overloaded => Some(Scope::ProviderModel),
        Cause::RateLimited | Cause::ModelDenied => Some(Scope::CredentialModel),
        Cause::QuotaSpent | Cause::Credential => Some(Scope::Credential),
        Cause::ContextTooLong | Cause::Filtered | Cause::Invalid | Cause::NoTimeLeft => None,
    }
}

/// The gateway's word for what became of such an attempt.
pub(crate) const fn class(cause: Cause) -> &'static str {
    match cause {
        Cause::Unreachable | Cause::Broken | Cause::Cut => "unavailable",
        Cause::Overloaded => "overloaded",
        Cause::Silent => "timeout",
        Cause::RateLimited => "rate_limited",
        Cause::QuotaSpent => "quota_spent",
        Cause::Credential => "credential",
        Cause::ModelDenied => "model_denied",
        Cause::ContextTooLong => "context_too_long",
        Cause::Filtered => "content_filtered",
        Cause::Weak => "weak",
        Cause::Invalid => "invalid",
        Cause::NoTimeLeft => "ours",
    }
}

/// Whether a failure counts towards a breaker; a dead credential is quarantined at once instead.
pub(crate) const fn counts(cause: Cause) -> bool {
    !matches!(cause, Cause::Credential | Cause::QuotaSpent | Cause::ModelDenied)
}

/// Whether the same call may be tried again at all after such a failure.
pub(crate) const fn may_go_on(cause: Cause) -> bool {
    !matches!(cause, Cause::Invalid | Cause::NoTimeLeft)
}

/// Whether the same endpoint with the same credential may be asked again by the same call.
pub(crate) const fn may_come_back(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::Credential
            | Cause::QuotaSpent
            | Cause::ModelDenied
            | Cause::ContextTooLong
            | Cause::Filtered
            | Cause::Invalid
            | Cause::NoTimeLeft
    )
}
