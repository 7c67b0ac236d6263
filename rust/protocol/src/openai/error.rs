//! Faults in OpenAI's shape.
//!
//! Source: the error object of the API (`message`, `type`, `param`, `code`, all four always present), and what the
//! official libraries do with it: they choose an exception by the status, and raise within a stream on any data object
//! whose `error` is not empty. What providers themselves send is less uniform, and is read by [`read()`].

mod read;

pub use read::{ErrorBody, read};

use crate::openai::paths::Streams;
use bytes::Bytes;
use fault::{Class, Fault, Origin, Retry};
use serde::Serialize;

/// The error object. Libraries hand unknown fields on and read the others; the id and the advice are there for those who
/// see a body and no headers.
#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: &'static str,
    request_id: &'a str,
    /// Within a stream, whose head has gone: what `x-should-retry` would say.
    #[serde(skip_serializing_if = "Option::is_none")]
    should_retry: Option<bool>,
}

/// A body, or the data of an event without a name.
#[derive(Serialize)]
struct Envelope<'a> {
    error: Error<'a>,
}

/// The data of an event named `error`: flat as the Responses API types it, nested so that libraries raise.
#[derive(Serialize)]
struct ErrorEvent<'a> {
    r#type: &'static str,
    sequence_number: u64,
    code: &'static str,
    message: &'a str,
    param: Option<&'static str>,
    error: Error<'a>,
}

/// The body of an answer that is a fault: `{"error": {message, type, param, code, request_id}}`.
pub fn body(fault: &Fault, request_id: &str) -> Vec<u8> {
    json(&Envelope { error: error(fault, request_id) })
}

/// One event that ends a stream with a fault, such that the official libraries raise. Nothing may follow it: no `[DONE]`.
///
/// Where events are numbered this one is number 0; see [`event_numbered`].
pub fn event(streams: Streams, fault: &Fault, request_id: &str) -> Bytes {
    event_numbered(streams, fault, request_id, 0)
}

/// The same, as the event after `sequence` others (see [`Terminal::events`](crate::openai::stream::Terminal::events)).
///
/// Its `error` says with `should_retry` whether to send the whole call again: what came of the answer is of no use.
pub fn event_numbered(streams: Streams, fault: &Fault, request_id: &str, sequence: u64) -> Bytes {
    let error = Error { should_retry: Some(should_retry(fault)), ..error(fault, request_id) };
    let (name, data): (&[u8], _) = match streams {
        Streams::Never | Streams::Chat => (b"", json(&Envelope { error })),
        Streams::Responses | Streams::Typed { .. } | Streams::Framed => {
            let (code, message, param) = (error.code, error.message, error.param);
            let event = ErrorEvent { r#type: "error", sequence_number: sequence, code, message, param, error };
            (b"event: error\n", json(&event))
        }
    };
    [name, b"data: ", &data, b"\n\n"].concat().into()
}

/// What `x-should-retry` says: whether the caller's library should try again by itself.
///
/// Never for a fault that would repeat itself, a refusal by our own policy among them. A failed connect may be tried
/// again: nothing has left for a provider, and it may be back.
pub fn should_retry(fault: &Fault) -> bool {
    let row = fault.kind().row();
    match row.retry {
        Retry::Never => false,
        Retry::Later => true,
        Retry::Elsewhere => match row.origin {
            Origin::Upstream => true,
            Origin::Caller | Origin::Gateway => false,
        },
    }
}

fn error<'a>(fault: &'a Fault, request_id: &'a str) -> Error<'a> {
    let row = fault.kind().row();
    Error {
        message: fault.message(),
        r#type: type_of(row.class),
        param: fault.param(),
        code: row.code,
        request_id,
        should_retry: None,
    }
}

/// OpenAI's word for a class. It has few: whoever tells faults apart reads `code`.
const fn type_of(class: Class) -> &'static str {
    match class {
        Class::InvalidRequest
        | Class::Authentication
        | Class::Permission
        | Class::NotFound
        | Class::TooLarge
        | Class::Timeout => "invalid_request_error",
        Class::RateLimited => "rate_limit_error",
        Class::QuotaSpent => "insufficient_quota",
        Class::Unavailable | Class::UpstreamError | Class::UpstreamTimeout | Class::Internal => "server_error",
    }
}

