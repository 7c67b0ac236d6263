//! Why a call went to a later step of its chain.

use crate::Class;
use crate::health::Why;
use plan::Condition;

/// What a later step answered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A step before it failed, or was out of service.
    Unavailable,
    /// One asked for fewer calls.
    RateLimited,
    /// One was too slow.
    Timeout,
    /// The prompt is too long for those before it.
    ContextTooLong,
    /// One refused the content.
    ContentFiltered,
    /// None before it can do what the call needs.
    Capability,
    /// The money for those before it is spent: the caller's, or their own.
    BudgetSpent,
}

impl Reason {
    /// All, in the order of the metrics' table.
    pub const ALL: [Self; 7] = [
        Self::Unavailable,
        Self::RateLimited,
        Self::Timeout,
        Self::ContextTooLong,
        Self::ContentFiltered,
        Self::Capability,
        Self::BudgetSpent,
    ];

    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::ContextTooLong => "context_too_long",
            Self::ContentFiltered => "content_filtered",
            Self::Capability => "capability",
            Self::BudgetSpent => "budget_spent",
        }
    }

    /// What a step's `when` has to name for it.
    pub(crate) const fn condition(self) -> Condition {
        match self {
            Self::Unavailable | Self::Capability => Condition::Unavailable,
            Self::RateLimited => Condition::RateLimited,
            Self::Timeout => Condition::Timeout,
            Self::ContextTooLong => Condition::ContextTooLong,
            Self::ContentFiltered => Condition::ContentFiltered,
            Self::BudgetSpent => Condition::BudgetSpent,
        }
    }

    /// After a failed attempt; none where no fallback helps.
    pub(crate) const fn of(class: Class) -> Option<Self> {
        match class {
            Class::Unavailable | Class::Overloaded | Class::Credential | Class::ModelDenied | Class::Weak => {
                Some(Self::Unavailable)
            }
            Class::Timeout => Some(Self::Timeout),
            Class::RateLimited | Class::QuotaSpent => Some(Self::RateLimited),
            Class::ContextTooLong => Some(Self::ContextTooLong),
            Class::ContentFiltered => Some(Self::ContentFiltered),
            Class::Good | Class::Invalid | Class::Ours | Class::HedgeLost => None,
        }
    }

    /// Where a target is out of service before it was asked.
    pub(crate) const fn of_rest(why: Why) -> Self {
        match why {
            Why::Cooldown | Why::Limit | Why::Rate => Self::RateLimited,
            Why::Budget => Self::BudgetSpent,
            _ => Self::Unavailable,
        }
    }
}
