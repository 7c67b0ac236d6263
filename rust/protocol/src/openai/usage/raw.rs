//! The spellings of a usage object.

use super::Usage;
use serde::Deserialize;

/// All fields that are known, under the names of all endpoints; some servers send both names of one thing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Raw {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
    input_token_details: Option<Details>,
    prompt_cache_hit_tokens: Option<u64>,
    seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct Details {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    image_tokens: Option<u64>,
}

/// What it says cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbled;

impl Raw {
    /// Reads an object; none where it says nothing of tokens or of a length.
    pub(super) fn read(object: &[u8]) -> Result<Option<Usage>, Garbled> {
        serde_json::from_slice::<Self>(object).map_err(|_| Garbled)?.said()
    }

    /// What it says.
    pub(super) fn said(&self) -> Result<Option<Usage>, Garbled> {
        if self.says_nothing() {
            return Ok(None);
        }
        self.usage().filter(Usage::is_possible).map(Some).ok_or(Garbled)
    }

    const fn says_nothing(&self) -> bool {
        self.prompt_tokens.is_none()
            && self.input_tokens.is_none()
            && self.completion_tokens.is_none()
            && self.output_tokens.is_none()
            && self.total_tokens.is_none()
            && self.seconds.is_none()
    }

    fn usage(&self) -> Option<Usage> {
        let input = self.prompt_tokens.or(self.input_tokens);
        let output = self.completion_tokens.or(self.output_tokens);
        let audio_ms = self.seconds.map(milliseconds);
        let known = input.unwrap_or(0).checked_add(output.unwrap_or(0))?;
        // What a total has beyond its parts was billed too; without a name it is the prompt's, as for embeddings.
        let unnamed =
            if input.is_some() && output.is_some() { 0 } else { self.total_tokens.unwrap_or(0).saturating_sub(known) };
        let (input, output) = match (input, output) {
            (Some(input), None) => (input, unnamed),
            (input, output) => (input.unwrap_or(unnamed), output.unwrap_or(0)),
        };
        let of_inputs = [self.prompt_tokens_details, self.input_tokens_details, self.input_token_details];
        let of_input = of_inputs.into_iter().flatten().next().unwrap_or_default();
        let of_output = self.completion_tokens_details.or(self.output_tokens_details).unwrap_or_default();
        let reasoning = of_output.reasoning_tokens.unwrap_or(0);
        // xAI counts what was thought beside the answer, as the sum shows.
        let is_beside = reasoning > 0 && self.total_tokens == input.checked_add(output)?.checked_add(reasoning);
        let output = if is_beside { output + reasoning } else { output };
        Some(Usage {
            input,
            cached: of_input.cached_tokens.or(self.prompt_cache_hit_tokens).unwrap_or(0),
            cache_written: of_input.cache_write_tokens.unwrap_or(0),
            input_audio: of_input.audio_tokens.unwrap_or(0),
            input_image: of_input.image_tokens.unwrap_or(0),
            output,
            reasoning,
            output_audio: of_output.audio_tokens.unwrap_or(0),
            output_image: of_output.image_tokens.unwrap_or(0),
            audio_ms: audio_ms.unwrap_or(Some(0))?,
        })
    }
}

/// A length; none where it is not one.
fn milliseconds(seconds: f64) -> Option<u64> {
    const DAY: f64 = 86_400.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a day and not negative")]
    (0.0..=DAY).contains(&seconds).then_some((seconds * 1_000.0).round() as u64)
}