/// Our own structs of strings and numbers, which serialise without fail.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::sse::Splitter;
    use fault::Kind;
    use serde_json::{Value, json};

    fn data_of(event: &[u8]) -> (String, Value) {
        let mut found = vec![];
        let each = |event: crate::sse::Event<'_>| {
            found.push((String::from_utf8_lossy(event.name).into_owned(), serde_json::from_slice(event.data).unwrap()));
        };
        Splitter::new().push(event, each).unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn every_kind_has_a_body_with_the_four_fields_and_the_id() {
        for kind in Kind::ALL {
            let fault = Fault::new(*kind, "a \"quoted\"\nsentence \u{1f680}").because("10.0.0.1 refused");
            let text = body(&fault, "req_1");
            assert!(!String::from_utf8_lossy(&text).contains("10.0.0.1"), "the cause is for the log alone");
            let error = serde_json::from_slice::<Value>(&text).unwrap()["error"].clone();
            assert_eq!(error["message"], "a \"quoted\"\nsentence \u{1f680}");
            assert_eq!(error["code"], kind.row().code);
            assert_eq!(error["param"], Value::Null);
            assert_eq!(error["request_id"], "req_1");
            let expected = match kind.row().status {
                402 => "insufficient_quota",
                429 if *kind == Kind::QuotaSpent => "insufficient_quota",
                429 => "rate_limit_error",
                500..=504 | 506.. => "server_error",
                _ => "invalid_request_error",
            };
            assert_eq!(error["type"], expected, "{}", kind.name());
        }
    }

    #[test]
    fn a_fault_that_names_a_field_tells_it() {
        let fault = Fault::new(Kind::ModelMissing, "no model").at("model");
        let value: Value = serde_json::from_slice(&body(&fault, "r")).unwrap();
        let expected = json!({"error": {"message": "no model", "type": "invalid_request_error", "param": "model",
            "code": "model_missing", "request_id": "r"}});
        assert_eq!(value, expected);
    }

    #[test]
    fn within_a_stream_every_kind_is_one_event_whose_error_is_not_empty() {
        let typed = Streams::Typed { ends: &["image_edit.completed"] };
        for kind in Kind::ALL {
            let fault = Fault::new(*kind, "line one\r\nline two");
            for streams in [Streams::Never, Streams::Chat, Streams::Responses, typed, Streams::Framed] {
                let event = event_numbered(streams, &fault, "req_1", 7);
                assert!(!event.windows(6).any(|bytes| bytes == b"[DONE]"));
                let (name, data) = data_of(&event);
                assert_eq!(data["error"]["message"], "line one\r\nline two");
                assert_eq!(data["error"]["code"], kind.row().code);
                assert_eq!(data["error"]["should_retry"], should_retry(&fault), "the head with its advice has gone");
                let named = !matches!(streams, Streams::Never | Streams::Chat);
                assert_eq!(name, if named { "error" } else { "" });
                if named {
                    assert_eq!(data["type"], "error");
                    assert_eq!(data["sequence_number"], 7);
                    assert_eq!(data["message"], data["error"]["message"]);
                    assert_eq!(data["code"], data["error"]["code"]);
                }
            }
        }
    }

    #[test]
    fn a_retry_is_advised_where_it_can_help() {
        for (kind, advised) in [
            (Kind::ModelUnknown, false),
            (Kind::KeyRejected, false),
            (Kind::EgressRefused, false),
            (Kind::ConnectFailed, true),
            (Kind::Draining, true),
            (Kind::StreamCut, true),
        ] {
            assert_eq!(should_retry(&Fault::new(kind, "")), advised, "{}", kind.name());
        }
    }
}
