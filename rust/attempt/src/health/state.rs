//! The words of a key's health.

/// When a key is taken out, and for how long. Times in nanoseconds, shares per mille.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures in a row that open the breaker; 0: never.
    pub consecutive: u32,
    /// Share of failures that opens it; 0: never.
    pub ratio_permille: u32,
    /// A first token that takes longer is slow; 0: none is.
    pub slow_first_token_ns: u64,
    /// Share of slow first tokens that opens it; 0: never.
    pub slow_permille: u32,
    /// Time over which shares are taken. It moves by tenths, so between 9/10 of it and all of it counts.
    pub window_ns: u64,
    /// Calls in the window below which no share is taken.
    pub min_calls: u32,
    /// How long the first opening lasts; doubles with each that follows, give or take half.
    pub open_ns: u64,
    /// The longest opening, before half of it is added or taken away at random.
    pub open_cap_ns: u64,
}

/// What a key's health comes to at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// In full service.
    Closed,
    /// In service again, for a share of what it would be given.
    Ramping {
        /// The share: 100, 250 or 500.
        permille: u32,
    },
    /// Out until a probe is answered; the next attempt is the probe.
    HalfOpen,
    /// Out.
    Open {
        /// When to ask again. An estimate where a probe is out.
        until_ns: u64,
        /// For what.
        why: Why,
    },
}

impl State {
    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Ramping { .. } => "ramping",
            Self::HalfOpen => "half_open",
            Self::Open { .. } => "open",
        }
    }
}

/// Why a key is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Failures in a row.
    Consecutive,
    /// Too large a share of failures; better than nothing where all others are out.
    Ratio,
    /// Too large a share of slow first tokens; likewise.
    Slow,
    /// The provider asked for a pause.
    Cooldown,
    /// The credential is refused, or the model is not there.
    Quarantine,
    /// On trial: a probe is out or has failed, or the ramp let another call in.
    Probe,
    /// The adaptive limit of open calls is reached. Said by `limit`, of a target; never of a health key.
    Limit,
    /// As much as the policy lets a target be asked. Said from outside, of a target.
    Rate,
    /// The money is spent that the policy has for a target. Likewise.
    Budget,
}

impl Why {
    /// The word in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consecutive => "consecutive",
            Self::Ratio => "ratio",
            Self::Slow => "slow",
            Self::Cooldown => "cooldown",
            Self::Quarantine => "quarantine",
            Self::Probe => "probe",
            Self::Limit => "limit",
            Self::Rate => "rate",
            Self::Budget => "budget",
        }
    }
}

/// No permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When to ask again. An estimate where a probe is out.
    pub until_ns: u64,
    /// For what.
    pub why: Why,
}

impl Refused {
    /// The one that is over sooner.
    pub(crate) fn sooner(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        [one, other].into_iter().flatten().min_by_key(|refused| refused.until_ns)
    }
}

/// What an attempt says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was answered well.
    Success {
        /// How long the first token took, where there is such a thing.
        first_token_ns: Option<u64>,
    },
    /// It failed, and this key is to blame.
    Failure,
    /// Too many requests: counts in the share of failures, never in a row; fails a probe.
    RateLimited,
    /// Nothing: it failed for another's fault, or was given up.
    Nothing,
}

/// A change of service, for metrics and the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Taken out, for what [`State::Open`] says from then on; again, where it was out before and its probe failed.
    Opened(Why),
    /// In service again, beginning with a small share.
    Closed,
}
