//! What a provider itself knows of one attempt: the other side's truth.

/// Where an attempt went, as indices into the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) provider: usize,
    /// None for a model that was named outright.
    pub(crate) deployment: Option<usize>,
    pub(crate) endpoint: usize,
    pub(crate) credential: usize,
}

/// What was really wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    /// No connection, or one that died without an answer; an answer that is none.
    Unreachable,
    /// A failure of the server: 500, 502, 503, 504.
    Broken,
    /// The provider has more than it can do.
    Overloaded,
    /// Nothing came in time.
    Silent,
    /// The call's own deadline, shorter than that of an attempt, ended it.
    NoTimeLeft,
    /// Too many requests or tokens.
    RateLimited,
    /// The quota is used up.
    QuotaSpent,
    /// The credential is dead.
    Credential,
    /// This credential cannot have this model.
    ModelDenied,
    /// The prompt is too long for the model.
    ContextTooLong,
    /// The content was refused.
    Filtered,
    /// 408, 409.
    Weak,
    /// The call itself is wrong.
    Invalid,
    /// The stream was cut, or stopped, before it was whole.
    Cut,
}

impl Cause {
    /// The word in results.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::Overloaded => "overloaded",
            Self::Silent => "silent",
            Self::NoTimeLeft => "no_time_left",
            Self::RateLimited => "rate_limited",
            Self::QuotaSpent => "quota_spent",
            Self::Credential => "credential",
            Self::ModelDenied => "model_denied",
            Self::ContextTooLong => "context_too_long",
            Self::Filtered => "filtered",
            Self::Weak => "weak",
            Self::Invalid => "invalid",
            Self::Cut => "cut",
        }
    }
}

/// How an attempt ended, as the provider saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It has not.
    Open,
    /// All was sent.
    Whole,
    /// It failed.
    Failed(Cause),
    /// The gateway went away.
    Left,
}

/// One attempt, in the provider's own books.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    pub(crate) place: Place,
    /// Which attempt of its call, from 1, as the gateway numbers them.
    pub(crate) number: u32,
    /// Whether it was sent while another attempt of its call was open.
    pub(crate) is_hedge: bool,
    pub(crate) began_ns: u64,
    /// When its first content came, or its whole answer where it was no stream.
    pub(crate) committed_ns: Option<u64>,
    pub(crate) ended_ns: u64,
    pub(crate) ending: Ending,
    /// Tokens that were sent, or made for an answer that was not sent in pieces.
    pub(crate) output_tokens: u64,
    /// What the gateway made of it, by its own word; empty: nothing, since its caller left.
    pub(crate) class: &'static str,
    /// How often the gateway said what became of it.
    pub(crate) told: u32,
}

impl Visit {
    /// An attempt that begins.
    pub(crate) const fn new(place: Place, number: u32, began_ns: u64) -> Self {
        Self {
            place,
            number,
            is_hedge: false,
            began_ns,
            committed_ns: None,
            ended_ns: began_ns,
            ending: Ending::Open,
            output_tokens: 0,
            class: "",
            told: 0,
        }
    }
}
