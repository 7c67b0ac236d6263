//! The provider's own error bodies.
//!
//! Source: the error page of OpenAI's API documentation and the published `OpenAPI` description, state of 2026-11.

use crate::check::Refusal;
use serde_json::{Value, json};

/// One error as the provider spells it.
struct Row {
    code: Option<&'static str>,
    kind: &'static str,
    status: u16,
    message: &'static str,
}

const fn row(code: &'static str, kind: &'static str, status: u16, message: &'static str) -> Row {
    Row { code: Some(code), kind, status, message }
}

const INVALID: &str = "invalid_request_error";

/// The first row of a status is what `status;code=N` answers.
const ROWS: &[Row] = &[
    row("invalid_value", INVALID, 400, "Invalid value in the request."),
    row("context_length_exceeded", INVALID, 400, "The input is longer than the context window of this model."),
    row("content_filter", INVALID, 400, "The response was filtered because the prompt triggered the content policy."),
    row(
        "content_policy_violation",
        "image_generation_user_error",
        400,
        "The request was rejected by the safety system.",
    ),
    row("unsupported_parameter", INVALID, 400, "Unsupported parameter for this model."),
    row("unsupported_value", INVALID, 400, "Unsupported value for this model."),
    row("unknown_parameter", INVALID, 400, "Unknown parameter."),
    row("invalid_image_url", INVALID, 400, "The image could not be fetched."),
    row("billing_hard_limit_reached", INVALID, 400, "The billing hard limit has been reached."),
    row("invalid_api_key", INVALID, 401, "Incorrect API key provided."),
    row("unsupported_country_region_territory", "request_forbidden", 403, "This country or region is not supported."),
    row("model_not_found", INVALID, 404, "The model does not exist or you do not have access to it."),
    row("rate_limit_exceeded", "requests", 429, "Rate limit reached for requests per minute."),
    row("tokens_exceeded", "tokens", 429, "Rate limit reached for tokens per minute."),
    row("insufficient_quota", "insufficient_quota", 429, "You exceeded your current quota."),
    row("slow_down", "server_error", 503, "The server is overloaded, try again later."),
    row("server_error", "server_error", 500, "The server had an error while processing the request."),
];

/// The names that `error;name=...` takes.
pub(crate) fn names() -> Vec<&'static str> {
    ROWS.iter().filter_map(|row| row.code).collect()
}

/// An error by its code; one that is not known is a server error that says so.
pub(crate) fn by_name(name: &str) -> Refusal {
    let found = ROWS.iter().find(|row| row.code == Some(name));
    found.map_or_else(|| by_status(500), |row| refusal(row, row.status))
}

/// The usual error of a status.
pub(crate) fn by_status(status: u16) -> Refusal {
    if let Some(row) = ROWS.iter().find(|row| row.status == status) {
        return refusal(row, status);
    }
    let (kind, message) = match status {
        408 => ("timeout", "The request took too long to arrive."),
        409 => (INVALID, "The resource was changed by another request."),
        413 => (INVALID, "The request is too large."),
        422 => (INVALID, "The request could not be processed."),
        400..=499 => (INVALID, "The request was refused."),
        502 => ("server_error", "Bad gateway."),
        504 => ("server_error", "The model took too long to respond."),
        529 => ("overloaded_error", "Overloaded."),
        _ => ("server_error", "The server had an error while processing the request."),
    };
    refusal(&Row { code: None, kind, status, message }, status)
}

fn refusal(row: &Row, status: u16) -> Refusal {
    // `tokens_exceeded` is our name for the second spelling of one code.
    let code = row.code.map(|code| if code == "tokens_exceeded" { "rate_limit_exceeded" } else { code });
    Refusal { status, kind: row.kind, code: code.map(str::to_owned), param: None, message: row.message.to_owned() }
}

/// The header lines that the provider sends with a refusal for too many calls.
pub(crate) const LIMITS: &[(&str, &str)] = &[
    ("x-ratelimit-limit-requests", "500"),
    ("x-ratelimit-limit-tokens", "200000"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-remaining-tokens", "150000"),
    ("x-ratelimit-reset-requests", "120ms"),
    ("x-ratelimit-reset-tokens", "6m0s"),
];

/// The body of an error.
pub(crate) fn body(refusal: &Refusal) -> Value {
    json!({"error": {
        "message": refusal.message, "type": refusal.kind, "param": refusal.param, "code": refusal.code,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_an_error_has_a_body() {
        for status in 400..=599 {
            let refusal = by_status(status);
            assert_eq!(refusal.status, status);
            assert!(body(&refusal)["error"]["message"].is_string());
        }
    }

    #[test]
    fn every_name_answers_with_its_code() {
        for name in names().into_iter().filter(|name| *name != "tokens_exceeded") {
            assert_eq!(by_name(name).code.as_deref(), Some(name));
        }
    }
}
