//! The wall clock. The simulator is a program of its own beside the gateway, so it has its own.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
#[allow(clippy::disallowed_methods, reason = "the one place where the simulator reads the wall clock")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Now, in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
