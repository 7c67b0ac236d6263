//! The items of a response: reasoning, message, calls.

use super::Call;
use super::author::{Ending, Output, ToolCall};
use serde_json::{Value, json};

/// The finished items, in their order.
pub(super) fn items(call: &mut Call, output: &Output) -> Vec<Value> {
    let mut items = Vec::new();
    if !output.thought.is_empty() {
        items.push(reasoning(call, &output.thought));
    }
    if output.calls.is_empty() {
        items.push(message(call, output));
    }
    for made in &output.calls {
        items.push(tool_call(call, made));
    }
    if let Some(last) = items.last_mut().filter(|_| output.ending == Ending::Length) {
        last["status"] = json!("incomplete");
    }
    items
}

/// With a summary where one was asked for, else with its text in the open.
fn reasoning(call: &mut Call, thought: &str) -> Value {
    let mut item = json!({"type": "reasoning", "id": call.new_id("rs_"), "summary": [], "status": "completed"});
    let wants_summary = ["summary", "generate_summary"].iter().any(|key| call.body["reasoning"][key].is_string());
    if wants_summary {
        item["summary"] = json!([{"type": "summary_text", "text": thought}]);
    } else {
        item["content"] = json!([{"type": "reasoning_text", "text": thought}]);
    }
    let include = call.body["include"].as_array().into_iter().flatten();
    if include.into_iter().any(|name| name == "reasoning.encrypted_content") {
        item["encrypted_content"] = json!(crate::encode::base64(thought.as_bytes()));
    }
    item
}

fn message(call: &mut Call, output: &Output) -> Value {
    let part = if output.refusal.is_empty() {
        let annotations = annotations(&call.body["tools"], &output.text);
        json!({"type": "output_text", "text": output.text, "annotations": annotations, "logprobs": logprobs(call, &output.text)})
    } else {
        json!({"type": "refusal", "refusal": output.refusal})
    };
    json!({"type": "message", "id": call.new_id("msg_"), "status": "completed", "role": "assistant", "content": [part]})
}

/// A citation where a search was allowed.
fn annotations(tools: &Value, text: &str) -> Value {
    let searches = |tool: &Value| tool["type"].as_str().is_some_and(|kind| kind.starts_with("web_search"));
    if !tools.as_array().is_some_and(|tools| tools.iter().any(searches)) {
        return json!([]);
    }
    json!([{"type": "url_citation", "start_index": 0, "end_index": text.chars().count(),
        "url": "https://example.com/", "title": "Example"}])
}

fn logprobs(call: &Call, text: &str) -> Value {
    let include = call.body["include"].as_array().into_iter().flatten();
    if !include.into_iter().any(|name| name == "message.output_text.logprobs") {
        return json!([]);
    }
    super::tokens::pieces(text)
        .map(|token| json!({"token": token, "logprob": -0.1, "bytes": token.as_bytes(), "top_logprobs": []}))
        .collect()
}

fn tool_call(call: &mut Call, made: &ToolCall) -> Value {
    if made.custom {
        return json!({"type": "custom_tool_call", "id": call.new_id("ctc_"), "call_id": made.id, "name": made.name,
            "input": made.arguments, "status": "completed"});
    }
    json!({"type": "function_call", "id": call.new_id("fc_"), "call_id": made.id, "name": made.name,
        "arguments": made.arguments, "status": "completed"})
}
