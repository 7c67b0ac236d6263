//! What chat completions take. Source: OpenAI, `CreateChatCompletionRequest`.

use super::Shape::{Any, Bool, Either, Int, List, Map, Metadata, Name, Number, Object, Tagged, Text, Word};
use super::{COUNT, Field, Refusal, TEXT, may, must};
use serde_json::Value;

/// The fields of a request.
pub(crate) const FIELDS: &[Field] = &[
    must("model", TEXT),
    must("messages", List(&MESSAGE, 1, usize::MAX)),
    may("audio", Map),
    may("frequency_penalty", Number(-2.0, 2.0)),
    may("function_call", Either(&[Word(&["none", "auto"]), Object(&[must("name", Name)])])),
    may("functions", List(&Object(FUNCTION), 1, 128)),
    may("logit_bias", Map),
    may("logprobs", Bool),
    may("max_completion_tokens", COUNT),
    may("max_tokens", COUNT),
    may("metadata", Metadata),
    may("modalities", List(&Word(&["text", "audio"]), 1, 2)),
    may("moderation", Map),
    may("n", Int(1, 128)),
    may("parallel_tool_calls", Bool),
    may("prediction", Map),
    may("presence_penalty", Number(-2.0, 2.0)),
    may("prompt_cache_key", TEXT),
    may("prompt_cache_options", Map),
    may("prompt_cache_retention", Word(&["in_memory", "24h"])),
    may("reasoning_effort", Word(EFFORTS)),
    may("response_format", FORMAT),
    may("safety_identifier", Text(128)),
    may("seed", Int(i64::MIN, i64::MAX)),
    may("service_tier", Word(&["auto", "default", "flex", "scale", "priority", "fast"])),
    may("stop", Either(&[TEXT, List(&TEXT, 1, 4)])),
    may("store", Bool),
    may("stream", Bool),
    may("stream_options", Object(&[may("include_usage", Bool), may("include_obfuscation", Bool)])),
    may("temperature", Number(0.0, 2.0)),
    may("tool_choice", TOOL_CHOICE),
    may("tools", List(&TOOL, 0, 128)),
    may("top_logprobs", Int(0, 20)),
    may("top_p", Number(0.0, 1.0)),
    may("user", TEXT),
    may("verbosity", Word(&["low", "medium", "high"])),
    may("web_search_options", Map),
    // Not OpenAI's, but how servers that continue an answer are asked to; see `whole`.
    may("continue_final_message", Bool),
    may("add_generation_prompt", Bool),
];

/// The words of a reasoning effort.
pub(super) const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

const BREAKPOINT: Field = may("prompt_cache_breakpoint", Map);

const TEXT_PART: &[Field] = &[must("type", TEXT), must("text", TEXT), BREAKPOINT];
const TEXTS: super::Shape = Either(&[TEXT, List(&Tagged("type", &[("text", TEXT_PART)]), 1, usize::MAX)]);

const USER_PART: super::Shape = Tagged(
    "type",
    &[
        ("text", TEXT_PART),
        ("image_url", &[must("type", TEXT), must("image_url", Object(IMAGE)), BREAKPOINT]),
        ("input_audio", &[must("type", TEXT), must("input_audio", Object(AUDIO)), BREAKPOINT]),
        ("file", &[must("type", TEXT), must("file", Object(FILE)), BREAKPOINT]),
    ],
);
const IMAGE: &[Field] = &[must("url", TEXT), may("detail", Word(&["auto", "low", "high", "original"]))];
const AUDIO: &[Field] = &[must("data", TEXT), must("format", Word(&["wav", "mp3"]))];
const FILE: &[Field] = &[may("file_data", TEXT), may("file_id", TEXT), may("filename", TEXT)];

const ASSISTANT_PART: super::Shape =
    Tagged("type", &[("text", TEXT_PART), ("refusal", &[must("type", TEXT), must("refusal", TEXT), BREAKPOINT])]);

