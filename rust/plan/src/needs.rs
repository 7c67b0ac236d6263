//! What a call needs of a model besides plain text, and what a deployment is said to be able to do.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that a model can do or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Calling tools, or functions as they were once called.
    Tools,
    /// Images in a prompt.
    Images,
    /// Sound in a prompt or in an answer.
    Audio,
    /// Files in a prompt.
    Files,
    /// An answer that fits a JSON Schema.
    JsonSchema,
    /// Being told how to think.
    Reasoning,
}

impl Capability {
    /// All.
    pub const ALL: [Self; 6] = [Self::Tools, Self::Images, Self::Audio, Self::Files, Self::JsonSchema, Self::Reasoning];

    /// The word in policies and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Files => "files",
            Self::JsonSchema => "json_schema",
            Self::Reasoning => "reasoning",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of capabilities that a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs(u8);

impl Needs {
    /// Plain text and nothing else.
    pub const NONE: Self = Self(0);

    /// Whether plain text will do.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// One more.
    pub const fn add(&mut self, capability: Capability) {
        self.0 |= capability.bit();
    }

    /// The same with all of another set.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What of this is not among `capabilities`; nothing where none are stated.
    #[must_use]
    pub fn beyond(self, capabilities: Option<&[Capability]>) -> Self {
        let Some(capabilities) = capabilities else { return Self::NONE };
        Self(capabilities.iter().fold(self.0, |lacking, capability| lacking & !capability.bit()))
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(move |capability| self.0 & capability.bit() != 0)
    }
}

impl FromIterator<Capability> for Needs {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        let mut needs = Self::NONE;
        capabilities.into_iter().for_each(|capability| needs.add(capability));
        needs
    }
}

/// `images, tools and audio`.
impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(Capability::name).collect();
        match names.as_slice() {
            [] => f.write_str("nothing"),
            [only] => f.write_str(only),
            [first @ .., last] => write!(f, "{} and {last}", first.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_beyond_a_statement_is_what_it_does_not_name() {
        let needs: Needs = [Capability::Tools, Capability::Images, Capability::Audio].into_iter().collect();
        let lacks = |capabilities: &[Capability]| needs.beyond(Some(capabilities)).to_string();
        assert_eq!(needs.beyond(None), Needs::NONE, "nothing is stated, so anything is taken");
        assert_eq!(lacks(&[]), "tools, images and audio");
        assert_eq!(lacks(&[Capability::Images, Capability::Files]), "tools and audio");
        assert_eq!(lacks(&Capability::ALL), "nothing");
        assert_eq!(Needs::NONE.beyond(Some(&[])), Needs::NONE);
    }

    #[test]
    fn a_word_is_the_one_that_a_plan_holds() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).expect("writable"), capability.name());
        }
    }
}
