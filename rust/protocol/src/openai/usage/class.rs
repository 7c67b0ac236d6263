//! Tokens by what they are billed as.

use super::Usage;

/// What tokens are billed as. Each token of a call is of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Of the prompt, what none of the others is.
    Input,
    /// Of the prompt, from the provider's cache.
    CacheRead,
    /// Of the prompt, into it.
    CacheWrite,
    /// Of the prompt, sound.
    InputAudio,
    /// Of the prompt, pictures.
    InputImage,
    /// Of the answer, what none of the others is.
    Output,
    /// Of the answer, what the model thought and did not say.
    Reasoning,
    /// Of the answer, sound.
    OutputAudio,
    /// Of the answer, pictures.
    OutputImage,
}

impl Class {
    /// All, in the order of [`Usage::by_class`].
    pub const ALL: [Self; 9] = [
        Self::Input,
        Self::CacheRead,
        Self::CacheWrite,
        Self::InputAudio,
        Self::InputImage,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
    ];

    /// The word in metrics, logs and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::InputAudio => "input_audio",
            Self::InputImage => "input_image",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
        }
    }
}

impl Usage {
    /// All tokens.
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// The tokens of each class, in the order of [`Class::ALL`]; together as many as there are.
    ///
    /// Sound or a picture that came from the cache is counted twice by its provider, which does not say how much of it
    /// did: it is taken to be from the cache.
    pub fn by_class(&self) -> [u64; Class::ALL.len()] {
        let Self { input, cached, cache_written, input_audio, input_image, .. } = *self;
        let Self { output, reasoning, output_audio, output_image, .. } = *self;
        let mut rest = input;
        let [read, written, heard, seen] = [cached, cache_written, input_audio, input_image].map(|part| {
            let part = part.min(rest);
            rest -= part;
            part
        });
        let text = rest;
        rest = output;
        let [thought, spoken, drawn] = [reasoning, output_audio, output_image].map(|part| {
            let part = part.min(rest);
            rest -= part;
            part
        });
        [text, read, written, heard, seen, rest, thought, spoken, drawn]
    }
}
