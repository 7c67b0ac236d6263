//! Randomness that repeats: one seed, one history. Not for secrets.
//!
//! One generator for whatever draws: the simulated provider, the load engine, worlds in virtual time, the gateway's
//! choices among equals. And the random quantities of their documents, spelled alike everywhere ([`Distribution`]).
//!
//! Not here: who draws from which stream. Each crate derives its generators from a seed in its own way, and keeps to it,
//! since that is what makes an old seed's history repeat.

mod distribution;
mod rng;

pub use distribution::Distribution;
pub use rng::{Rng, exponential, normal};
