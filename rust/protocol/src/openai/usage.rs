//! What a call used, as the provider says: read from an answer on its way, without holding it back or parsing it.
//!
//! The bytes pass a [`Tap`], which looks for the key `usage`. Its needle has the quotes on, and within a JSON string a
//! quote stands behind a backslash, so what the model writes can never be taken for it. The object behind the key is
//! copied, a few hundred bytes, and read; nothing else is. Servers say it once, in every event as a running total, or
//! once more under a name of their own (`x_groq.usage`): the last one counts.
//!
//! Sources: the usage objects of chat completions, Responses, embeddings, images and transcriptions in the types of the
//! official libraries; `prompt_cache_hit_tokens` in the API reference of `DeepSeek`.

pub mod ask;
mod class;
mod raw;
mod tap;
#[cfg(test)]
mod tests;
mod tier;
mod walk;

pub use class::Class;
pub use tap::Tap;
pub use tier::ServiceTier;

/// Tokens of one call. A part is counted in its whole too: `cached` in `input`, `reasoning` in `output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt, all of them.
    pub input: u64,
    /// Of these, what came out of the provider's cache.
    pub cached: u64,
    /// Of these, what was written into it.
    pub cache_written: u64,
    /// Of these, sound.
    pub input_audio: u64,
    /// Of these, pictures.
    pub input_image: u64,
    /// Tokens of the answer, all of them.
    pub output: u64,
    /// Of these, what the model thought and did not say.
    pub reasoning: u64,
    /// Of these, sound.
    pub output_audio: u64,
    /// Of these, pictures.
    pub output_image: u64,
    /// Of a call that is billed by its length: the length of the sound in milliseconds.
    pub audio_ms: u64,
}

impl Usage {
    /// Nothing.
    pub const NONE: Self = Self {
        input: 0,
        cached: 0,
        cache_written: 0,
        input_audio: 0,
        input_image: 0,
        output: 0,
        reasoning: 0,
        output_audio: 0,
        output_image: 0,
        audio_ms: 0,
    };

    /// The most tokens of one kind that are believed: a hundred times the largest context there is.
    pub const MOST: u64 = 1_000_000_000;

    /// Reads a usage object. None where it says nothing, or what cannot be: a negative or broken number, more than
    /// [`Usage::MOST`], a part that is larger than its whole.
    pub fn read(object: &[u8]) -> Option<Self> {
        raw::Raw::read(object).ok()?
    }

    fn is_possible(&self) -> bool {
        let parts_of_input = [self.cached, self.cache_written, self.input_audio, self.input_image];
        let parts_of_output = [self.reasoning, self.output_audio, self.output_image];
        self.input <= Self::MOST
            && self.output <= Self::MOST
            && parts_of_input.iter().all(|part| *part <= self.input)
            && parts_of_output.iter().all(|part| *part <= self.output)
    }
}
