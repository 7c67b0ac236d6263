//! What a call is expected to use, and what it has used.

/// What an amount of tokens costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Of what the caller has stated: its prompt, and the answer that it allows. In nano-dollars.
    pub least_nano_usd: u64,
    /// With what is guessed of an answer whose length it does not bound.
    pub most_nano_usd: u64,
}

/// What a call is expected to use, before it is sent. An estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// Whether the caller bounds its answer, so that the number is not a guess.
    pub is_bounded: bool,
    /// What that costs at the dearest place where the call may go; none where no price is known.
    pub cost: Option<Cost>,
}

impl Ask {
    /// All tokens.
    pub const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// The tokens that the caller has stated.
    pub(super) const fn least_tokens(&self) -> u64 {
        if self.is_bounded { self.tokens() } else { self.input_tokens }
    }

    /// The same as if it had been used.
    pub fn used(&self) -> Used {
        Used { tokens: self.tokens(), nano_usd: self.cost.map(|cost| cost.most_nano_usd) }
    }
}

/// What an attempt has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Tokens of prompt and answer.
    pub tokens: u64,
    /// What they cost; none where the price is not known.
    pub nano_usd: Option<u64>,
}

impl Used {
    /// This and something more. The cost of both is what is known of it; none where nothing is.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        let nano_usd = match (self.nano_usd, more.nano_usd) {
            (None, None) => None,
            (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
        };
        Self { tokens: self.tokens.saturating_add(more.tokens), nano_usd }
    }
}
