//! The stages in order, and their life: start, reload, drain.
//!
//! [`Gateway::start`] takes a plan and serves it: one thread per worker, each with its own event loop, listening socket
//! and connections to providers, and one thread for ops. `serve.rs` is the path of a call, `call.rs` its longer half; it reads like the picture in
//! the README. Workers share the compiled plan, which is swapped whole, and counters that each writes alone.
//!
//! Not here: any rule of a stage. What this crate decides is order, and when things begin and end.

mod able;
mod accounts;
mod affinity;
mod body;
mod books;
mod call;
mod clock;
mod coalesce;
mod compiled;
mod drain;
mod exchange;
mod explain;
mod go_on;
mod in_process;
mod judge;
mod lifecycle;
mod limits;
mod local;
mod open;
mod ops;
mod overload;
mod probes;
mod reply;
mod resume;
mod secrets;
mod serve;
mod settle;
mod shared;
mod signals;
mod snapshot;
mod spending;
mod start_error;
mod tariff;
mod together;
mod wall;
mod watch_file;
mod within;
mod worker;

pub use explain::explain;
pub use in_process::InProcess;
pub use lifecycle::{Event, Gateway};
pub use secrets::{Finding, findings, key_digest};
pub use start_error::StartError;
pub use watch_file::FileWatch;

/// The version of headgate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
