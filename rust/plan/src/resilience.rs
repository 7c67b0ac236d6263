//! How calls are guarded: what `resilience` of a policy, an alias's own words and a provider's breaker become.
//!
//! A part of the plan document; `python/headgate/plan/document.py` holds the twins. Shares are per mille, times are
//! milliseconds. What an alias does not say is filled up from `resilience` when the plan is made, so each
//! [`Resilience`] is complete.

use serde::{Deserialize, Serialize};

/// How the calls of one alias are guarded, or those that go through none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resilience {
    /// How long each part of a call may take.
    pub timeouts: Timeouts,
    /// How often, and after what pause, a call is tried again.
    pub retry: Retry,
    /// A second try while the first is open.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says never
    pub hedge: Option<Hedge>,
    /// What becomes of the provider's answer when the caller has left.
    pub on_disconnect: OnDisconnect,
    /// What becomes of a stream that the provider cuts after its first content.
    pub on_cut: OnCut,
    /// Whether identical calls at the same time share one.
    pub coalesce: bool,
    /// How much of a stream is kept so that a caller can take it up again with `Last-Event-ID`.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says nothing
    pub resume_bytes: Option<u64>,
    /// After how long a silence a caller that waits for a stream gets a comment.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says never
    pub keep_alive_ms: Option<u64>,
    /// Who is shed first when the gateway is full.
    pub priority: Priority,
    /// What keeps calls at one place, for its prompt cache.
    pub affinity: Affinity,
}

/// Timeouts of a call; each at least 1 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To a connection, name resolution and TLS included.
    pub connect_ms: u64,
    /// From the request sent to the first content of a stream.
    pub first_token_ms: u64,
    /// Between pieces of content of a stream.
    pub idle_ms: u64,
    /// One try that is not streamed.
    pub attempt_ms: u64,
    /// The call, when it is not streamed.
    pub total_ms: u64,
    /// The call, when it is streamed.
    pub stream_total_ms: u64,
}

/// How often, and after what pause, a call is tried again.
///
/// The pause before the retry `n` (from 0) at the same place is drawn from 0 to `min(cap, base * 2^n)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries at one deployment, the first included; at least 1.
    pub max_attempts: u32,
    /// Tries of the call over all deployments, the first included; at least 1.
    pub max_attempts_per_call: u32,
    /// The base of the pause after a failure.
    pub base_ms: u64,
    /// The base of the pause after the provider asked for fewer calls.
    pub throttled_base_ms: u64,
    /// The longest pause of our own choice.
    pub cap_ms: u64,
    /// The longest pause that a provider asks for and that is waited out; after a longer one the call goes elsewhere.
    pub wait_ms: u64,
}

/// A second try while the first is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hedge {
    /// When it starts.
    pub after: HedgeAfter,
    /// The most such tries, as a share of the calls; per mille.
    pub max_share_permille: u32,
    /// The most that attempts cost which lost, as a share of what answers cost; per mille.
    pub max_spend_permille: u32,
}

/// When a second try starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HedgeAfter {
    /// When the first takes longer to its first token than 95 % of late.
    P95,
    /// This many milliseconds after the first; at least 1.
    Ms(u64),
}

/// What becomes of the provider's answer when the caller has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// The call is cancelled at the provider.
    Cancel,
    /// The answer is read on for a while, to learn what it used.
    Drain,
    /// The answer is read to its end.
    Finish,
}

/// What becomes of a stream that the provider cuts after its first content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCut {
    /// It ends with an error.
    Error,
    /// It is continued once by another try, where that is possible.
    Continue,
}

/// Who is shed first when the gateway is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Last.
    Normal,
    /// First.
    Low,
}

/// What keeps calls at one place, for its prompt cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Affinity {
    /// Nothing.
    Off,
    /// That they belong to one session.
    Session,
    /// That their prompts begin alike.
    Prefix,
}

/// When what is blamed for failures is left out for a while. It is the provider's, since aliases share what is blamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// It opens after this many failures in a row; at least 1.
    pub consecutive: u32,
    /// It opens when at least this share of a window's calls failed; 1 to 1000.
    pub ratio_permille: u32,
    /// A first token after this long counts as slow.
    pub slow_first_token_ms: u64,
    /// It opens when at least this share of a window's calls were slow; 1 to 1000.
    pub slow_permille: u32,
    /// How far back the shares look; at least 10 ms.
    pub window_ms: u64,
    /// The shares count from this many calls in a window on; at least 1.
    pub min_calls: u32,
    /// How long it is open the first time; twice as long each time that a probe fails.
    pub open_ms: u64,
    /// The longest time that it is open at once.
    pub open_cap_ms: u64,
    /// While it is open, how often its endpoint is asked, outside of calls, whether it is back.
    #[serde(deserialize_with = "Option::deserialize")] // absent is refused: only `null` says never
    pub probe_ms: Option<u64>,
}
