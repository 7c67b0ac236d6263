//! As much as the gateway takes: open calls, open streams, bytes of bodies. What is too much is refused at once, calls
//! before their body is read, so that what is open already is served well. Ops are never refused.
//!
//! Limits are of the process and workers share no counter. Each worker may fill an equal share of a limit without looking
//! at the others; only beyond its share does it add up what all of them have.

use crate::call::Lost;
use crate::serve::Server;
use crate::shared::Shared;
use fault::{Fault, Kind};
use plan::{HttpLimits, Priority};
use record::{Gauge, Meters};
use std::sync::Arc;

/// Calls of low priority are refused from this share of `http.max_calls` on, in tenths.
const LOW_TENTHS: u64 = 8;
const SECOND: u64 = 1_000_000_000;

impl Server {
    /// Refuses a call, which is counted as open already, when too many are.
    pub(crate) fn has_room(&self, limits: &HttpLimits) -> Result<(), Lost> {
        let max = u64::from(limits.max_calls);
        if self.is_over(|meters| &meters.in_flight, 0, max) {
            Err(self.full("calls are open", "max_calls"))
        } else {
            Ok(())
        }
    }

    /// The same, once it is known what kind of call it is.
    pub(crate) fn has_room_for(&self, limits: &HttpLimits, streamed: bool, priority: Priority) -> Result<(), Lost> {
        let low = u64::from(limits.max_calls) * LOW_TENTHS / 10;
        if priority == Priority::Low && self.is_over(|meters| &meters.in_flight, 0, low) {
            return Err(self.full("calls are open, and this one has low priority", "max_calls"));
        }
        // The call is not counted among the streams before its answer begins.
        if streamed && self.is_over(|meters| &meters.streams, 1, limits.max_streams.into()) {
            return Err(self.full("streams are open", "max_streams"));
        }
        Ok(())
    }

    /// Counts the bytes of a body that is going to be held.
    pub(crate) fn hold(&self, limits: &HttpLimits, length: Option<u64>) -> Result<Held<'_>, Lost> {
        let bytes = length.unwrap_or(0);
        let max = limits.max_buffered_bytes.unwrap_or(self.shared.usual_buffer);
        // What is kept of answers counts as well.
        if self.is_over(|meters| &meters.buffered, bytes + self.shared.stock.bytes(), max) {
            return Err(self.full("bodies are held", "max_buffered"));
        }
        let mut held = Held { meters: &self.meters, bytes: 0 };
        held.set(bytes);
        Ok(held)
    }

    fn is_over(&self, gauge: fn(&Meters) -> &Gauge, more: u64, max: u64) -> bool {
        let workers = &self.shared.workers;
        let of = |meters: &Meters| u64::try_from(gauge(meters).read()).unwrap_or(0);
        let share = max.div_ceil(workers.len() as u64);
        of(&self.meters) + more > share && workers.iter().map(|worker| of(&worker.meters)).sum::<u64>() + more > max
    }

    /// The refusal, with a time to come back that is not the same for all.
    fn full(&self, what: &str, setting: &str) -> Lost {
        let sentence = format!("The gateway is full: too many {what} (`http.{setting}`); send the call again later");
        let pause_ns = Some(SECOND + self.local.draw(2 * SECOND));
        Lost { fault: Fault::new(Kind::Overloaded, sentence), again: None, pause_ns }
    }
}

impl Shared {
    /// Whether what was read of an answer may be kept.
    pub(crate) fn has_room_to_keep(&self) -> bool {
        let max = self.compiled.load().plan.http.max_buffered_bytes.unwrap_or(self.usual_buffer);
        let bodies = self.workers.iter().map(|worker| u64::try_from(worker.meters.buffered.read()).unwrap_or(0));
        bodies.sum::<u64>() + self.stock.bytes() <= max
    }
}

/// Bytes of one body, counted while it is held.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    meters: &'a Meters,
    bytes: u64,
}

impl Held<'_> {
    /// So many in truth.
    pub(crate) fn set(&mut self, bytes: u64) {
        let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        self.meters.buffered.add(signed(bytes) - signed(self.bytes));
        self.bytes = bytes;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Bytes of a body that was let in, counted for as long as it is kept after its call has been sent.
#[derive(Debug)]
pub(crate) struct Kept {
    meters: Arc<Meters>,
    bytes: i64,
}

impl Kept {
    /// From now on.
    pub(crate) fn new(meters: &Arc<Meters>, bytes: usize) -> Self {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        meters.buffered.add(bytes);
        Self { meters: Arc::clone(meters), bytes }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.meters.buffered.add(-self.bytes);
    }
}

/// What bodies may hold where the policy does not say: a quarter of the memory that the cgroup allows, else 1 GiB.
pub(crate) fn usual_buffer() -> u64 {
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    limit.and_then(|limit| limit.trim().parse::<u64>().ok()).map_or(1 << 30, |limit| limit / 4)
}
