//! Who is behind a call, and how much of what it may use: a part of the plan document.

use serde::{Deserialize, Serialize};

/// What identifies who is behind a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Where the user stands, in the order in which the sources are looked at; the user of a key counts before them.
    pub user: Vec<Source>,
    /// The agent.
    pub agent: Vec<Source>,
    /// The session.
    pub session: Vec<Source>,
    /// The task.
    pub task: Vec<Source>,
    /// Tags: each source is a list with commas between; those of a key are added.
    pub tags: Vec<Source>,
    /// How many values of each limit are counted apart, at least 1; what comes beyond is counted together.
    pub most_values: u64,
    /// After how long without a call a value's lifetime is forgotten.
    pub forget_ms: u64,
}

/// Where an identity stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// In this header, lower case.
    Header(String),
    /// In the field `user` of the body.
    BodyUser,
}

/// What a limit or a budget is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// The virtual key, by its name.
    Key,
    /// The team of the key.
    Team,
    /// Who is behind the call; see [`Identity`].
    User,
    /// Likewise.
    Agent,
    /// Likewise.
    Session,
    /// Likewise.
    Task,
    /// Each tag of the call.
    Tag,
    /// The name that the caller asks for.
    Model,
    /// The alias that it stands for, as the policy writes it.
    Alias,
    /// The deployment that an attempt goes to.
    Deployment,
    /// The provider that an attempt goes to.
    Provider,
}

impl Dimension {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::Key,
        Self::Team,
        Self::User,
        Self::Agent,
        Self::Session,
        Self::Task,
        Self::Tag,
        Self::Model,
        Self::Alias,
        Self::Deployment,
        Self::Provider,
    ];

    /// The word in policies, metrics and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Team => "team",
            Self::User => "user",
            Self::Agent => "agent",
            Self::Session => "session",
            Self::Task => "task",
            Self::Tag => "tag",
            Self::Model => "model",
            Self::Alias => "alias",
            Self::Deployment => "deployment",
            Self::Provider => "provider",
        }
    }

    /// Whether callers say its values, so that the plan does not know them.
    pub const fn is_said(self) -> bool {
        matches!(self, Self::User | Self::Agent | Self::Session | Self::Task | Self::Tag | Self::Model)
    }

    /// Whether it is known of an attempt and not of the call.
    pub const fn is_of_target(self) -> bool {
        matches!(self, Self::Deployment | Self::Provider)
    }
}

/// How much of one thing may be used.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Stable over reloads: what was used is kept under it. Names no value; limits with the same id are on the same thing.
    pub id: String,
    /// What it is counted by; `null`: all calls together.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says all
    pub per: Option<Dimension>,
    /// The value that it is for; `null`: each that has no limit of its own under the same id.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says each
    pub value: Option<String>,
    /// What is limited, and to how much.
    pub measure: Measure,
    /// Whether calls are refused; else what would have been is counted.
    pub enforce: bool,
}

/// What a limit is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Requests in a while.
    Requests(Rate),
    /// Tokens in a while, of prompts and answers.
    Tokens(Rate),
    /// Calls at once.
    Concurrency(u64),
    /// Tokens in all, for ever.
    TotalTokens(u64),
    /// Nano-dollars in all, for ever.
    TotalNanoUsd(u64),
    /// Tokens of the prompt of one call.
    InputTokens(u64),
    /// Tokens that one call may ask for.
    OutputTokens(u64),
}

/// How fast a bucket fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How much comes in each period, at least 1.
    pub amount: u64,
    /// The period.
    pub per_ms: u64,
    /// The bucket holds what comes in so long, and at least one; at most the period.
    pub burst_ms: u64,
}

/// How much money may be spent in a window.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// As [`Limit::id`].
    pub id: String,
    /// As [`Limit::per`].
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says all
    pub per: Option<Dimension>,
    /// As [`Limit::value`].
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says each
    pub value: Option<String>,
    /// How much, in nano-dollars.
    pub nano_usd: u64,
    /// In which time.
    pub window: BudgetWindow,
    /// The time zone of its calendar, by its IANA name.
    pub time_zone: String,
    /// At which shares of it something is said; per mille, rising, at most 32.
    pub warn_permille: Vec<u32>,
    /// What happens to a call that there is no money for.
    pub when_spent: WhenSpent,
    /// As [`Limit::enforce`].
    pub enforce: bool,
}

/// From when to when a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetWindow {
    /// The hour of the calendar.
    Hour,
    /// The day.
    Day,
    /// The week, from Monday.
    Week,
    /// The month.
    Month,
    /// The last so many milliseconds.
    RollingMs(u64),
    /// For ever.
    Lifetime,
}

/// What happens to a call that there is no money for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSpent {
    /// It is refused.
    Refuse,
    /// It is refused with an id under which somebody can grant more.
    Ask,
    /// It goes to this alias (an index); the budget counts it and does not refuse it.
    Use(usize),
}

/// More money for one value in one window of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The id that the refusal named.
    pub approval: String,
    /// How much more, in nano-dollars.
    pub nano_usd: u64,
}
