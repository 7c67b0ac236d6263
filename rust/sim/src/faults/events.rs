//! Faults inside a stream; where there is none, the nearest thing in a whole body.

use super::{Fault, Kind, errors};
use crate::reply::{Dialect, End, FOREVER, Framing, Piece, Reply, Role};
use bytes::Bytes;
use serde_json::{Value, json};

pub(super) fn bend(fault: &Fault, reply: &mut Reply) {
    match fault.kind {
        Kind::NoTerminator => reply.pieces.retain(|piece| piece.role != Role::Terminal),
        Kind::DoubleTerminator => again(reply, Role::Terminal, Role::Terminal),
        Kind::DataAfterDone => again(reply, Role::Content, Role::Terminal),
        Kind::ErrorEvent => error_event(fault, reply),
        Kind::PingsOnly => pings_only(fault, reply),
        Kind::EmptyDeltas => empty_deltas(fault, reply),
        Kind::Stall => stall(fault, reply),
        Kind::BigEvent => big_event(fault, reply),
        Kind::InvalidUtf8 => invalid_utf8(reply),
        Kind::Spelling => spelling(fault.text("as"), reply),
        Kind::ToolJsonCut => tool_json_cut(reply),
        Kind::Usage => usage(fault.text("as"), reply),
        _ => {}
    }
}

/// Sends the last piece of role `what` once more, after the last of role `after`.
fn again(reply: &mut Reply, what: Role, after: Role) {
    let found = reply.pieces.iter().rev().find(|piece| piece.role == what).cloned();
    let place = reply.pieces.iter().rposition(|piece| piece.role == after);
    if let (Some(mut piece), Some(place)) = (found, place) {
        piece.wait = std::time::Duration::ZERO;
        reply.pieces.insert(place + 1, piece);
    }
}

fn error_event(fault: &Fault, reply: &mut Reply) {
    let refusal = errors::by_name(fault.text("name"));
    if reply.dialect == Dialect::Whole {
        reply.pieces = vec![Piece::new(Role::Whole, errors::body(&refusal).to_string())];
        return;
    }
    let place = match fault.text("at") {
        "middle" => reply.pieces.len() / 2,
        "last" => reply.pieces.iter().position(|piece| piece.role == Role::Terminal).unwrap_or(reply.pieces.len()),
        _ => 0,
    };
    let terminal = reply.pieces.iter().find(|piece| piece.role == Role::Terminal).cloned();
    reply.pieces.truncate(place);
    let event = match (reply.dialect, fault.text("form"), terminal) {
        (Dialect::Named, "failed", Some(mut terminal)) => {
            edit(&mut terminal, |data| fail(data, &refusal.message));
            let text = String::from_utf8_lossy(&terminal.bytes).replacen("response.completed", "response.failed", 1);
            Bytes::from(text)
        }
        (Dialect::Named, "flat", _) => event(
            Some("error"),
            &json!({"type": "error", "code": refusal.code, "message": refusal.message, "param": null, "sequence_number": place}),
        ),
        (Dialect::Named, ..) => {
            let mut data = errors::body(&refusal);
            data["type"] = json!("error");
            event(Some("error"), &data)
        }
        _ => event(None, &errors::body(&refusal)),
    };
    reply.pieces.push(Piece::new(Role::Frame, event));
}

fn fail(data: &mut Value, message: &str) {
    data["type"] = json!("response.failed");
    data["response"]["status"] = json!("failed");
    data["response"]["error"] = json!({"code": "server_error", "message": message});
    data["response"]["completed_at"] = Value::Null;
}

fn pings_only(fault: &Fault, reply: &mut Reply) {
    let after = fault.size("after");
    let Some(place) = content(reply).nth(after) else { return };
    let mut kept = 0;
    reply.pieces.retain(|piece| {
        let has_content = matches!(piece.role, Role::Content | Role::Arguments);
        kept += usize::from(has_content);
        !has_content || kept <= after
    });
    let place = place.min(reply.pieces.len());
    let ping = Piece { wait: fault.time("every_ms"), ..Piece::new(Role::Frame, ": ping\n\n") };
    reply.pieces.splice(place..place, std::iter::repeat_n(ping, fault.size("count").min(1_000_000)));
    silence_after(fault, reply, place + fault.size("count"));
}

