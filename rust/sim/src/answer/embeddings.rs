//! Embeddings: a vector per input, the same for the same text, of length one.

use super::{Call, tokens};
use crate::check::Refusal;
use crate::encode;
use crate::reply::Reply;
use crate::rng::{Rng, hash};
use serde_json::{Value, json};

/// The length of a vector unless `dimensions` says otherwise.
const DIMENSIONS: u32 = 16;

pub(super) fn create(call: &mut Call) -> Result<Reply, Refusal> {
    let inputs = inputs(&call.body["input"]);
    call.note.prompt_tokens = inputs.iter().map(count).sum();
    let dimensions = call.count("dimensions").unwrap_or(DIMENSIONS);
    let seed = call.provider.options.seed;
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let vector = vector(seed ^ hash(input.to_string().as_bytes()), dimensions);
            let embedding = if call.text("encoding_format") == "base64" {
                let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                json!(encode::base64(&bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let read = call.note.prompt_tokens;
    let usage = json!({"prompt_tokens": read, "total_tokens": read});
    let body = json!({"object": "list", "data": data, "model": call.note.model, "usage": usage});
    Ok(call.whole(&body, 0))
}

/// The inputs one by one: a text, texts, token numbers, or lists of them.
fn inputs(input: &Value) -> Vec<Value> {
    match input {
        Value::Array(several) if !several.first().is_some_and(Value::is_number) => several.clone(),
        single => vec![single.clone()],
    }
}

fn count(input: &Value) -> u32 {
    match input {
        Value::String(text) => tokens::count(text),
        Value::Array(numbers) => u32::try_from(numbers.len()).unwrap_or(u32::MAX),
        _ => 1,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a vector of f32 is what the wire carries; the last bits are noise")]
fn vector(seed: u64, dimensions: u32) -> Vec<f32> {
    let mut rng = Rng::of(seed, 0);
    let drawn: Vec<f64> = (0..dimensions).map(|_| rng.normal()).collect();
    let length = drawn.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    drawn.into_iter().map(|value| (value / length) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_repeat() {
        let length: f32 = vector(5, 64).iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
        assert_eq!(vector(5, 8), vector(5, 8));
    }
}
