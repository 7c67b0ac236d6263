//! The list of models, which the gateway answers by itself.

use serde::Serialize;
use serde_json::{Value, json};

/// One model of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What a caller writes into `model`.
    pub id: &'a str,
    /// Who answers it: a provider's name, or `headgate` for an alias.
    pub owned_by: &'a str,
}

/// OpenAI's form of a model. When it was made is not known here; the field must be there, and is 0.
#[derive(Serialize)]
struct OpenaiModel<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
}

/// Anthropic's form. Its documentation allows the epoch for a date that is not known.
#[derive(Serialize)]
struct AnthropicModel<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: &'static str,
}

/// The answer to `GET /v1/models`, in the order given: OpenAI's shape, or Anthropic's with everything on one page.
pub fn list<'a>(entries: impl IntoIterator<Item = Entry<'a>>, anthropic: bool) -> Vec<u8> {
    if !anthropic {
        let data: Vec<_> = entries.into_iter().map(openai).collect();
        return text(&json!({"object": "list", "data": data}));
    }
    let data: Vec<_> = entries.into_iter().map(self::anthropic).collect();
    let (first, last) = (data.first().map(|model| model.id), data.last().map(|model| model.id));
    text(&json!({"data": data, "has_more": false, "first_id": first, "last_id": last}))
}

/// The answer to `GET /v1/models/{id}`.
pub fn one(entry: Entry<'_>, anthropic: bool) -> Vec<u8> {
    if anthropic { text(&json!(self::anthropic(entry))) } else { text(&json!(openai(entry))) }
}

const fn openai(entry: Entry<'_>) -> OpenaiModel<'_> {
    OpenaiModel { id: entry.id, object: "model", created: 0, owned_by: entry.owned_by }
}

const fn anthropic(entry: Entry<'_>) -> AnthropicModel<'_> {
    AnthropicModel { r#type: "model", id: entry.id, display_name: entry.id, created_at: "1970-01-01T00:00:00Z" }
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const ENTRIES: [Entry<'static>; 2] =
        [Entry { id: "smart", owned_by: "headgate" }, Entry { id: "a\"b", owned_by: "openai" }];

    fn read(body: &[u8]) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn the_list_has_openais_shape() {
        let expected = json!({"object": "list", "data": [
            {"id": "smart", "object": "model", "created": 0, "owned_by": "headgate"},
            {"id": "a\"b", "object": "model", "created": 0, "owned_by": "openai"},
        ]});
        assert_eq!(read(&list(ENTRIES, false)), expected);
        assert_eq!(read(&one(ENTRIES[1], false)), expected["data"][1]);
        assert_eq!(read(&list([], false)), json!({"object": "list", "data": []}));
    }

    #[test]
    fn the_list_has_anthropics_shape_when_asked() {
        let model =
            json!({"type": "model", "id": "smart", "display_name": "smart", "created_at": "1970-01-01T00:00:00Z"});
        let all = read(&list(ENTRIES, true));
        assert_eq!(all["data"][0], model);
        assert_eq!(
            (&all["has_more"], &all["first_id"], &all["last_id"]),
            (&json!(false), &json!("smart"), &json!("a\"b"))
        );
        assert_eq!(read(&one(ENTRIES[0], true)), model);
        assert_eq!(read(&list([], true))["first_id"], Value::Null);
    }
}