fn empty_deltas(fault: &Fault, reply: &mut Reply) {
    let has_content = |piece: &&mut Piece| matches!(piece.role, Role::Content | Role::Arguments);
    for piece in reply.pieces.iter_mut().filter(has_content).skip(fault.size("after")) {
        edit(piece, |data| match data.get_mut("delta") {
            Some(Value::String(delta)) => delta.clear(),
            _ => empty_choices(data),
        });
        piece.tokens = 0;
        piece.wait = piece.wait.saturating_add(fault.time("every_ms"));
    }
    let last = reply.pieces.iter().rposition(|piece| matches!(piece.role, Role::Content | Role::Arguments));
    if let Some(last) = last {
        silence_after(fault, reply, last + 1);
    }
}

fn empty_choices(data: &mut Value) {
    for choice in data["choices"].as_array_mut().into_iter().flatten() {
        if choice.get("delta").is_some() {
            choice["delta"] = json!({});
        } else {
            choice["text"] = json!("");
        }
    }
}

fn silence_after(fault: &Fault, reply: &mut Reply, place: usize) {
    if fault.text("then") == "silence" {
        reply.pieces.truncate(place);
        reply.oddities.chunks = crate::reply::Chunks::Unfinished;
        reply.end = End::Silence;
    }
}

fn stall(fault: &Fault, reply: &mut Reply) {
    let place = fault.size("at").min(reply.pieces.len().saturating_sub(1));
    let pause = super::apply::stall(fault.time("ms"));
    if let Some(piece) = reply.pieces.get_mut(place) {
        piece.wait = if pause == FOREVER { FOREVER } else { piece.wait.saturating_add(pause) };
    }
}

fn big_event(fault: &Fault, reply: &mut Reply) {
    let filler = "x".repeat(fault.size("bytes"));
    let place = first_content(reply).unwrap_or(0);
    let Some(piece) = reply.pieces.get_mut(place) else { return };
    edit(piece, |data| {
        if let Some(delta) = data.pointer_mut("/choices/0/delta") {
            delta["content"] = json!(filler);
        } else if data["delta"].is_string() {
            data["delta"] = json!(filler);
        } else {
            data["x_sim_padding"] = json!(filler);
        }
    });
}

/// Puts two bytes that are not UTF-8 into the first text.
fn invalid_utf8(reply: &mut Reply) {
    let place = first_content(reply).unwrap_or(0);
    let Some(piece) = reply.pieces.get_mut(place) else { return };
    let keys: [&[u8]; 3] = [b"\"content\":\"", b"\"delta\":\"", b"\"text\":\""];
    let found = keys.iter().find_map(|key| memchr::memmem::find(&piece.bytes, key).map(|at| at + key.len()));
    let at = found.unwrap_or(piece.bytes.len());
    piece.bytes = Bytes::from([&piece.bytes[..at], b"\xc3\x28\xff", &piece.bytes[at..]].concat());
}

fn spelling(form: &str, reply: &mut Reply) {
    if reply.dialect == Dialect::Whole {
        return;
    }
    let mut number = 0_u32;
    for piece in &mut reply.pieces {
        let text = String::from_utf8_lossy(&piece.bytes);
        number += 1;
        let spelled = match form {
            "crlf" => text.replace('\n', "\r\n"),
            "cr" => text.replace('\n', "\r"),
            "comments" => format!(": comment\n{text}"),
            "no-space" => text.replace("data: ", "data:").replace("event: ", "event:"),
            "multi-line" => text.replacen("data: {", "data: {\ndata: ", 1),
            "no-event" => text
                .lines()
                .filter(|line| !line.starts_with("event:"))
                .fold(String::new(), |all, line| all + line + "\n"),
            "ids" => format!("id: {number}\nretry: 1000\n{text}"),
            "bom" if number == 1 => format!("\u{feff}{text}"),
            _ => text.into_owned(),
        };
        piece.bytes = Bytes::from(spelled);
    }
}

