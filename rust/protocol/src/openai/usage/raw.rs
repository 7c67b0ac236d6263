//! The spellings of a usage object.

use super::Usage;
use super::walk::{Stop, Walk};

/// All fields that are known, under the names of all endpoints; some servers send both names of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Raw {
    pub(super) prompt_tokens: Option<u64>,
    pub(super) completion_tokens: Option<u64>,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) total_tokens: Option<u64>,
    pub(super) prompt_cache_hit_tokens: Option<u64>,
    pub(super) of_input: Option<Details>,
    pub(super) of_output: Option<Details>,
    pub(super) seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Details {
    pub(super) cached: Option<u64>,
    pub(super) cache_write: Option<u64>,
    pub(super) reasoning: Option<u64>,
    pub(super) audio: Option<u64>,
    pub(super) image: Option<u64>,
}

/// What it says cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbled;

impl Raw {
    /// Reads the object that `bytes` begin with, and how long it is.
    pub(super) fn first(bytes: &[u8]) -> Result<(Self, usize), Stop> {
        let mut raw = Self::default();
        let mut walk = Walk::new(bytes);
        walk.object(|walk, key| {
            let field = match key {
                b"prompt_tokens" => &mut raw.prompt_tokens,
                b"completion_tokens" => &mut raw.completion_tokens,
                b"total_tokens" => &mut raw.total_tokens,
                b"input_tokens" => &mut raw.input_tokens,
                b"output_tokens" => &mut raw.output_tokens,
                b"prompt_cache_hit_tokens" => &mut raw.prompt_cache_hit_tokens,
                b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => {
                    return Details::read(walk, &mut raw.of_input);
                }
                b"completion_tokens_details" | b"output_tokens_details" => {
                    return Details::read(walk, &mut raw.of_output);
                }
                b"seconds" => {
                    raw.seconds = walk.number()?;
                    return Ok(());
                }
                _ => return walk.skip(),
            };
            *field = walk.count()?;
            Ok(())
        })?;
        Ok((raw, walk.passed()))
    }

    /// Reads an object; none where it says nothing of tokens or of a length.
    pub(super) fn read(object: &[u8]) -> Result<Option<Usage>, Garbled> {
        Self::first(object).map_err(|_| Garbled)?.0.said()
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
        let (of_input, of_output) = (self.of_input.unwrap_or_default(), self.of_output.unwrap_or_default());
        let reasoning = of_output.reasoning.unwrap_or(0);
        // xAI counts what was thought beside the answer, as the sum shows.
        let is_beside = reasoning > 0 && self.total_tokens == input.checked_add(output)?.checked_add(reasoning);
        let output = if is_beside { output + reasoning } else { output };
        Some(Usage {
            input,
            cached: of_input.cached.or(self.prompt_cache_hit_tokens).unwrap_or(0),
            cache_written: of_input.cache_write.unwrap_or(0),
            input_audio: of_input.audio.unwrap_or(0),
            input_image: of_input.image.unwrap_or(0),
            output,
            reasoning,
            output_audio: of_output.audio.unwrap_or(0),
            output_image: of_output.image.unwrap_or(0),
            audio_ms: audio_ms.unwrap_or(Some(0))?,
        })
    }
}

impl Details {
    /// Reads an object, if there is one.
    fn read(walk: &mut Walk<'_>, into: &mut Option<Self>) -> Result<(), Stop> {
        let mut details = Self::default();
        let is_there = walk.maybe(|walk, key| {
            let field = match key {
                b"cached_tokens" => &mut details.cached,
                b"cache_write_tokens" => &mut details.cache_write,
                b"reasoning_tokens" => &mut details.reasoning,
                b"audio_tokens" => &mut details.audio,
                b"image_tokens" => &mut details.image,
                _ => return walk.skip(),
            };
            *field = walk.count()?;
            Ok(())
        })?;
        if is_there {
            *into = Some(details);
        }
        Ok(())
    }
}

/// A length; none where it is not one.
fn milliseconds(seconds: f64) -> Option<u64> {
    const DAY: f64 = 86_400.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a day and not negative")]
    (0.0..=DAY).contains(&seconds).then_some((seconds * 1_000.0).round() as u64)
}
