//! Counts by the second.

use crate::time::SECOND;
use std::collections::HashSet;

/// One second. Callers count where they arrived, calls and attempts where they began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Second {
    pub(crate) offered: u32,
    pub(crate) good: u32,
    pub(crate) failed: u32,
    pub(crate) left: u32,
    pub(crate) calls: u32,
    pub(crate) retries: u32,
    opened: u32,
    closed: u32,
    /// Health keys out of service at its end, over all replicas; only of seconds in which that changed.
    out: Option<u32>,
}

/// All seconds.
pub(crate) struct Timeline {
    seconds: Vec<Second>,
    providers: usize,
    /// A row of one number for each provider, second by second.
    attempts: Vec<u32>,
    /// By second of arrival.
    first_tokens: Vec<(u32, u32)>,
    out: HashSet<(usize, String)>,
}

impl Timeline {
    /// Room for so many seconds; there is more where it is needed.
    pub(crate) fn new(providers: usize, seconds: usize) -> Self {
        Self {
            seconds: vec![Second::default(); seconds],
            providers,
            attempts: vec![0; seconds * providers],
            first_tokens: Vec::new(),
            out: HashSet::new(),
        }
    }

    fn index(&mut self, at_ns: u64) -> usize {
        let index = usize::try_from(at_ns / SECOND).unwrap_or(0);
        if index >= self.seconds.len() {
            self.seconds.resize(index + 1, Second::default());
            self.attempts.resize((index + 1) * self.providers, 0);
        }
        index
    }

    /// The second of a time.
    pub(crate) fn at(&mut self, at_ns: u64) -> &mut Second {
        let index = self.index(at_ns);
        &mut self.seconds[index]
    }

    /// A call was open.
    pub(super) fn open(&mut self, opened_ns: u64, ended_ns: u64) {
        self.at(opened_ns).opened += 1;
        self.at(ended_ns).closed += 1;
    }

    /// An attempt at a provider.
    pub(super) fn attempt(&mut self, at_ns: u64, provider: usize, is_retry: bool) {
        let index = self.index(at_ns);
        self.seconds[index].retries += u32::from(is_retry);
        if let Some(count) = self.attempts.get_mut(index * self.providers + provider) {
            *count += 1;
        }
    }

    /// A good caller's first content, in microseconds after its arrival.
    pub(super) fn first_token(&mut self, arrived_ns: u64, us: u32) {
        self.first_tokens.push((u32::try_from(arrived_ns / SECOND).unwrap_or(u32::MAX), us));
    }

    /// A health key went out of service, or came back.
    pub(super) fn out(&mut self, at_ns: u64, replica: usize, key: &str, is_out: bool) {
        let key = (replica, key.to_owned());
        if is_out {
            self.out.insert(key);
        } else {
            self.out.remove(&key);
        }
        let now = u32::try_from(self.out.len()).unwrap_or(u32::MAX);
        self.at(at_ns).out = Some(now);
    }

    /// The seconds.
    pub(crate) fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// Attempts in each second at one provider.
    pub(crate) fn attempts_at(&self, provider: usize) -> impl Iterator<Item = u32> {
        self.attempts.chunks(self.providers.max(1)).map(move |row| row.get(provider).copied().unwrap_or(0))
    }

    /// Attempts in each second.
    pub(crate) fn attempts(&self) -> Vec<u32> {
        let rows = self.attempts.chunks(self.providers.max(1));
        rows.map(|row| row.iter().sum()).chain(std::iter::repeat(0)).take(self.seconds.len()).collect()
    }

    /// Calls open at the end of each second.
    pub(crate) fn open_calls(&self) -> Vec<u32> {
        let mut open = 0_u32;
        let at_end = self.seconds.iter().map(|second| {
            open = (open + second.opened).saturating_sub(second.closed);
            open
        });
        at_end.collect()
    }

    /// Health keys out of service at the end of each second.
    pub(crate) fn out_of_service(&self) -> Vec<u32> {
        let mut out = 0;
        let at_end = self.seconds.iter().map(|second| {
            out = second.out.unwrap_or(out);
            out
        });
        at_end.collect()
    }

    /// Of each second, these shares' quantiles of the time to the first content, in microseconds; none where nobody
    /// was served.
    pub(crate) fn first_token_quantiles<const N: usize>(&self, shares: [f64; N]) -> [Vec<Option<u32>>; N] {
        let mut sorted = self.first_tokens.clone();
        sorted.sort_unstable();
        let mut columns = shares.map(|_| vec![None; self.seconds.len()]);
        for group in sorted.chunk_by(|one, other| one.0 == other.0) {
            let second = group.first().map_or(0, |first| first.0 as usize);
            for (column, share) in columns.iter_mut().zip(shares) {
                if let Some(place) = column.get_mut(second) {
                    *place = group.get(rank(group.len(), share)).map(|(_, us)| *us);
                }
            }
        }
        columns
    }
}

/// The index of a quantile among so many sorted values (at least 1): the least that this share does not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "lengths are far below 2^53, shares within 0..=1"
)]
pub(super) fn rank(length: usize, share: f64) -> usize {
    ((length as f64 * share).ceil() as usize).saturating_sub(1).min(length.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_those_who_arrived_in_that_second() {
        let mut timeline = Timeline::new(1, 3);
        for us in 1..=100 {
            timeline.first_token(0, us);
        }
        timeline.first_token(2 * SECOND, 7);
        let [p50, p99] = timeline.first_token_quantiles([0.5, 0.99]);
        assert_eq!((p50, p99), (vec![Some(50), None, Some(7)], vec![Some(99), None, Some(7)]));
    }

    #[test]
    fn open_calls_and_keys_stand_as_they_do_at_the_end_of_a_second() {
        let mut timeline = Timeline::new(2, 4);
        timeline.open(0, 2 * SECOND);
        timeline.open(SECOND, SECOND + 1);
        timeline.out(SECOND, 0, "a", true);
        timeline.out(SECOND + 1, 1, "a", true);
        timeline.out(3 * SECOND, 0, "a", false);
        assert_eq!(timeline.open_calls(), [1, 1, 0, 0]);
        assert_eq!(timeline.out_of_service(), [0, 2, 2, 1]);
    }

    #[test]
    fn there_is_room_for_what_comes_after_the_end() {
        let mut timeline = Timeline::new(2, 1);
        timeline.attempt(5 * SECOND, 1, true);
        assert_eq!(timeline.attempts(), [0, 0, 0, 0, 0, 1]);
        assert_eq!(timeline.attempts_at(1).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1]);
    }
}
