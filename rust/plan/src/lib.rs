//! The compiled plan: what an operator's policy means, with nothing left to look up.
//!
//! Python lowers a policy to one canonical JSON document (`python/headgate/plan`); this crate reads it and answers one
//! question: where may a call for this model go ([`Plan::route`])? There are no defaults here: a field that is missing
//! or unknown refuses the plan, and so does a format or a hash that does not fit. Secrets appear as references only.
//!
//! References between parts are indices into the lists of [`Plan`]; [`Plan::read`] checks each once, so that nothing
//! on the path of a call has to.
//!
//! Not here: resolving secrets (`gateway`), choosing among healthy endpoints (`attempt`).

mod document;
mod keys;
mod limits;
mod near;
mod needs;
mod price;
mod ranges;
mod read;
mod resilience;
mod route;
#[cfg(test)]
mod sample;

pub use document::{
    Address, Alias, Auth, Balance, CallLog, Callers, Condition, Deployment, Drain, Egress, Endpoint, HttpLimits,
    HttpVersions, Journal, Key, KnownModel, Level, Listen, Log, Plan, Prefill, Provider, Proxy, Roots, Scheme,
    SecretRef, Share, Step, StreamUsage, TlsFiles, WhenFull, Workers,
};
pub use keys::{DigestOf, Former, KeyDigest};
pub use limits::{Budget, BudgetWindow, Dimension, Grant, Identity, Limit, Measure, Rate, Source, WhenSpent};
pub use near::near;
pub use needs::{Capability, Needs};
pub use price::{Daily, Period, Price, Rates, Tier};
pub use read::{FORMAT, Unreadable};
pub use resilience::{
    Affinity, Breaker, Hedge, HedgeAfter, OnCut, OnDisconnect, Priority, Resilience, Retry, Timeouts,
};
pub use route::{Candidate, Label, Route, Scope};