const MESSAGE: super::Shape = Tagged(
    "role",
    &[
        ("developer", &[must("role", TEXT), must("content", TEXTS), may("name", TEXT)]),
        ("system", &[must("role", TEXT), must("content", TEXTS), may("name", TEXT)]),
        (
            "user",
            &[must("role", TEXT), must("content", Either(&[TEXT, List(&USER_PART, 1, usize::MAX)])), may("name", TEXT)],
        ),
        ("assistant", ASSISTANT),
        ("tool", &[must("role", TEXT), must("content", TEXTS), must("tool_call_id", TEXT)]),
        ("function", &[must("role", TEXT), must("content", Any), must("name", TEXT)]),
    ],
);

const ASSISTANT: &[Field] = &[
    must("role", TEXT),
    may("content", Either(&[TEXT, List(&ASSISTANT_PART, 1, usize::MAX)])),
    may("refusal", TEXT),
    may("tool_calls", List(&TOOL_CALL, 1, 128)),
    may("audio", Map),
    may("name", TEXT),
    may("function_call", Map),
    may("prefix", Bool),
    // Part of answers, so clients that send an answer back have them.
    may("reasoning_content", TEXT),
    may("annotations", List(&Any, 0, usize::MAX)),
];

const TOOL_CALL: super::Shape = Tagged(
    "type",
    &[
        (
            "function",
            &[
                must("type", TEXT),
                must("id", TEXT),
                must("function", Object(&[must("name", TEXT), must("arguments", TEXT)])),
            ],
        ),
        (
            "custom",
            &[must("type", TEXT), must("id", TEXT), must("custom", Object(&[must("name", TEXT), must("input", TEXT)]))],
        ),
    ],
);

const FUNCTION: &[Field] = &[must("name", Name), may("description", TEXT), may("parameters", Map), may("strict", Bool)];

const TOOL: super::Shape = Tagged(
    "type",
    &[
        ("function", &[must("type", TEXT), must("function", Object(FUNCTION))]),
        (
            "custom",
            &[
                must("type", TEXT),
                must("custom", Object(&[must("name", Name), may("description", TEXT), may("format", Map)])),
            ],
        ),
    ],
);

const TOOL_CHOICE: super::Shape = Either(&[
    Word(&["none", "auto", "required"]),
    Tagged(
        "type",
        &[
            ("function", &[must("type", TEXT), must("function", Object(&[must("name", Name)]))]),
            ("custom", &[must("type", TEXT), must("custom", Object(&[must("name", Name)]))]),
            ("allowed_tools", &[must("type", TEXT), must("allowed_tools", Map)]),
        ],
    ),
]);

const FORMAT: super::Shape = Tagged(
    "type",
    &[
        ("text", &[must("type", TEXT)]),
        ("json_object", &[must("type", TEXT)]),
        (
            "json_schema",
            &[
                must("type", TEXT),
                must(
                    "json_schema",
                    Object(&[must("name", Name), may("schema", Map), may("description", TEXT), may("strict", Bool)]),
                ),
            ],
        ),
    ],
);

/// What a table cannot say: fields that need each other, and the order of messages.
pub(crate) fn whole(body: &Value) -> Result<(), Refusal> {
    let streams = body["stream"] == true;
    if !streams && body.get("stream_options").is_some_and(Value::is_object) {
        return Err(needs("stream_options", "stream: true"));
    }
    if body["top_logprobs"].is_u64() && body["logprobs"] != true {
        return Err(needs("top_logprobs", "logprobs: true"));
    }
    let has_tools = body["tools"].as_array().is_some_and(|tools| !tools.is_empty());
    for field in ["tool_choice", "parallel_tool_calls"] {
        if !has_tools && body.get(field).is_some_and(|value| !value.is_null() && value != "none") {
            return Err(needs(field, "tools"));
        }
    }
    if body["max_tokens"].is_u64() && body["max_completion_tokens"].is_u64() {
        let message = "'max_tokens' and 'max_completion_tokens' cannot both be given; leave out 'max_tokens'.";
        return Err(Refusal::invalid("invalid_parameter_combination", "max_tokens", message));
    }
    if body["response_format"]["type"] == "json_object" && !body["messages"].to_string().to_lowercase().contains("json")
    {
        let message = "'messages' must contain the word 'json' for 'response_format' of type 'json_object'.";
        return Err(Refusal::invalid("invalid_value", "messages", message));
    }
    continuation(body)?;
    named_tool_exists(body)?;
    tool_order(body["messages"].as_array().map_or(&[], Vec::as_slice))
}

