//! How slowly a body may arrive.

use std::time::Duration;
use tokio::time::Instant;

/// The least rate of a body, in bytes per second, once it has been waited for as long as one gap may last.
/// Source: reliability.md 3.2, "HTTP hygiene": 1 KiB/s.
const MIN_RATE: u64 = 1024;

/// The waiting for one body. Only time in which somebody wanted a piece and none was there counts against the caller.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    bytes: u64,
    waited: Duration,
    waiting: Option<Instant>,
}

impl Pace {
    /// A piece came.
    pub(crate) fn came(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// None is there: when the wait for it is over. The gap counts from the first call since a piece came.
    pub(crate) fn deadline(&mut self, gap: Duration) -> Instant {
        let since = *self.waiting.get_or_insert_with(Instant::now);
        let earned = Duration::from_millis(self.bytes.saturating_mul(1000) / MIN_RATE);
        since + gap.min((gap + earned).saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const GAP: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_gap_counts_from_the_last_piece() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.deadline(GAP), start + GAP);
        advance(Duration::from_secs(9)).await;
        assert_eq!(pace.deadline(GAP), start + GAP);
        pace.came(100 * 1024);
        assert_eq!(pace.deadline(GAP), start + Duration::from_secs(19));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_given_up_though_no_gap_is_long() {
        let mut pace = Pace::default();
        let start = Instant::now();
        while Instant::now() < pace.deadline(GAP) {
            assert!(start.elapsed() < GAP * 2, "one byte each nine seconds went on for too long");
            advance((pace.deadline(GAP) - Instant::now()).min(Duration::from_secs(9))).await;
            if Instant::now() < pace.deadline(GAP) {
                pace.came(1);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_asks_does_not_count() {
        let mut pace = Pace::default();
        pace.came(1);
        advance(Duration::from_hours(1)).await;
        assert_eq!(pace.deadline(GAP), Instant::now() + GAP);
    }
}
