//! Chat completions: reading the request, and the whole answer.

use super::author::{self, Behaviour, Choice, Format, Output, Prompt, Tool};
use super::{Call, chat_stream, content_text, content_tokens, tokens};
use crate::check::Refusal;
use crate::provider::Note;
use crate::reply::Reply;
use serde_json::{Value, json};

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let prompt = prompt(call);
    call.read(prompt_tokens(&call.body));
    let seed = call.provider.options.seed;
    let outputs: Vec<Output> = (0..call.body["n"].as_u64().unwrap_or(1))
        .map(|choice| author::write(&prompt, &mut author::muse(seed, call.body["seed"].as_i64(), &prompt.said, choice)))
        .collect();
    call.note.reasoning_tokens = outputs.iter().map(|output| tokens::count(&output.thought)).sum();
    if call.streams() { Ok(chat_stream::stream(call, &outputs)) } else { Ok(whole(call, &outputs)) }
}

fn whole(call: &mut Call, outputs: &[Output]) -> Reply {
    let choices: Vec<Value> = outputs.iter().enumerate().map(|(index, output)| choice(call, index, output)).collect();
    let usage = usage(&call.note, outputs);
    let body = json!({
        "id": call.new_id("chatcmpl-"), "object": "chat.completion", "created": call.created, "model": call.note.model,
        "choices": choices, "usage": usage, "service_tier": call.service_tier(), "system_fingerprint": FINGERPRINT,
    });
    call.whole(&body, outputs.iter().map(Output::tokens).sum())
}

pub(super) const FINGERPRINT: &str = "fp_sim0000001";

fn choice(call: &Call, index: usize, output: &Output) -> Value {
    let mut message = json!({"role": "assistant", "content": output.text, "refusal": null, "annotations": []});
    if !output.calls.is_empty() {
        message["content"] = Value::Null;
        message["tool_calls"] = output.calls.iter().map(tool_call).collect();
    }
    if !output.thought.is_empty() {
        // Not OpenAI's, but what compatible servers that reason in the open add.
        message["reasoning_content"] = json!(output.thought);
    }
    if !output.refusal.is_empty() {
        message["content"] = Value::Null;
        message["refusal"] = json!(output.refusal);
    }
    let logprobs = logprobs(call, &output.text);
    json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": output.ending.reason()})
}

fn tool_call(made: &author::ToolCall) -> Value {
    if made.custom {
        return json!({"id": made.id, "type": "custom", "custom": {"name": made.name, "input": made.arguments}});
    }
    json!({"id": made.id, "type": "function", "function": {"name": made.name, "arguments": made.arguments}})
}

/// Log probabilities of a text, where they are asked for.
pub(super) fn logprobs(call: &Call, text: &str) -> Value {
    if call.body["logprobs"] != true {
        return Value::Null;
    }
    let others = call.body["top_logprobs"].as_u64().unwrap_or(0);
    let one = |token: &str| {
        let mut row = json!({"token": token, "logprob": -0.1, "bytes": token.as_bytes()});
        let rank = |rank: u64| json!({"token": if rank == 0 { token } else { "?" }, "logprob": -0.1 - f64::from(u32::try_from(rank).unwrap_or(0)), "bytes": null});
        row["top_logprobs"] = (0..others).map(rank).collect();
        row
    };
    json!({"content": tokens::pieces(text).map(one).collect::<Vec<_>>(), "refusal": null})
}

/// The usage of an answer: what was read, and all that was written in every choice.
pub(super) fn usage(note: &Note, outputs: &[Output]) -> Value {
    let prompt = note.prompt_tokens;
    let completion: u32 = outputs.iter().map(Output::tokens).sum();
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": note.cached_tokens, "cache_write_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": note.reasoning_tokens, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}

/// Tokens of a request: four per message and those of its content and calls, and those of the tools as JSON.
fn prompt_tokens(body: &Value) -> u32 {
    let of_json = |value: &Value| if value.is_null() { 0 } else { tokens::count(&value.to_string()) };
    let message = |message: &Value| 4 + content_tokens(&message["content"]) + of_json(&message["tool_calls"]);
    let messages = body["messages"].as_array().into_iter().flatten();
    messages.map(message).sum::<u32>() + of_json(&body["tools"])
}

fn prompt(call: &mut Call) -> Prompt {
    let length = call.wanted_tokens();
    let body = &call.body;
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let said = messages.iter().rev().find(|message| message["role"] == "user").or(messages.last());
    Prompt {
        model: Behaviour::of(&call.note.model),
        said: said.map(|message| content_text(&message["content"])).unwrap_or_default(),
        answers_tool: messages.last().is_some_and(|message| message["role"] == "tool"),
        tools: body["tools"].as_array().into_iter().flatten().map(tool).collect(),
        choice: choice_of_tool(&body["tool_choice"]),
        calls: call.knobs.tool_calls.unwrap_or(1),
        format: match body["response_format"]["type"].as_str() {
            Some("json_schema") => Format::Schema(body["response_format"]["json_schema"]["schema"].clone()),
            Some("json_object") => Format::AnyJson,
            _ => Format::Text,
        },
        limit: call.count("max_completion_tokens").or(call.count("max_tokens")),
        stops: stops(&body["stop"]),
        length,
        thinks: false,
        begun: begun(messages, body),
    }
}

/// The last message where it is the assistant's: the beginning of the answer. A server that is told by
/// `add_generation_prompt` alone to answer it does so.
fn begun(messages: &[Value], body: &Value) -> String {
    let last =
        messages.last().filter(|message| message["role"] == "assistant" && body["add_generation_prompt"] != true);
    last.map(|message| content_text(&message["content"])).unwrap_or_default()
}

fn tool(tool: &Value) -> Tool {
    let custom = tool["type"] == "custom";
    let said = if custom { &tool["custom"] } else { &tool["function"] };
    Tool {
        name: said["name"].as_str().unwrap_or_default().to_owned(),
        custom,
        parameters: said.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"})),
    }
}

fn choice_of_tool(choice: &Value) -> Choice {
    let kind = choice["type"].as_str().unwrap_or_default();
    match (choice.as_str(), choice[kind]["name"].as_str()) {
        (Some("none"), _) => Choice::Forbidden,
        (Some("required"), _) => Choice::Required,
        (None, Some(name)) => Choice::Named(name.to_owned()),
        _ if choice["allowed_tools"]["mode"] == "required" => Choice::Required,
        _ => Choice::Auto,
    }
}

/// The texts of `stop`: one, several or none.
pub(super) fn stops(stop: &Value) -> Vec<String> {
    match stop {
        Value::String(stop) => vec![stop.clone()],
        Value::Array(stops) => stops.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