fn needs(field: &str, other: &str) -> Refusal {
    Refusal::invalid("invalid_value", field, format!("'{field}' is only allowed together with '{other}'."))
}

/// How an answer is asked for that goes on from the last message, the assistant's. Sources: vLLM, chat completions
/// (`continue_final_message` and `add_generation_prompt`, which is true unless it is said not to be, exclude each other);
/// `DeepSeek`, "Chat Prefix Completion" (`prefix` belongs to the last message). Both read in 2026-11.
fn continuation(body: &Value) -> Result<(), Refusal> {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let (last, earlier) = messages.split_last().map_or((&Value::Null, messages), |(last, earlier)| (last, earlier));
    if body["continue_final_message"] == true {
        if body["add_generation_prompt"] != false {
            let message = "'continue_final_message' and 'add_generation_prompt' cannot both be true.";
            return Err(Refusal::invalid("invalid_parameter_combination", "continue_final_message", message));
        }
        if last["role"] != "assistant" {
            return Err(needs("continue_final_message", "a last message of the assistant"));
        }
    }
    if earlier.iter().any(|message| message["prefix"] == true) {
        return Err(needs("prefix", "the last message"));
    }
    Ok(())
}

fn named_tool_exists(body: &Value) -> Result<(), Refusal> {
    let kind = body["tool_choice"]["type"].as_str().unwrap_or_default();
    let Some(wanted) = body["tool_choice"][kind]["name"].as_str() else { return Ok(()) };
    let tools = body["tools"].as_array().into_iter().flatten();
    if tools.into_iter().any(|tool| tool[kind]["name"] == wanted) {
        return Ok(());
    }
    let message = format!("Tool choice '{wanted}' is not among 'tools'.");
    Err(Refusal::invalid("invalid_value", "tool_choice", message))
}

/// Every tool message answers a call of the assistant before it, and all calls are answered before anyone else speaks.
fn tool_order(messages: &[Value]) -> Result<(), Refusal> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let param = format!("messages[{index}]");
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(place) = open.iter().position(|call| *call == id) else {
                let text =
                    format!("Message {index} of role 'tool' answers no call of the assistant message before it.");
                return Err(Refusal { code: None, ..Refusal::invalid("", &format!("{param}.role"), text) });
            };
            open.swap_remove(place);
            continue;
        }
        unanswered(&open, &param)?;
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        open.extend(calls.filter_map(|call| call["id"].as_str()));
        let silent = message["content"].is_null() && message["refusal"].is_null() && message["audio"].is_null();
        if message["role"] == "assistant" && silent && open.is_empty() && message["function_call"].is_null() {
            let text = format!("'{param}.content' may be null only when there are tool calls.");
            return Err(Refusal::invalid("invalid_value", &format!("{param}.content"), text));
        }
    }
    unanswered(&open, "messages")
}

