//! A fleet in virtual time: what a policy does in a bad hour, found out in a second.
//!
//! Replicas of the gateway meet simulated providers, and callers who come at random. The order of attempts is the data
//! plane's own: [`attempt::run`] with its breakers, budgets and limits, unchanged, since it takes its clock, its dice and
//! the exchange as parameters. What is simulated is what stands around it: time jumps from event to event, providers
//! have places, limits, latencies and faults, callers have patience.
//!
//! ```text
//!  arrivals ─> caller ─> call ──> attempt::run ──> world::exchange ─> provider ─> reply
//!                 │        │                             │ books            │
//!                 └────────┴──> tally, oracle <──────────┴──────────────────┘
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `executor` | tasks, timers, queues in virtual time |
//! | `scenario`, `job`, `rng` | what happens, as a document; chance that repeats |
//! | `provider`, `visit`, `book` | what providers do, and what they write down |
//! | `fleet`, `arrivals`, `caller`, `call`, `world`, `reply` | one world, from a caller's arrival to the end of its answer |
//! | `probing` | what replicas ask outside of calls |
//! | `tally` | figures, and the timeline |
//! | `oracle`, `planted` | what must hold in every world; faults that show that each rule can fail |
//! | `running`, `report` | many worlds on several threads, and what is told |
//!
//! Invariants:
//! - One plan, one scenario and one seed have one history, on any machine of one kind, on any number of threads.
//! - Callers, and what providers do with their n-th attempt, are drawn from streams of their own: two plans under one
//!   seed meet the same callers, so their difference is the policies'.
//! - The oracle shares no code with what it checks; it reads what providers wrote down.
//!
//! Not here: sockets, bytes and parsing (the simulated provider `sim` and `tests/chaos` play the same faults on real
//! connections), admission, translation, the CPU that a gateway takes, and the network between replicas. A call costs
//! the gateway no time here.

mod arrivals;
mod book;
mod call;
mod caller;
mod executor;
mod fleet;
mod job;
mod oracle;
mod planted;
mod probing;
mod provider;
mod reply;
mod report;
mod rng;
mod running;
#[cfg(test)]
mod sample;
mod scenario;
mod tally;
mod time;
mod visit;
mod world;

pub use job::Job;
pub use planted::Planted;
pub use running::{Running, start};
pub use scenario::{CallKind, Capacity, Condition, Distribution, ProviderKind, RatePoint, Rule, Scenario};
