//! Images: one transparent pixel, as often as asked.

use super::{Call, tokens};
use crate::check::Refusal;
use crate::faults::events::event;
use crate::reply::{Dialect, Piece, Reply, Role};
use serde_json::{Value, json};

/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// Output tokens of one image.
const TOKENS: u32 = 64;

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let text = tokens::count(call.text("prompt"));
    let images = u32::try_from(call.files.len()).unwrap_or(0) * 85;
    call.note.prompt_tokens = text + images;
    let count = call.count("n").unwrap_or(1);
    let usage = json!({
        "input_tokens": text + images, "input_tokens_details": {"text_tokens": text, "image_tokens": images},
        "output_tokens": TOKENS * count, "total_tokens": text + images + TOKENS * count,
        "output_tokens_details": {"image_tokens": TOKENS * count, "text_tokens": 0},
    });
    if call.streams() {
        return Ok(stream(call, &usage));
    }
    let image = if call.text("response_format") == "url"
        || call.text("model").contains("dall-e") && call.text("response_format").is_empty()
    {
        json!({"url": "https://example.com/image.png"})
    } else {
        json!({"b64_json": PIXEL})
    };
    let mut body =
        json!({"created": call.created, "data": vec![image; usize::try_from(count).unwrap_or(1)], "usage": usage});
    for (field, value) in look(call) {
        body[field] = value;
    }
    Ok(call.whole(&body, TOKENS * count))
}

/// How the image was made; words that the types of an answer know.
fn look(call: &Call) -> [(&'static str, Value); 4] {
    let or = |field: &str, allowed: &[&str], other: &str| {
        let asked = call.text(field);
        json!(if allowed.contains(&asked) { asked } else { other })
    };
    [
        ("background", or("background", &["transparent"], "opaque")),
        ("output_format", or("output_format", &["jpeg", "webp"], "png")),
        ("quality", or("quality", &["low", "medium"], "high")),
        ("size", or("size", &["1536x1024", "1024x1536"], "1024x1024")),
    ]
}

fn stream(call: &mut Call, usage: &Value) -> Reply {
    let kind = if call.files.is_empty() { "image_generation" } else { "image_edit" };
    let mut pace = call.pace();
    let mut push = |pieces: &mut Vec<Piece>, role, stage: &str, more: Value, tokens| {
        let name = format!("{kind}.{stage}");
        let mut data = more;
        data["type"] = json!(name);
        data["b64_json"] = json!(PIXEL);
        data["created_at"] = json!(call.created);
        for (field, value) in look(call) {
            data[field] = value;
        }
        pieces.push(Piece { wait: pace.next(), tokens, ..Piece::new(role, event(Some(&name), &data)) });
    };
    let mut pieces = Vec::new();
    for index in 0..call.count("partial_images").unwrap_or(0) {
        push(&mut pieces, Role::Content, "partial_image", json!({"partial_image_index": index}), 0);
    }
    push(&mut pieces, Role::Terminal, "completed", json!({"usage": usage}), TOKENS);
    Reply::events(Dialect::Named, pieces)
}
