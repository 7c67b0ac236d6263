//! The two clocks that limits go by, from one: a steady one that begins where the system's stood, and the system's.

use admission::Now;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::SystemTime;

/// See the module. `base_ns`: what the system's clock said when the wheel of the workers began.
#[derive(Debug)]
pub(crate) struct Clock {
    base_ns: u64,
    /// By how much the system's clock was set forwards since then, or back.
    set_ns: AtomicI64,
}

impl Clock {
    /// From now on.
    pub(crate) fn start() -> Self {
        Self { base_ns: unix_ns(), set_ns: AtomicI64::new(0) }
    }

    /// The moment at which the wheel says this.
    pub(crate) fn at(&self, wheel_ns: u64) -> Now {
        let steady_ns = self.base_ns.saturating_add(wheel_ns);
        Now { steady_ns, unix_ns: steady_ns.saturating_add_signed(self.set_ns.load(Relaxed)) }
    }

    /// Looks whether the system's clock was set. Once in a while is enough: what goes by it lasts for hours.
    pub(crate) fn look(&self, wheel_ns: u64) {
        let steady_ns = self.base_ns.saturating_add(wheel_ns);
        let set_ns = i128::from(unix_ns()) - i128::from(steady_ns);
        self.set_ns.store(i64::try_from(set_ns).unwrap_or(0), Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "windows of budgets go by the calendar")]
fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
