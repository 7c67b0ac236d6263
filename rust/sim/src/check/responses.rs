//! What the Responses API takes. Source: OpenAI, `CreateResponse`.

use super::Shape::{self, Any, Bool, Either, Int, List, Map, Metadata, Name, Number, Object, Tagged, Text, Word};
use super::{COUNT, Field, Refusal, TEXT, may, must};
use serde_json::Value;

/// The fields of a request.
pub(crate) const FIELDS: &[Field] = &[
    may("access_programs", Any),
    may("background", Bool),
    may("context_management", List(&Map, 1, usize::MAX)),
    may("conversation", Either(&[TEXT, Object(&[must("id", TEXT)])])),
    may("image", Any),
    may("include", List(&Word(INCLUDE), 0, usize::MAX)),
    may("input", Either(&[TEXT, List(&Either(&[MESSAGE, ITEM]), 0, usize::MAX)])),
    may("instructions", TEXT),
    may("max_output_tokens", Int(16, i64::MAX)),
    may("max_tool_calls", COUNT),
    may("metadata", Metadata),
    may("model", TEXT),
    may("moderation", Map),
    may("parallel_tool_calls", Bool),
    may("previous_response_id", TEXT),
    may("prompt", Map),
    may("prompt_cache_key", TEXT),
    may("prompt_cache_options", Map),
    may("prompt_cache_retention", Word(&["in_memory", "24h"])),
    may("reasoning", Object(REASONING)),
    may("safety_identifier", Text(128)),
    may("service_tier", Word(&["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"])),
    may("store", Bool),
    may("stream", Bool),
    may("stream_options", Object(&[may("include_obfuscation", Bool)])),
    may("temperature", Number(0.0, 2.0)),
    may("text", Object(&[may("format", FORMAT), may("verbosity", Word(&["low", "medium", "high"]))])),
    may("tool_choice", Either(&[Word(&["none", "auto", "required"]), Map])),
    may("tools", List(&TOOL, 0, 128)),
    may("top_logprobs", Int(0, 20)),
    may("top_p", Number(0.0, 1.0)),
    may("truncation", Word(&["auto", "disabled"])),
    may("user", TEXT),
];

const INCLUDE: &[&str] = &[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];

const REASONING: &[Field] = &[
    may("effort", Word(super::chat::EFFORTS)),
    may("summary", Word(&["auto", "concise", "detailed"])),
    may("generate_summary", Word(&["auto", "concise", "detailed"])),
    may("context", Word(&["auto", "current_turn", "all_turns"])),
    may("mode", Word(&["standard", "pro"])),
];

const FORMAT: Shape = Tagged(
    "type",
    &[
        ("text", &[must("type", TEXT)]),
        ("json_object", &[must("type", TEXT)]),
        (
            "json_schema",
            &[
                must("type", TEXT),
                must("name", Name),
                must("schema", Map),
                may("strict", Bool),
                may("description", TEXT),
            ],
        ),
    ],
);

const BREAKPOINT: Field = may("prompt_cache_breakpoint", Map);

const PART: Shape = Tagged(
    "type",
    &[
        ("input_text", &[must("type", TEXT), must("text", TEXT), BREAKPOINT]),
        (
            "input_image",
            &[
                must("type", TEXT),
                may("detail", Word(&["auto", "low", "high", "original"])),
                may("image_url", TEXT),
                may("file_id", TEXT),
                BREAKPOINT,
            ],
        ),
        (
            "input_file",
            &[
                must("type", TEXT),
                may("file_data", TEXT),
                may("file_url", TEXT),
                may("file_id", TEXT),
                may("filename", TEXT),
                may("detail", TEXT),
                BREAKPOINT,
            ],
        ),
        ("input_audio", &[must("type", TEXT), must("input_audio", Map), BREAKPOINT]),
        (
            "output_text",
            &[
                must("type", TEXT),
                must("text", TEXT),
                may("annotations", List(&Any, 0, usize::MAX)),
                may("logprobs", List(&Any, 0, usize::MAX)),
            ],
        ),
        ("refusal", &[must("type", TEXT), must("refusal", TEXT)]),
    ],
);