fn unanswered(open: &[&str], param: &str) -> Result<(), Refusal> {
    let Some(id) = open.first() else { return Ok(()) };
    let text = format!("An assistant message with 'tool_calls' needs a tool message for each; '{id}' has none.");
    Err(Refusal { code: None, ..Refusal::invalid("", param, text) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(change: impl FnOnce(&mut Value)) -> Result<(), Refusal> {
        let mut body = json!({"model": "chat", "messages": [{"role": "user", "content": "hi"}]});
        change(&mut body);
        super::super::fields(&body, FIELDS).and_then(|()| whole(&body))
    }

    fn code(change: impl FnOnce(&mut Value)) -> (Option<String>, Option<String>) {
        let refusal = check(change).unwrap_err();
        assert_eq!(refusal.status, 400);
        (refusal.code, refusal.param)
    }

    fn said(code: &str, param: &str) -> (Option<String>, Option<String>) {
        (Some(code.to_owned()), Some(param.to_owned()))
    }

    #[test]
    fn a_plain_request_and_one_with_nulls_pass() {
        check(|_| {}).unwrap();
        check(|body| body["temperature"] = Value::Null).unwrap();
    }

    #[test]
    fn each_mistake_has_the_providers_code_and_names_the_field() {
        assert_eq!(code(|b| b["speed"] = json!(1)), said("unknown_parameter", "speed"));
        assert_eq!(code(|b| b["messages"][0]["mood"] = json!(1)), said("unknown_parameter", "messages[0].mood"));
        assert_eq!(code(|b| b["temperature"] = json!("hot")), said("invalid_type", "temperature"));
        assert_eq!(code(|b| b["temperature"] = json!(2.5)), said("decimal_above_max_value", "temperature"));
        assert_eq!(code(|b| b["n"] = json!(0)), said("integer_below_min_value", "n"));
        assert_eq!(code(|b| b["n"] = json!(1.5)), said("invalid_type", "n"));
        assert_eq!(code(|b| b["messages"] = json!([])), said("empty_array", "messages"));
        assert_eq!(code(|b| b["messages"][0]["role"] = json!("boss")), said("invalid_value", "messages[0].role"));
        assert_eq!(code(|b| b["messages"][0]["content"] = json!(1)), said("invalid_type", "messages[0].content"));
        assert_eq!(code(|b| b["stop"] = json!(["a", "b", "c", "d", "e"])), said("array_above_max_length", "stop"));
        assert_eq!(
            code(|b| drop(b.as_object_mut().unwrap().remove("messages"))),
            said("missing_required_parameter", "messages")
        );
    }

    #[test]
    fn an_answer_is_continued_where_the_last_message_is_the_assistants() {
        let asked = |flags: &str, last: &str| {
            check(|body| {
                body["messages"] = json!([{"role": "user", "content": "hi"}, {"role": last, "content": "so far"}]);
                let flags: serde_json::Map<_, _> = serde_json::from_str(flags).unwrap();
                body.as_object_mut().unwrap().extend(flags);
            })
            .map_err(|refusal| refusal.param.unwrap())
        };
        let flags = r#"{"continue_final_message": true, "add_generation_prompt": false}"#;
        let refused = Err("continue_final_message".to_owned());
        assert_eq!(asked("{}", "assistant"), Ok(()));
        assert_eq!(asked(flags, "assistant"), Ok(()));
        assert_eq!(asked(flags, "user"), refused);
        assert_eq!(asked(r#"{"continue_final_message": true}"#, "assistant"), refused);
        let early = json!({"role": "assistant", "content": "a", "prefix": true});
        assert_eq!(
            code(|b| b["messages"] = json!([early, {"role": "user", "content": "b"}])),
            said("invalid_value", "prefix")
        );
        check(|body| body["messages"] = json!([early])).unwrap();
    }

    #[test]
    fn tool_results_must_answer_calls_and_calls_must_be_answered() {
        let call = json!({"role": "assistant", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let result = json!({"role": "tool", "tool_call_id": "a", "content": "1"});
        let user = json!({"role": "user", "content": "hi"});
        check(|b| b["messages"] = json!([user, call, result])).unwrap();
        assert!(check(|b| b["messages"] = json!([user, result])).is_err());
        assert!(check(|b| b["messages"] = json!([user, call, user])).is_err());
        assert!(check(|b| b["messages"] = json!([user, call])).is_err());
        assert!(check(|b| b["messages"] = json!([user, call, result, result])).is_err());
    }

    #[test]
    fn fields_that_need_another_are_refused_alone() {
        assert_eq!(code(|b| b["stream_options"] = json!({})), said("invalid_value", "stream_options"));
        assert_eq!(code(|b| b["tool_choice"] = json!("auto")), said("invalid_value", "tool_choice"));
        assert_eq!(code(|b| b["top_logprobs"] = json!(2)), said("invalid_value", "top_logprobs"));
    }
}
