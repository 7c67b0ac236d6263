//! The date, for what is dated by others or for others.

use std::time::{Duration, SystemTime};

/// Since 1970. Not for deadlines: it may be set.
#[expect(clippy::disallowed_methods, reason = "prices, and what providers say of when to come back, have dates")]
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