/// A message, which may leave out its `type`.
const MESSAGE: Shape = Object(&[
    may("type", Word(&["message"])),
    must("role", Word(&["user", "assistant", "system", "developer"])),
    must("content", Either(&[TEXT, List(&PART, 0, usize::MAX)])),
    may("id", TEXT),
    may("status", Word(&["in_progress", "completed", "incomplete"])),
    may("phase", Word(&["commentary", "final_answer"])),
]);

/// Everything else that may stand in `input`; hosted items are taken as they are.
const ITEM: Shape = Tagged(
    "type",
    &[
        (
            "function_call",
            &[
                must("type", TEXT),
                must("call_id", TEXT),
                must("name", TEXT),
                must("arguments", TEXT),
                may("id", TEXT),
                may("status", TEXT),
                may("namespace", TEXT),
                may("async", Bool),
            ],
        ),
        ("function_call_output", OUTPUT),
        (
            "custom_tool_call",
            &[
                must("type", TEXT),
                must("call_id", TEXT),
                must("name", TEXT),
                must("input", TEXT),
                may("id", TEXT),
                may("status", TEXT),
                may("namespace", TEXT),
            ],
        ),
        ("custom_tool_call_output", OUTPUT),
        (
            "reasoning",
            &[
                must("type", TEXT),
                may("id", TEXT),
                must("summary", List(&Any, 0, usize::MAX)),
                may("content", List(&Any, 0, usize::MAX)),
                may("encrypted_content", TEXT),
                may("status", TEXT),
            ],
        ),
        ("item_reference", &[must("type", TEXT), must("id", TEXT)]),
        ("message", &[]),
        ("web_search_call", &[]),
        ("file_search_call", &[]),
        ("computer_call", &[]),
        ("computer_call_output", &[]),
        ("code_interpreter_call", &[]),
        ("image_generation_call", &[]),
        ("local_shell_call", &[]),
        ("local_shell_call_output", &[]),
        ("shell_call", &[]),
        ("shell_call_output", &[]),
        ("apply_patch_call", &[]),
        ("apply_patch_call_output", &[]),
        ("mcp_list_tools", &[]),
        ("mcp_approval_request", &[]),
        ("mcp_approval_response", &[]),
        ("mcp_call", &[]),
        ("tool_search_call", &[]),
        ("tool_search_output", &[]),
        ("compaction", &[]),
        ("additional_tools", &[]),
        ("program", &[]),
        ("program_output", &[]),
        ("configuration_update", &[]),
    ],
);

const OUTPUT: &[Field] = &[
    must("type", TEXT),
    must("call_id", TEXT),
    must("output", Either(&[TEXT, List(&PART, 0, usize::MAX)])),
    may("id", TEXT),
    may("status", TEXT),
];

const TOOL: Shape = Tagged(
    "type",
    &[
        (
            "function",
            &[
                must("type", TEXT),
                must("name", Name),
                may("description", TEXT),
                may("parameters", Map),
                may("strict", Bool),
                may("defer_loading", Bool),
                may("async", Bool),
            ],
        ),
        (
            "custom",
            &[
                must("type", TEXT),
                must("name", Name),
                may("description", TEXT),
                may("format", Map),
                may("defer_loading", Bool),
            ],
        ),
        ("web_search", &[]),
        ("web_search_2025_08_26", &[]),
        ("web_search_preview", &[]),
        ("web_search_preview_2025_03_11", &[]),
        ("file_search", &[]),
        ("computer", &[]),
        ("computer_use_preview", &[]),
        ("code_interpreter", &[]),
        ("image_generation", &[]),
        ("mcp", &[]),
        ("local_shell", &[]),
        ("shell", &[]),
        ("apply_patch", &[]),
        ("namespace", &[]),
        ("tool_search", &[]),
        ("programmatic_tool_calling", &[]),
    ],
);