fn tool_json_cut(reply: &mut Reply) {
    if reply.dialect == Dialect::Whole {
        reply.pieces.iter_mut().for_each(|piece| edit(piece, cut_arguments));
        return;
    }
    let arguments = reply.pieces.iter().filter(|piece| piece.role == Role::Arguments).count();
    let mut seen = 0;
    reply.pieces.retain(|piece| {
        seen += usize::from(piece.role == Role::Arguments);
        piece.role != Role::Arguments || seen <= arguments / 2
    });
    if reply.dialect == Dialect::Named {
        // The closing events repeat the arguments whole, so the stream has to end before them.
        let last = reply.pieces.iter().rposition(|piece| piece.role == Role::Arguments);
        reply.pieces.truncate(last.map_or(reply.pieces.len(), |last| last + 1));
    }
    for piece in reply.pieces.iter_mut().filter(|piece| piece.role == Role::Finish) {
        edit(piece, |data| {
            if let Some(reason) = data.pointer_mut("/choices/0/finish_reason") {
                *reason = json!("length");
            }
        });
    }
}

/// Halves every string under the key `arguments`.
fn cut_arguments(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "arguments" => {
                        text.truncate(text.floor_char_boundary(text.len() / 2));
                    }
                    _ => cut_arguments(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(cut_arguments),
        _ => {}
    }
}

fn usage(form: &str, reply: &mut Reply) {
    if form == "twice" {
        return usage_twice(reply);
    }
    for piece in reply.pieces.iter_mut().filter(|piece| holds_usage(piece)) {
        edit(piece, |data| {
            let holder = if data["response"].is_object() { &mut data["response"] } else { data };
            match (form, holder.as_object_mut()) {
                ("missing", Some(holder)) => drop(holder.remove("usage")),
                ("null", Some(holder)) => drop(holder.insert("usage".to_owned(), Value::Null)),
                (form, Some(holder)) => holder.get_mut("usage").into_iter().for_each(|usage| numbers(form, usage)),
                (_, None) => {}
            }
        });
    }
    if form == "missing" {
        reply.pieces.retain(|piece| piece.role != Role::Usage);
    }
}

fn holds_usage(piece: &Piece) -> bool {
    memchr::memmem::find(&piece.bytes, b"\"usage\":{").is_some()
}

/// Replaces every number.
fn numbers(form: &str, value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| numbers(form, value)),
        Value::Number(number) => {
            let right = number.as_u64().unwrap_or(0);
            *value = match form {
                "zero" => json!(0),
                "negative" => json!(-7),
                "huge" => json!(9_007_199_254_740_993_u64),
                "string" => json!(right.to_string()),
                _ => json!(right / 2),
            };
        }
        _ => {}
    }
}

fn usage_twice(reply: &mut Reply) {
    if reply.dialect != Dialect::Whole {
        let role =
            if reply.pieces.iter().any(|piece| piece.role == Role::Usage) { Role::Usage } else { Role::Terminal };
        return again(reply, role, role);
    }
    for piece in reply.pieces.iter_mut().filter(|piece| piece.bytes.ends_with(b"}")) {
        let body = &piece.bytes[..piece.bytes.len() - 1];
        let twice = serde_json::from_slice::<Value>(&piece.bytes).map(|data| data["usage"].to_string());
        piece.bytes = Bytes::from([body, b",\"usage\":", twice.unwrap_or_default().as_bytes(), b"}"].concat());
    }
    reply.framing = Framing::Length(None);
}

fn first_content(reply: &Reply) -> Option<usize> {
    content(reply).next()
}

/// The places of the events with content.
fn content(reply: &Reply) -> impl Iterator<Item = usize> {
    let has_content = |(_, piece): &(usize, &Piece)| matches!(piece.role, Role::Content | Role::Arguments);
    reply.pieces.iter().enumerate().filter(has_content).map(|(place, _)| place)
}

/// Changes the JSON of an event or of a whole body; leaves alone what holds none.
fn edit(piece: &mut Piece, change: impl FnOnce(&mut Value)) {
    let start = memchr::memmem::find(&piece.bytes, b"data: ").map_or(0, |at| at + 6);
    let is_event = start > 0 && piece.role != Role::Whole;
    let start = if is_event { start } else { 0 };
    if let Ok(mut data) = serde_json::from_slice::<Value>(&piece.bytes[start..]) {
        change(&mut data);
        let end: &[u8] = if is_event { b"\n\n" } else { b"" };
        piece.bytes = Bytes::from([&piece.bytes[..start], data.to_string().as_bytes(), end].concat());
    }
}

/// One event, with its name where it has one.
pub(crate) fn event(name: Option<&str>, data: &Value) -> Bytes {
    Bytes::from(match name {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    })
}
