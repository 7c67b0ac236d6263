//! What a provider does to a call on trial, in the words of conditions and classes.

use attempt::classify::{self, Signal};
use attempt::{Blame, Class, Why};
use fault::Kind;

/// One word, and what happens.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) word: &'static str,
    pub(super) does: Does,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    /// No connection is to be had.
    Refuses,
    /// An error comes at once.
    Answers(Error),
    /// Nothing comes.
    Silent,
    /// The answer begins later than a breaker calls slow.
    Late,
    /// The answer begins, and breaks off.
    Cut,
    /// It is not asked: what the policy has for it is used up.
    NoRoom(Why),
}

/// An error as a provider writes it; the words are OpenAI's, which each dialect's table knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Error {
    pub(super) status: u16,
    pub(super) code: &'static str,
    kind: &'static str,
    message: &'static str,
}

impl Error {
    /// What this means of a provider with that name in the catalogue.
    pub(super) fn means(&self, provider: &str) -> (Class, Blame) {
        let Self { status, code, kind, message } = *self;
        classify::of_answer(&Signal { provider, status, code, kind, message })
    }
}

const fn answers(word: &'static str, status: u16, code: &'static str, [kind, message]: [&'static str; 2]) -> Outcome {
    Outcome { word, does: Does::Answers(Error { status, code, kind, message }) }
}

const fn does(word: &'static str, does: Does) -> Outcome {
    Outcome { word, does }
}

const INVALID: &str = "invalid_request_error";

/// All words.
pub(super) static OUTCOMES: [Outcome; 16] = [
    does("down", Does::Refuses),
    answers("unavailable", 500, "server_error", ["server_error", "The server had an error."]),
    answers("overloaded", 529, "", ["overloaded_error", "Overloaded."]),
    answers("rate_limited", 429, "rate_limit_exceeded", ["requests", "Rate limit reached."]),
    answers("quota_spent", 429, "insufficient_quota", ["insufficient_quota", "You exceeded your quota."]),
    answers("credential", 401, "invalid_api_key", [INVALID, "Incorrect API key."]),
    answers("model_denied", 404, "model_not_found", [INVALID, "There is no such model for this key."]),
    answers("context_too_long", 400, "context_length_exceeded", [INVALID, "The input is too long."]),
    answers("content_filtered", 400, "content_filter", [INVALID, "The content was refused."]),
    answers("weak", 409, "", [INVALID, "The resource was changed by another request."]),
    answers("invalid", 400, "invalid_value", [INVALID, "Invalid value in the request."]),
    does("timeout", Does::Silent),
    does("slow", Does::Late),
    does("cut", Does::Cut),
    does("over_rate", Does::NoRoom(Why::Rate)),
    does("over_budget", Does::NoRoom(Why::Budget)),
];

impl Does {
    /// The fault behind what no answer tells.
    pub(super) const fn fault(self) -> Option<Kind> {
        match self {
            Self::Refuses => Some(Kind::ConnectFailed),
            Self::Cut => Some(Kind::StreamCut),
            Self::Answers(_) | Self::Silent | Self::Late | Self::NoRoom(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names in the catalogue.
    const KINDS: [&str; 20] = [
        "",
        "openai",
        "azure_openai",
        "anthropic",
        "gemini",
        "vertex",
        "bedrock",
        "cohere",
        "mistral",
        "groq",
        "together",
        "fireworks",
        "openrouter",
        "deepseek",
        "xai",
        "perplexity",
        "nvidia",
        "vllm",
        "ollama",
        "sim",
    ];

    #[test]
    fn a_word_that_is_a_class_means_that_class_at_every_provider() {
        let mut seen = 0;
        for outcome in &OUTCOMES {
            let Does::Answers(error) = outcome.does else { continue };
            for kind in KINDS {
                assert_eq!(error.means(kind).0.name(), outcome.word, "{} at `{kind}`", outcome.word);
                seen += 1;
            }
        }
        assert_eq!(seen, 10 * KINDS.len());
    }

    #[test]
    fn each_class_that_an_answer_can_have_has_its_word() {
        let told = |class: Class| OUTCOMES.iter().any(|outcome| outcome.word == class.name());
        let missing: Vec<_> = Class::ALL.into_iter().filter(|class| !told(*class)).collect();
        assert_eq!(missing, [Class::Good, Class::Ours, Class::HedgeLost]);
    }
}
