//! The Responses API: reading the request, the whole answer, and what is kept of it.

use super::author::{self, Behaviour, Choice, Ending, Format, Output, Prompt, Tool};
use super::{Call, content_text, content_tokens, no_such, responses_items, responses_stream, tokens};
use crate::check::Refusal;
use crate::provider::Note;
use crate::reply::Reply;
use serde_json::{Value, json};

/// Responses to larger requests are not kept, whatever they say: a few hundred are, in memory.
const KEPT_BYTES: usize = 256 * 1024;

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    known_history(call)?;
    let prompt = prompt(call);
    call.read(prompt_tokens(&call.body));
    let seed = call.provider.options.seed;
    let output = author::write(&prompt, &mut author::muse(seed, None, &prompt.said, 0));
    call.note.reasoning_tokens = tokens::count(&output.thought);
    let items = responses_items::items(call, &output);
    let response = response(call, &items, &output);
    if call.body["store"] != false && call.request.body.len() <= KEPT_BYTES {
        let mut kept = response.clone();
        kept["input"] = call.body["input"].clone();
        let id = kept["id"].as_str().unwrap_or_default().to_owned();
        call.stores().responses.put(&id, kept);
    }
    if call.streams() {
        return Ok(responses_stream::stream(call, &response, &items));
    }
    if call.body["background"] == true {
        return Ok(Reply::json(200, &unfinished(&response, "queued")));
    }
    Ok(call.whole(&response, output.tokens()))
}

/// The response before its end: no output, no usage.
pub(super) fn unfinished(response: &Value, status: &str) -> Value {
    let mut early = response.clone();
    early["status"] = json!(status);
    early["output"] = json!([]);
    for field in ["usage", "completed_at", "incomplete_details"] {
        early[field] = Value::Null;
    }
    early
}

fn known_history(call: &Call) -> Result<(), Refusal> {
    let Some(id) = call.body["previous_response_id"].as_str() else { return Ok(()) };
    if call.stores().responses.find(id).is_some() {
        return Ok(());
    }
    let message = format!("Previous response with id '{id}' not found.");
    Err(Refusal::invalid("previous_response_not_found", "previous_response_id", message))
}

/// The whole response; most of the request comes back in it.
fn response(call: &mut Call, items: &[Value], output: &Output) -> Value {
    let or =
        |field: &str, other: Value| call.body.get(field).filter(|value| !value.is_null()).cloned().unwrap_or(other);
    let short = output.ending == Ending::Length;
    let mut response = json!({
        "object": "response", "created_at": call.created, "completed_at": if short { Value::Null } else { json!(call.created) },
        "status": if short { "incomplete" } else { "completed" }, "model": call.note.model, "output": items,
        "incomplete_details": if short { json!({"reason": "max_output_tokens"}) } else { Value::Null },
        "error": null, "usage": usage(&call.note, output), "top_logprobs": or("top_logprobs", json!(0)),
        "reasoning": {"effort": call.body["reasoning"]["effort"], "summary": call.body["reasoning"]["summary"]},
        "text": or("text", json!({})), "tools": or("tools", json!([])), "service_tier": call.service_tier(),
        "background": or("background", json!(false)), "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null), "max_tool_calls": or("max_tool_calls", Value::Null),
        "metadata": or("metadata", json!({})), "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": or("previous_response_id", Value::Null), "store": or("store", json!(true)),
        "prompt_cache_key": or("prompt_cache_key", Value::Null), "temperature": or("temperature", json!(1.0)),
        "safety_identifier": or("safety_identifier", Value::Null), "tool_choice": or("tool_choice", json!("auto")),
        "top_p": or("top_p", json!(1.0)), "truncation": or("truncation", json!("disabled")), "user": or("user", Value::Null),
    });
    complete(&mut response);
    response["id"] = json!(call.new_id("resp_"));
    response
}

/// Fills in what the types of an answer have and a request may leave out.
fn complete(response: &mut Value) {
    let text = &mut response["text"];
    if text["format"].is_null() {
        text["format"] = json!({"type": "text"});
    }
    if text["verbosity"].is_null() {
        text["verbosity"] = json!("medium");
    }
    for tool in response["tools"].as_array_mut().into_iter().flatten().filter(|tool| tool["type"] == "function") {
        if tool["strict"].is_null() {
            tool["strict"] = json!(true);
        }
        for field in ["parameters", "description"] {
            tool[field] = tool[field].take();
        }
    }
}

fn usage(note: &Note, output: &Output) -> Value {
    let input = note.prompt_tokens;
    let written = output.tokens();
    json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": note.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": written, "output_tokens_details": {"reasoning_tokens": note.reasoning_tokens},
        "total_tokens": input + written,
    })
}

