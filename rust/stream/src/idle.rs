//! Since when a stream has brought no content.

use fault::Kind;

/// How long a stream may go on with signs of life alone (comments, pings, empty deltas), whatever `timeouts.idle` says.
/// A provider that hangs behind a proxy of its own looks just so, and would for ever.
const PINGS_CAP_NS: u64 = 300_000_000_000;

/// When a stream has been without content for too long. Moments and times in nanoseconds of the wheel.
///
/// Telling content from the rest costs a walk over the event, so a stream is taken at its word for a little while
/// ([`Idle::slack`], a 64th of the limit) after content was last seen. A stream is given up at most that much too late
/// and never too early.
#[derive(Debug)]
pub(crate) struct Idle {
    first_by: u64,
    limit: u64,
    /// When the first content came.
    first_at: Option<u64>,
    /// When content was last seen, among the events that were looked at.
    seen_at: u64,
    /// Something came since then, and was no content.
    pinged: bool,
}

impl Idle {
    /// The first content must have come by `first_by`, and each other within `limit` of the one before.
    pub(crate) const fn new(first_by: u64, limit: u64) -> Self {
        Self { first_by, limit, first_at: None, seen_at: 0, pinged: false }
    }

    /// Whether what comes now must be looked at.
    pub(crate) const fn is_stale(&self, now: u64) -> bool {
        now.saturating_sub(self.seen_at) > self.slack()
    }

    /// Content was seen. Returns whether the deadline may have come nearer by that.
    pub(crate) fn content(&mut self, now: u64) -> bool {
        let is_first = self.first_at.is_none();
        self.first_at.get_or_insert(now);
        self.seen_at = now;
        self.pinged = false;
        is_first
    }

    /// What came was looked at, and is no content. Returns whether the deadline may have come nearer by that.
    pub(crate) const fn ping(&mut self) -> bool {
        !std::mem::replace(&mut self.pinged, true)
    }

    /// When the first content came.
    pub(crate) const fn first_at(&self) -> Option<u64> {
        self.first_at
    }

    /// When it is enough, and of what.
    pub(crate) fn deadline(&self) -> (u64, Kind) {
        if self.first_at.is_none() {
            return (self.first_by, Kind::FirstTokenTimeout);
        }
        let cap = if self.pinged { PINGS_CAP_NS } else { u64::MAX };
        let limit = self.limit.min(cap).saturating_add(self.slack());
        (self.seen_at.saturating_add(limit), Kind::IdleTimeout)
    }

    const fn slack(&self) -> u64 {
        self.limit / 64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_silence_may_be_longer_than_pings_are_believed() {
        let mut idle = Idle::new(S, 900 * S);
        idle.content(0);
        assert_eq!(idle.deadline().0, 900 * S + 900 * S / 64);
        idle.ping();
        assert_eq!(idle.deadline().0, 300 * S + 900 * S / 64);
        idle.content(10 * S);
        assert_eq!(idle.deadline().0, 910 * S + 900 * S / 64);
        let mut short = Idle::new(S, 60 * S);
        short.content(0);
        let before = short.deadline();
        short.ping();
        assert_eq!(short.deadline(), before, "the cap never lengthens anything");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn a_stream_is_given_up_after_the_limit_and_at_most_a_64th_later(
            limit in 1..400 * S,
            gaps in prop::collection::vec((0..500 * S, any::<bool>()), 1..40),
        ) {
            let mut idle = Idle::new(u64::MAX, limit);
            idle.content(0);
            let (mut now, mut content_at) = (0, 0);
            for (gap, content) in gaps {
                now += gap;
                // By the definition, with each event looked at.
                let exact = content_at + limit;
                let deadline = idle.deadline().0;
                let capped = deadline < exact;
                prop_assert!(!capped || limit > PINGS_CAP_NS, "never too early");
                prop_assert!(deadline <= exact + limit / 64, "never much too late");
                if now >= deadline {
                    break;
                }
                if content {
                    content_at = now;
                }
                if idle.is_stale(now) {
                    let _nearer = if content { idle.content(now) } else { idle.ping() };
                }
            }
        }
    }
}
