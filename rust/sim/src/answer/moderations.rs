//! Moderations: a text with the word `violence` is flagged, everything else is fine.

use super::{Call, content_text, tokens};
use crate::check::Refusal;
use crate::reply::Reply;
use serde_json::{Map, Value, json};

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let inputs: Vec<String> = match &call.body["input"] {
        Value::Array(inputs) if inputs.first().is_some_and(Value::is_string) => {
            inputs.iter().map(content_text).collect()
        }
        // Parts of one message make one input.
        other => vec![content_text(other)],
    };
    call.note.prompt_tokens = inputs.iter().map(|input| tokens::count(input)).sum();
    let model = if call.note.model.is_empty() { "omni-moderation-latest" } else { &call.note.model };
    let results: Vec<Value> = inputs.iter().map(|input| result(input)).collect();
    let body = json!({"model": model, "results": results, "id": call.new_id("modr-")});
    Ok(call.whole(&body, 0))
}

fn result(input: &str) -> Value {
    let flagged = input.to_lowercase().contains("violence");
    let is = |category: &str| flagged && category == "violence";
    let each = |value: &dyn Fn(&str) -> Value| -> Map<String, Value> {
        CATEGORIES.iter().map(|category| ((*category).to_owned(), value(category))).collect()
    };
    json!({
        "flagged": flagged,
        "categories": each(&|category| json!(is(category))),
        "category_scores": each(&|category| json!(if is(category) { 0.97 } else { 0.001 })),
        "category_applied_input_types": each(&|_| json!(["text"])),
    })
}
