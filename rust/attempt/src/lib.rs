//! Attempts: where a call goes, whether it is tried again, and what is learnt of the targets.
//!
//! [`run`] is the engine. It takes a target, hands it to the world's exchange, and decides what follows a failure:
//!
//! - `walk`: where the call has been and may go; `balance`: which place of a step is next;
//! - [`classify`]: what an answer or a fault means, and who is to blame; a dated table;
//! - `fit`: what cannot take a call at all, and so is never asked;
//! - `decide`: what follows, as one pure function;
//! - `health`: breakers, cooldowns and quarantines of credentials, models, endpoints and providers;
//! - [`Probes`]: which endpoints that are out are asked, outside of calls, whether they are back;
//! - `budget`, `backoff`, [`pause`], `limit`: how often, how soon and how many at once;
//! - `hedge`: when a second attempt is sent while the first is open, and what speaks against it.
//!
//! What an attempt *is* and what time is come in as a parameter, the [`World`]: sockets in the gateway, virtual time in
//! simulations. Both run the same code.
//!
//! Invariants: nothing is tried twice once the caller has seen something of an answer; that one attempt may go on from
//! what was seen ([`go_on`]) is for the caller's route to say. Each failure counts against
//! exactly one health key, or none. What an attempt holds of its target is given back however it ends; dropping the
//! future of [`run`] drops the open attempt.
//!
//! Not here: sockets (`upstream`), deadlines within an attempt (`gateway`), what a stream's end looks like (`stream`).

mod backoff;
pub mod balance;
pub mod budget;
pub mod classify;
mod decide;
mod estimate;
mod fit;
pub mod health;
pub mod hedge;
mod held;
pub mod limit;
mod outcome;
pub mod pause;
mod probes;
mod reason;
mod run;
mod state;
mod sync;
mod targets;
mod walk;
mod world;

pub use balance::hash;
pub use budget::Ratio;
pub use decide::Stop;
pub use estimate::{Estimate, Share};
pub use fit::Unfit;
pub use health::{Health, Refused, State as HealthState, Transition, Why};
pub use hedge::Against;
pub use held::{Held, Verdict};
pub use limit::Limit;
pub use outcome::{Blame, Class};
pub use probes::{Answered, Probe, Probes};
pub use reason::Reason;
pub use run::{go_on, run};
pub use state::State;
pub use targets::Targets;
pub use walk::Trail;
pub use world::{Attempt, Call, Failure, Good, Lost, Rooms, Tried, What, Won, World};

/// A number below `n` (at least 1), uniform.
type Draw<'d> = &'d mut dyn FnMut(u64) -> u64;
