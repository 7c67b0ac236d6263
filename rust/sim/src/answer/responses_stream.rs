//! The Responses API as a stream: every event that its order prescribes, one token per delta.

use super::responses::unfinished;
use super::{Call, Pace, tokens};
use crate::faults::events::event;
use crate::reply::{Dialect, Piece, Reply, Role};
use serde_json::{Value, json};

/// The stream of a response whose items are known.
pub(super) fn stream(call: &mut Call, response: &Value, items: &[Value]) -> Reply {
    let mut writer = Writer { pieces: Vec::new(), sequence: 0, pace: call.pace() };
    let queued = if call.body["background"] == true { "queued" } else { "in_progress" };
    writer.frame("response.created", json!({"response": unfinished(response, queued)}));
    if queued == "queued" {
        writer.frame("response.queued", json!({"response": unfinished(response, queued)}));
    }
    writer.frame("response.in_progress", json!({"response": unfinished(response, "in_progress")}));
    for (index, item) in items.iter().enumerate() {
        writer.item(index, item);
    }
    let ending = format!("response.{}", response["status"].as_str().unwrap_or("completed"));
    writer.push(Role::Terminal, &ending, json!({"response": response}), 0);
    Reply::events(Dialect::Named, writer.pieces)
}

struct Writer {
    pieces: Vec<Piece>,
    sequence: u64,
    pace: Pace,
}

impl Writer {
    fn push(&mut self, role: Role, name: &str, mut data: Value, tokens: u32) {
        data["type"] = json!(name);
        data["sequence_number"] = json!(self.sequence);
        self.sequence += 1;
        let mut piece = Piece { tokens, ..Piece::new(role, event(Some(name), &data)) };
        if matches!(role, Role::Content | Role::Arguments) {
            piece.wait = self.pace.next();
        }
        self.pieces.push(piece);
    }

    fn frame(&mut self, name: &str, data: Value) {
        self.push(Role::Frame, name, data, 0);
    }

    fn item(&mut self, index: usize, item: &Value) {
        let place = Place { item: item["id"].clone(), index };
        self.frame("response.output_item.added", json!({"output_index": index, "item": opened(item)}));
        match item["type"].as_str() {
            Some("reasoning") => self.reasoning(&place, item),
            Some("message") => self.message(&place, &item["content"][0]),
            Some("custom_tool_call") => self.call(&place, item, ("custom_tool_call_input", "input")),
            _ => self.call(&place, item, ("function_call_arguments", "arguments")),
        }
        self.frame("response.output_item.done", json!({"output_index": index, "item": item}));
    }

    fn reasoning(&mut self, place: &Place, item: &Value) {
        if let Some(part) = item["summary"].get(0) {
            let text = part["text"].as_str().unwrap_or_default();
            let empty = json!({"type": "summary_text", "text": ""});
            self.frame("response.reasoning_summary_part.added", place.part("summary_index", json!({"part": empty})));
            self.deltas("response.reasoning_summary_text.delta", text, |delta| {
                place.part("summary_index", json!({"delta": delta}))
            });
            self.frame("response.reasoning_summary_text.done", place.part("summary_index", json!({"text": text})));
            self.frame("response.reasoning_summary_part.done", place.part("summary_index", json!({"part": part})));
        }
        if let Some(part) = item["content"].get(0) {
            let text = part["text"].as_str().unwrap_or_default();
            let empty = json!({"type": "reasoning_text", "text": ""});
            self.frame("response.content_part.added", place.content(json!({"part": empty})));
            self.deltas("response.reasoning_text.delta", text, |delta| place.content(json!({"delta": delta})));
            self.frame("response.reasoning_text.done", place.content(json!({"text": text})));
            self.frame("response.content_part.done", place.content(json!({"part": part})));
        }
    }

    fn message(&mut self, place: &Place, part: &Value) {
        if let Some(refusal) = part["refusal"].as_str() {
            self.frame(
                "response.content_part.added",
                place.content(json!({"part": {"type": "refusal", "refusal": ""}})),
            );
            self.deltas("response.refusal.delta", refusal, |delta| place.content(json!({"delta": delta})));
            self.frame("response.refusal.done", place.content(json!({"refusal": refusal})));
        } else {
            let text = part["text"].as_str().unwrap_or_default();
            let empty = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
            self.frame("response.content_part.added", place.content(json!({"part": empty})));
            self.deltas("response.output_text.delta", text, |delta| {
                place.content(json!({"delta": delta, "logprobs": []}))
            });
            for (index, annotation) in part["annotations"].as_array().into_iter().flatten().enumerate() {
                let data = place.content(json!({"annotation": annotation, "annotation_index": index}));
                self.frame("response.output_text.annotation.added", data);
            }
            self.frame("response.output_text.done", place.content(json!({"text": text, "logprobs": part["logprobs"]})));
        }
        self.frame("response.content_part.done", place.content(json!({"part": part})));
    }

    fn call(&mut self, place: &Place, item: &Value, (name, field): (&str, &str)) {
        let text = item[field].as_str().unwrap_or_default();
        // The name is billed with the first delta, as nothing else carries it.
        let mut extra = tokens::count(item["name"].as_str().unwrap_or_default());
        for token in tokens::pieces(text) {
            let data = place.with(json!({"delta": token}));
            self.push(Role::Arguments, &format!("response.{name}.delta"), data, 1 + std::mem::take(&mut extra));
        }
        self.frame(&format!("response.{name}.done"), place.with(json!({field: text, "name": item["name"]})));
    }

    fn deltas(&mut self, name: &str, text: &str, data: impl Fn(&str) -> Value) {
        for token in tokens::pieces(text) {
            self.push(Role::Content, name, data(token), 1);
        }
    }
}

/// Where an event belongs.
struct Place {
    item: Value,
    index: usize,
}

impl Place {
    fn with(&self, mut data: Value) -> Value {
        data["item_id"] = self.item.clone();
        data["output_index"] = json!(self.index);
        data
    }

    fn part(&self, index: &str, data: Value) -> Value {
        let mut data = self.with(data);
        data[index] = json!(0);
        data
    }

    fn content(&self, data: Value) -> Value {
        self.part("content_index", data)
    }
}

/// An item as it is announced: nothing in it yet.
fn opened(item: &Value) -> Value {
    let mut opened = item.clone();
    opened["status"] = json!("in_progress");
    for (field, empty) in
        [("content", json!([])), ("summary", json!([])), ("arguments", json!("")), ("input", json!(""))]
    {
        if !opened[field].is_null() {
            opened[field] = empty;
        }
    }
    if let Some(fields) = opened.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    opened
}
