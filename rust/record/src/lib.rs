//! What is known of one call, and where that knowledge goes.
//!
//! A [`Record`] is opened before a call is admitted and closed, by name, when its last byte has gone or its failure is
//! decided. Closing adds to the worker's meters and may write a log line; nothing else observes a call. Each worker
//! owns its meters: it adds with a plain load and store, and the scrape sums over workers, so that counting never
//! shares a cache line between cores.
//!
//! [`Stages`] say where a call's time goes, when somebody asks; see `stages.rs` for what that costs when nobody does.
//!
//! [`Wheel`] is the clock that stages receive instead of reading one: nanoseconds since start, and coarse alarms.
//!
//! Each attempt has a [`Charge`]: what it used and costs. It is counted when the call is closed, since the usage of an
//! answer stands at its end.
//!
//! A [`Book`] is where a worker's calls are written down: what a killed process must not forget.
//!
//! Not here: the journal's files, and prices; how metrics are written on a socket (`gateway`).

mod book;
mod call;
mod charge;
mod clock;
mod continued;
mod hold;
mod identity;
mod log;
mod meter;
mod metrics;
mod spent;
mod stages;
mod wheel;

pub use book::{Book, Identity};
pub use call::{Attempt, Borrowed, Outcome, Record, RequestId, RequestIds};
pub use charge::{Basis, Charge, usd};
pub use continued::Continued;
pub use hold::{Hold, Settled};
pub use identity::Identified;
pub use log::{Lines, Style, Wants, event};
pub use meter::{Counter, Gauge, Histogram};
pub use metrics::{
    AttemptSeries, CallSeries, Family, Kind as FamilyKind, LimitSeries, Meters, Sample, Value, Words, families,
};
pub use stages::{Profile, Stage, StageRow, Stages, profile};
pub use wheel::{Alarm, Wheel};
