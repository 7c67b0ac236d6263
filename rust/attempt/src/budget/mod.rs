//! How much may be tried again. A retry is made only if both budgets pay for it.
//!
//! [`Bucket`], one per endpoint, stops retries at a place that does nothing but fail, within a few calls, and lets them
//! back in as first tries succeed. [`Ratio`], one per provider, bounds the extra load over time: where a fleet retries
//! one call in ten, ten replicas do so together without a word between them. The first answers "is it of use here?", the
//! second "what does it cost those who are struggling?".

mod bucket;
mod ratio;

pub use bucket::{Bucket, Cost};
pub use ratio::Ratio;
