//! What limits and budgets know, over the end of a process.
//!
//! The journal says what each call used, so the accounts are what comes of counting it from its beginning. So that a
//! start need not do that, a checkpoint stands beside the journal: the accounts as of a position, and the calls that
//! were open there ([`file`]). A start takes it up and counts what was written since ([`fold`]), by the code that counts
//! calls while they are served ([`tally`]). What a killed process had sent and never settled is settled then, once, with
//! what was reserved for it, and written down like anything else ([`recover`]): whoever reads the journal sees the same.
//!
//! While calls are served a thread makes a new checkpoint whenever much of the journal stands behind the last one
//! ([`keep`]): it goes the way that a start goes, from files to a file, and touches nothing that calls need.
//!
//! A limit counts from when it came into force, here as in a process that goes on; that moment is noted before the plan
//! that has it takes effect ([`since`]).

mod file;
mod fold;
mod keep;
mod open;
mod recover;
mod since;
mod start;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use keep::Keep;
pub(crate) use start::start;
