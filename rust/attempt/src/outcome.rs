//! What became of an attempt, as far as what to do next is concerned, and who is to blame.

/// What became of an attempt. Source of the distinctions: the providers' own lists of errors; the table is in `classify`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A good answer.
    Good,
    /// The provider failed or could not be reached: 500, 502, 503, 504, a reset, TLS, DNS, a stream that was cut.
    Unavailable,
    /// The provider says that it is overloaded: 529, or a 503 that speaks of capacity.
    Overloaded,
    /// The provider was too slow: a deadline of one attempt passed.
    Timeout,
    /// Too many requests or tokens in a while: waiting helps.
    RateLimited,
    /// A quota or a spending limit is used up: waiting a moment does not help.
    QuotaSpent,
    /// The credential is refused, disabled or not paid for.
    Credential,
    /// This credential may not use this model, or the provider does not have it.
    ModelDenied,
    /// The prompt does not fit into the model's context.
    ContextTooLong,
    /// The provider refused the content.
    ContentFiltered,
    /// 408, 409: worth one more try.
    Weak,
    /// The call itself is wrong: the same everywhere.
    Invalid,
    /// Ours: the caller left, the gateway stopped, its own deadline or rule ended the attempt.
    Ours,
    /// Ours too: another attempt of the call, sent while this one was open, was first. It is cancelled.
    HedgeLost,
}

impl Class {
    /// All, in the order of the metrics' table.
    pub const ALL: [Self; 14] = [
        Self::Good,
        Self::Unavailable,
        Self::Overloaded,
        Self::Timeout,
        Self::RateLimited,
        Self::QuotaSpent,
        Self::Credential,
        Self::ModelDenied,
        Self::ContextTooLong,
        Self::ContentFiltered,
        Self::Weak,
        Self::Invalid,
        Self::Ours,
        Self::HedgeLost,
    ];

    /// The word in metrics, logs and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::QuotaSpent => "quota_spent",
            Self::Credential => "credential",
            Self::ModelDenied => "model_denied",
            Self::ContextTooLong => "context_too_long",
            Self::ContentFiltered => "content_filtered",
            Self::Weak => "weak",
            Self::Invalid => "invalid",
            Self::Ours => "ours",
            Self::HedgeLost => "hedge_lost",
        }
    }
}

/// Whose health an attempt counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Nobody's: the caller's own doing, or ours.
    Nobody,
    /// The credential, with whatever model.
    Credential,
    /// The credential with this model.
    CredentialModel,
    /// The endpoint with this model.
    EndpointModel,
    /// The provider with this model, at all its endpoints.
    ProviderModel,
}

impl Blame {
    /// The word in logs and headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Credential => "credential",
            Self::CredentialModel => "credential_model",
            Self::EndpointModel => "endpoint_model",
            Self::ProviderModel => "provider_model",
        }
    }
}
