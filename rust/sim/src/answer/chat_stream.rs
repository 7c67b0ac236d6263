//! Chat completions as a stream: one token per event, choices in turn.

use super::author::{Output, ToolCall};
use super::chat::{FINGERPRINT, logprobs, usage};
use super::{Call, tokens};
use crate::faults::events::event;
use crate::reply::{Dialect, Piece, Reply, Role};
use serde_json::{Value, json};

/// The order of one choice: role, content or refusal, calls by their index, finish reason. Then, once, the usage where it
/// was asked for, and `[DONE]`.
pub(super) fn stream(call: &mut Call, outputs: &[Output]) -> Reply {
    let frame = Frame {
        id: call.new_id("chatcmpl-"),
        created: call.created,
        model: call.note.model.clone(),
        usage: call.body["stream_options"]["include_usage"] == true,
        tier: call.service_tier(),
    };
    let mut pieces = in_turn(outputs.iter().enumerate().map(|(index, output)| choice(call, &frame, index, output)));
    let mut pace = call.pace();
    for piece in pieces.iter_mut().filter(|piece| matches!(piece.role, Role::Content | Role::Arguments)) {
        piece.wait = pace.next();
    }
    if frame.usage {
        let data = frame.data(&json!([]), &usage(&call.note, outputs));
        pieces.push(Piece::new(Role::Usage, event(None, &data)));
    }
    pieces.push(Piece::new(Role::Terminal, "data: [DONE]\n\n"));
    Reply::events(Dialect::Chat, pieces)
}

/// What all chunks of a stream share.
struct Frame {
    id: String,
    created: u64,
    model: String,
    usage: bool,
    tier: &'static str,
}

impl Frame {
    fn data(&self, choices: &Value, usage: &Value) -> Value {
        let mut data = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "service_tier": self.tier, "system_fingerprint": FINGERPRINT, "choices": choices,
        });
        if self.usage {
            data["usage"] = usage.clone();
        }
        data
    }

    fn piece(&self, role: Role, index: usize, delta: &Value, tokens: u32) -> Piece {
        let choice = json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": null}]);
        Piece { tokens, ..Piece::new(role, event(None, &self.data(&choice, &Value::Null))) }
    }
}

fn choice(call: &Call, frame: &Frame, index: usize, output: &Output) -> Vec<Piece> {
    let opening = if output.calls.is_empty() { json!("") } else { Value::Null };
    let delta = json!({"role": "assistant", "content": opening, "refusal": null});
    let mut pieces = vec![frame.piece(Role::Frame, index, &delta, 0)];
    for token in tokens::pieces(&output.thought) {
        pieces.push(frame.piece(Role::Content, index, &json!({"reasoning_content": token}), 1));
    }
    for token in tokens::pieces(&output.text) {
        let logprobs = logprobs(call, token);
        let choice =
            json!([{"index": index, "delta": {"content": token}, "logprobs": logprobs, "finish_reason": null}]);
        pieces.push(Piece { tokens: 1, ..Piece::new(Role::Content, event(None, &frame.data(&choice, &Value::Null))) });
    }
    for token in tokens::pieces(&output.refusal) {
        pieces.push(frame.piece(Role::Content, index, &json!({"refusal": token}), 1));
    }
    for (place, made) in output.calls.iter().enumerate() {
        tool_call(frame, index, place, made, &mut pieces);
    }
    let last = json!([{"index": index, "delta": {}, "logprobs": null, "finish_reason": output.ending.reason()}]);
    pieces.push(Piece::new(Role::Finish, event(None, &frame.data(&last, &Value::Null))));
    pieces
}

fn tool_call(frame: &Frame, index: usize, place: usize, made: &ToolCall, pieces: &mut Vec<Piece>) {
    let (kind, text) = if made.custom { ("custom", "input") } else { ("function", "arguments") };
    let delta =
        json!({"tool_calls": [{"index": place, "id": made.id, "type": kind, kind: {"name": made.name, text: ""}}]});
    pieces.push(frame.piece(Role::Frame, index, &delta, tokens::count(&made.name)));
    for token in tokens::pieces(&made.arguments) {
        let delta = json!({"tool_calls": [{"index": place, kind: {text: token}}]});
        pieces.push(frame.piece(Role::Arguments, index, &delta, 1));
    }
}

/// One piece of each list in turn, until all are used up.
fn in_turn(lists: impl Iterator<Item = Vec<Piece>>) -> Vec<Piece> {
    let mut lists: Vec<_> = lists.map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(lists.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}
