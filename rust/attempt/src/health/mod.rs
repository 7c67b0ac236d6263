//! Health of one key: whether attempts may go there, learnt from what became of earlier ones.
//!
//! A *key* is what a failure can be blamed on: a credential, a credential with a model, an endpoint with a model, a
//! provider with a model. Each has a [`Health`], shared by all workers; an attempt holds a [`Permit`] of every key behind
//! its target and settles them when it knows how it went, or gives them back where it knows nothing.
//!
//! ```text
//!            too many in a row, too large a share, too slow              quarantine
//!   Closed ─────────────────────────────────────────────────────> Open <──────────── any
//!     ^                                                           │  ^
//!     │ 30 s                                        time is up    v  │ the probe failed: twice as long
//!   Ramping: 10 %, 25 %, 50 % <──────────────────────────────── HalfOpen: one probe
//!                                the probe was answered
//! ```
//!
//! - **Generations.** Every opening and every closing begins a new one. What an attempt of an earlier generation came to
//!   is not counted: of a hundred calls that wait while the breaker opens, all may fail, long after it has closed again.
//! - **One probe.** Whoever finds the key half-open takes the one permit; it is free again when the attempt settles
//!   or gives it back, in whatever generation that is, so that two probes are never out at once. [`Health::commit`] ends a
//!   probe at its first token: a stream's end may be minutes away.
//! - **What is counted when.** A call counts as sent when it is sent, as good at its first token (else at its end), as
//!   failed when it fails. The share of failures is taken of whichever is more, calls sent or calls decided within the
//!   window. Calls decided alone would open the breaker of a provider that has just been turned to, whose few failures
//!   come at once and whose many good answers take a minute. Calls sent alone would be blind to failures that take
//!   longer than the window, such as a deadline for the first token.
//! - **Cooldowns and quarantines** only lengthen. A cooldown (the provider asked for a pause) just ends; a quarantine
//!   (a dead credential, a missing model) ends in a probe, or early by a good answer to an attempt that began in it.
//! - **Cost.** A healthy call costs a few loads, and a locked addition each when it is sent and when it is answered. The
//!   lock is taken on failures, and by everyone for some instructions while a key is not in full service.
//!
//! Time and randomness come in as parameters. Times are the wheel's nanoseconds; one that goes backwards can prolong
//! what is in force by as much, and nothing else.
//!
//! Source of the figures: Linkerd's unified breaker (two signals; 429 counts in the share, never in a row, and fails a
//! probe; one probe; jitter of one half), Envoy's outlier detection (longer each time, less by success).
//!
//! Not here: what a failure is and who is to blame (`classify`), which target comes next (`balance`), and a lease that
//! would make it one probe for a fleet and not one for each process.

mod board;
mod breaker;
mod key;
#[cfg(test)]
mod model;
mod permit;
mod state;
#[cfg(test)]
mod tests;
mod window;

pub use board::Board;
pub use key::Health;
pub use permit::Permit;
pub use state::{Refused, Settings, Settled, State, Transition, Why};
