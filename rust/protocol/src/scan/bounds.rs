//! How much of an answer a body asks for.

/// One number that bounds an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// `max_tokens`, `max_completion_tokens`, `max_output_tokens`.
    Tokens,
    /// `n`.
    Answers,
}

/// How much of an answer is asked for, as far as the body says; a number that is not whole, or below 0, says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// The most tokens of one answer, in any spelling; of several the largest.
    pub tokens: Option<u64>,
    /// How many answers.
    pub answers: Option<u64>,
}

impl Bounds {
    pub(super) fn note(&mut self, bound: Bound, amount: u64) {
        let noted = match bound {
            Bound::Tokens => &mut self.tokens,
            Bound::Answers => &mut self.answers,
        };
        *noted = (*noted).max(Some(amount));
    }
}