/// What a table cannot say.
pub(crate) fn whole(body: &Value) -> Result<(), Refusal> {
    let absent = |field: &str| body.get(field).is_none_or(Value::is_null);
    if absent("prompt") {
        for field in ["model", "input"] {
            if absent(field) && (field == "model" || absent("conversation")) {
                let message = format!("Missing required parameter: '{field}'.");
                return Err(Refusal::invalid("missing_required_parameter", field, message));
            }
        }
    }
    if !absent("previous_response_id") && !absent("conversation") {
        let message = "'previous_response_id' and 'conversation' exclude each other.";
        return Err(Refusal::invalid("mutually_exclusive_parameters", "previous_response_id", message));
    }
    if body["stream"] != true && body["stream_options"].is_object() {
        let message = "'stream_options' is only allowed together with 'stream: true'.";
        return Err(Refusal::invalid("invalid_value", "stream_options", message));
    }
    joined(body["input"].as_array().map_or(&[], Vec::as_slice), absent("previous_response_id"))
}

/// Every output belongs to a call, and a reasoning item stands before the item it belongs to.
fn joined(items: &[Value], alone: bool) -> Result<(), Refusal> {
    for (index, item) in items.iter().enumerate() {
        let kind = item["type"].as_str().unwrap_or("message");
        let is_output = kind == "function_call_output" || kind == "custom_tool_call_output";
        let has_call = items[..index].iter().any(|call| {
            call["call_id"] == item["call_id"] && call["type"].as_str().is_some_and(|kind| kind.ends_with("_call"))
        });
        let referenced = items[..index].iter().any(|item| item["type"] == "item_reference");
        if is_output && alone && !has_call && !referenced {
            let message = format!("No tool call found for the output with call_id {}.", item["call_id"]);
            return Err(Refusal { code: None, ..Refusal::invalid("", &format!("input[{index}]"), message) });
        }
        if kind == "reasoning" && index + 1 == items.len() {
            let message =
                format!("Item {} of type 'reasoning' was given without the item that follows it.", item["id"]);
            return Err(Refusal { code: None, ..Refusal::invalid("", &format!("input[{index}]"), message) });
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(body: &Value) -> Result<(), Refusal> {
        super::super::fields(body, FIELDS).and_then(|()| whole(body))
    }

    #[test]
    fn text_messages_and_items_pass() {
        check(&json!({"model": "chat", "input": "hi"})).unwrap();
        check(&json!({"model": "chat", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
        ]}))
        .unwrap();
    }

    #[test]
    fn fields_of_chat_completions_are_unknown_here() {
        for field in ["stop", "n", "seed", "messages", "max_tokens", "logit_bias"] {
            let refusal = check(&json!({"model": "chat", "input": "hi", field: 1})).unwrap_err();
            assert_eq!(refusal.code.as_deref(), Some("unknown_parameter"), "{field}");
        }
        let nested = json!({"model": "m", "input": "hi", "tools": [{"type": "function", "function": {"name": "f"}}]});
        assert_eq!(check(&nested).unwrap_err().param.as_deref(), Some("tools[0].function"));
    }

    #[test]
    fn an_output_without_its_call_is_refused() {
        let lone = json!([{"type": "function_call_output", "call_id": "c", "output": "1"}]);
        assert!(check(&json!({"model": "chat", "input": lone})).is_err());
        check(&json!({"model": "chat", "input": lone, "previous_response_id": "resp_1"})).unwrap();
    }

    #[test]
    fn fewer_than_sixteen_output_tokens_are_too_few() {
        let refusal = check(&json!({"model": "chat", "input": "hi", "max_output_tokens": 15})).unwrap_err();
        assert_eq!(refusal.code.as_deref(), Some("integer_below_min_value"));
    }
}
