//! Completions, the old form: prompts in, texts out.

use super::author::{self, Behaviour, Output, Prompt};
use super::chat::{FINGERPRINT, stops};
use super::{Call, tokens};
use crate::check::Refusal;
use crate::faults::events::event;
use crate::reply::{Dialect, Piece, Reply, Role};
use serde_json::{Value, json};

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let prompts = prompts(&call.body["prompt"]);
    call.note.prompt_tokens = prompts.iter().map(|(_, tokens)| tokens).sum();
    let length = call.wanted_tokens();
    let limit = Some(call.count("max_tokens").unwrap_or(16));
    let echoes = Behaviour::of(&call.note.model) == Behaviour::Echo;
    let mut outputs: Vec<(String, Output)> = Vec::new();
    for (said, _) in &prompts {
        for choice in 0..call.body["n"].as_u64().unwrap_or(1) {
            // The old form has neither reasoning nor refusals.
            let model = if echoes { Behaviour::Echo } else { Behaviour::Chat };
            let stops = stops(&call.body["stop"]);
            let prompt = Prompt { model, said: said.clone(), limit, stops, length, ..Prompt::default() };
            let mut rng = author::muse(call.provider.options.seed, call.body["seed"].as_i64(), said, choice);
            let start = if call.body["echo"] == true { said.clone() } else { String::new() };
            outputs.push((start, author::write(&prompt, &mut rng)));
        }
    }
    if call.streams() { Ok(stream(call, &outputs)) } else { Ok(whole(call, &outputs)) }
}

/// The texts with their tokens; a prompt of token numbers has no text.
fn prompts(prompt: &Value) -> Vec<(String, u32)> {
    let one = |prompt: &Value| match prompt {
        Value::String(text) => (text.clone(), tokens::count(text)),
        Value::Array(numbers) => (String::new(), u32::try_from(numbers.len()).unwrap_or(u32::MAX)),
        _ => (String::new(), 1),
    };
    match prompt {
        Value::Array(several) if !several.first().is_some_and(Value::is_number) => several.iter().map(one).collect(),
        single => vec![one(single)],
    }
}

fn usage(call: &Call, outputs: &[(String, Output)]) -> Value {
    let completion: u32 = outputs.iter().map(|(_, output)| output.tokens()).sum();
    let prompt = call.note.prompt_tokens;
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

fn base(call: &mut Call) -> Value {
    json!({
        "id": call.new_id("cmpl-"), "object": "text_completion", "created": call.created, "model": call.note.model,
        "system_fingerprint": FINGERPRINT,
    })
}

fn choice(index: usize, text: &str, reason: Option<&str>) -> Value {
    json!({"index": index, "text": text, "logprobs": null, "finish_reason": reason})
}

fn whole(call: &mut Call, outputs: &[(String, Output)]) -> Reply {
    let mut body = base(call);
    body["choices"] = outputs
        .iter()
        .enumerate()
        .map(|(index, (echoed, output))| {
            choice(index, &format!("{echoed}{}", output.text), Some(output.ending.reason()))
        })
        .collect();
    body["usage"] = usage(call, outputs);
    let tokens = outputs.iter().map(|(_, output)| output.tokens()).sum();
    call.whole(&body, tokens)
}

fn stream(call: &mut Call, outputs: &[(String, Output)]) -> Reply {
    let base = base(call);
    let with_usage = call.body["stream_options"]["include_usage"] == true;
    let data = |choices: Value, usage: &Value| {
        let mut data = base.clone();
        data["choices"] = choices;
        if with_usage {
            data["usage"] = usage.clone();
        }
        event(None, &data)
    };
    let mut pace = call.pace();
    let mut pieces = Vec::new();
    for (index, (echoed, output)) in outputs.iter().enumerate() {
        if !echoed.is_empty() {
            pieces.push(Piece::new(Role::Frame, data(json!([choice(index, echoed, None)]), &Value::Null)));
        }
        for token in tokens::pieces(&output.text) {
            let bytes = data(json!([choice(index, token, None)]), &Value::Null);
            pieces.push(Piece { wait: pace.next(), tokens: 1, ..Piece::new(Role::Content, bytes) });
        }
        let last = json!([choice(index, "", Some(output.ending.reason()))]);
        pieces.push(Piece::new(Role::Finish, data(last, &Value::Null)));
    }
    if with_usage {
        pieces.push(Piece::new(Role::Usage, data(json!([]), &usage(call, outputs))));
    }
    pieces.push(Piece::new(Role::Terminal, "data: [DONE]\n\n"));
    Reply::events(Dialect::Chat, pieces)
}
