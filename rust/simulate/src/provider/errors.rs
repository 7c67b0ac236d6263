//! Errors as providers spell them, each with what is really wrong.
//!
//! Bodies are those of the simulated provider (`sim`), so that one scenario means the same on sockets and in virtual
//! time. The last column is the other side's truth, which the engine never sees: [`crate::oracle`] holds the engine's
//! verdict against it.

use crate::visit::Cause;

/// One error of a provider.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ErrorRow {
    pub(crate) status: u16,
    /// `error.code`; empty: none.
    pub(crate) code: &'static str,
    /// `error.type`.
    pub(crate) kind: &'static str,
    pub(crate) message: &'static str,
    pub(crate) cause: Cause,
}

const fn row(status: u16, code: &'static str, kind: &'static str, message: &'static str, cause: Cause) -> ErrorRow {
    ErrorRow { status, code, kind, message, cause }
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";

/// The first row of a status is what `status;code=N` answers.
#[rustfmt::skip]
static ROWS: &[ErrorRow] = &[
    row(400, "invalid_value", INVALID, "Invalid value in the request.", Cause::Invalid),
    row(400, "context_length_exceeded", INVALID, "The input is longer than the context window of this model.", Cause::ContextTooLong),
    row(400, "content_filter", INVALID, "The response was filtered because the prompt triggered the content policy.", Cause::Filtered),
    row(401, "invalid_api_key", INVALID, "Incorrect API key provided.", Cause::Credential),
    row(404, "model_not_found", INVALID, "The model does not exist or you do not have access to it.", Cause::ModelDenied),
    row(408, "", "timeout", "The request took too long to arrive.", Cause::Weak),
    row(409, "", INVALID, "The resource was changed by another request.", Cause::Weak),
    row(413, "", INVALID, "The request is too large.", Cause::Invalid),
    row(422, "", INVALID, "The request could not be processed.", Cause::Invalid),
    row(429, "rate_limit_exceeded", "requests", "Rate limit reached for requests per minute.", Cause::RateLimited),
    row(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota.", Cause::QuotaSpent),
    row(500, "server_error", SERVER, "The server had an error while processing the request.", Cause::Broken),
    row(502, "", SERVER, "Bad gateway.", Cause::Broken),
    row(503, "", SERVER, "Service unavailable.", Cause::Broken),
    row(503, "slow_down", SERVER, "The server is overloaded, try again later.", Cause::Overloaded),
    row(504, "", SERVER, "The model took too long to respond.", Cause::Broken),
    row(529, "", "overloaded_error", "Overloaded.", Cause::Overloaded),
];

/// The error by its `error.code`.
pub(crate) fn by_name(name: &str) -> Option<&'static ErrorRow> {
    ROWS.iter().find(|row| row.code == name && !name.is_empty())
}

/// The usual error of a status.
pub(crate) fn by_status(status: u16) -> Option<&'static ErrorRow> {
    ROWS.iter().find(|row| row.status == status)
}

/// What a provider answers to more requests or tokens than its limits allow.
pub(crate) const LIMITED: &ErrorRow =
    &row(429, "rate_limit_exceeded", "requests", "Rate limit reached for requests per minute.", Cause::RateLimited);

/// What a provider answers when its places and its queue are full.
pub(crate) const FULL: &ErrorRow = &row(529, "", "overloaded_error", "Overloaded.", Cause::Overloaded);

/// The names that `error;name=...` takes, for a message.
pub(crate) fn names() -> String {
    let names: Vec<_> = ROWS.iter().map(|row| row.code).filter(|code| !code.is_empty()).collect();
    names.join(", ")
}

/// The statuses that `status;code=...` takes, for a message.
pub(crate) fn statuses() -> String {
    let mut statuses: Vec<_> = ROWS.iter().map(|row| row.status).collect();
    statuses.dedup();
    statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}