/// Tokens of a request: four per item and those of its content, those of the instructions, and of the tools as JSON.
fn prompt_tokens(body: &Value) -> u32 {
    let of_json = |value: &Value| if value.is_null() { 0 } else { tokens::count(&value.to_string()) };
    let item = |item: &Value| match (&item["content"], &item["output"]) {
        (Value::Null, Value::Null) => 4 + of_json(item),
        (Value::Null, output) => 4 + content_tokens(output),
        (content, _) => 4 + content_tokens(content),
    };
    let input = match &body["input"] {
        Value::Array(items) => items.iter().map(item).sum(),
        Value::String(text) => 4 + tokens::count(text),
        _ => 0,
    };
    input + tokens::count(body["instructions"].as_str().unwrap_or_default()) + of_json(&body["tools"])
}

fn prompt(call: &mut Call) -> Prompt {
    let length = call.wanted_tokens();
    let body = &call.body;
    let items = body["input"].as_array().map_or(&[][..], Vec::as_slice);
    let user = items.iter().rev().find(|item| item["role"] == "user");
    let format = &body["text"]["format"];
    Prompt {
        begun: String::new(),
        model: Behaviour::of(&call.note.model),
        said: body["input"]
            .as_str()
            .map(str::to_owned)
            .or(user.map(|item| content_text(&item["content"])))
            .unwrap_or_default(),
        answers_tool: items
            .last()
            .is_some_and(|item| item["type"].as_str().is_some_and(|kind| kind.ends_with("_call_output"))),
        tools: body["tools"].as_array().into_iter().flatten().filter_map(tool).collect(),
        choice: match (body["tool_choice"].as_str(), body["tool_choice"]["name"].as_str()) {
            (Some("none"), _) => Choice::Forbidden,
            (Some("required"), _) => Choice::Required,
            (None, Some(name)) => Choice::Named(name.to_owned()),
            _ => Choice::Auto,
        },
        calls: call.knobs.tool_calls.unwrap_or(1),
        format: match format["type"].as_str() {
            Some("json_schema") => Format::Schema(format["schema"].clone()),
            Some("json_object") => Format::AnyJson,
            _ => Format::Text,
        },
        limit: call.count("max_output_tokens"),
        stops: Vec::new(),
        length,
        thinks: body["reasoning"]["effort"].as_str().is_some_and(|effort| effort != "none"),
    }
}

/// Function and custom tools; hosted ones are not called.
fn tool(tool: &Value) -> Option<Tool> {
    let custom = tool["type"] == "custom";
    (custom || tool["type"] == "function").then(|| Tool {
        name: tool["name"].as_str().unwrap_or_default().to_owned(),
        custom,
        parameters: tool.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"})),
    })
}

pub(super) fn count_input(call: &mut Call) -> Result<Reply, Refusal> {
    Ok(Reply::json(200, &json!({"object": "response.input_tokens", "input_tokens": prompt_tokens(&call.body)})))
}

pub(super) fn find(call: &mut Call) -> Result<Reply, Refusal> {
    let found = call.stores().responses.find(&call.id).cloned();
    let mut response = found.ok_or_else(|| no_such("response", &call.id))?;
    if let Some(fields) = response.as_object_mut() {
        fields.remove("input");
    }
    Ok(Reply::json(200, &response))
}

pub(super) fn remove(call: &mut Call) -> Result<Reply, Refusal> {
    if !call.stores().responses.remove(&call.id) {
        return Err(no_such("response", &call.id));
    }
    Ok(Reply::json(200, &json!({"id": call.id, "object": "response", "deleted": true})))
}

pub(super) fn cancel(call: &mut Call) -> Result<Reply, Refusal> {
    let found = call.stores().responses.find(&call.id).cloned();
    let response = found.ok_or_else(|| no_such("response", &call.id))?;
    if response["background"] != true {
        let message = "Only responses with 'background: true' can be cancelled.";
        return Err(Refusal::with_status(400, None, message));
    }
    let mut cancelled = unfinished(&response, "cancelled");
    if let Some(kept) = call.stores().responses.find(&call.id) {
        kept.clone_from(&cancelled);
    }
    if let Some(fields) = cancelled.as_object_mut() {
        fields.remove("input");
    }
    Ok(Reply::json(200, &cancelled))
}

pub(super) fn input_items(call: &mut Call) -> Result<Reply, Refusal> {
    let found = call.stores().responses.find(&call.id).cloned();
    let response = found.ok_or_else(|| no_such("response", &call.id))?;
    let items = match &response["input"] {
        Value::Array(items) => items.clone(),
        text => vec![json!({"role": "user", "content": [{"type": "input_text", "text": text}]})],
    };
    let mut listed: Vec<Value> = items.into_iter().rev().collect();
    for (index, item) in listed.iter_mut().enumerate() {
        if item["type"].is_null() {
            item["type"] = json!("message");
        }
        if item["id"].is_null() {
            item["id"] = json!(format!("msg_{index}"));
        }
        if let Value::String(text) = &item["content"] {
            item["content"] = json!([{"type": "input_text", "text": text}]);
        }
    }
    let (first, last) = (listed.first().map(|item| item["id"].clone()), listed.last().map(|item| item["id"].clone()));
    Ok(Reply::json(
        200,
        &json!({"object": "list", "data": listed, "first_id": first, "last_id": last, "has_more": false}),
    ))
}
