//! The journal in metrics.

use super::Books;
use journal::KINDS;
use record::{Family, FamilyKind, Sample, Value};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Books {
    /// What it did and how it is, in metrics; nothing where there is none.
    pub(crate) fn families(&self) -> Vec<Family> {
        let Some(journal) = &self.journal else { return Vec::new() };
        let state = journal.state();
        let count = |name, help, samples| Family { name, help, kind: FamilyKind::Counter, samples };
        let gauge = |name, help, value| {
            let samples = vec![Sample { labels: vec![], value }];
            Family { name, help, kind: FamilyKind::Gauge, samples }
        };
        let one = |count: u64| vec![Sample { labels: vec![], value: Value::Count(count) }];
        let each = |label: &'static str, words: &[&str], counts: &[u64]| {
            let samples = words.iter().zip(counts);
            let sample = |(word, count): (&&str, &u64)| Sample {
                labels: vec![(label, (*word).to_owned())],
                value: Value::Count(*count),
            };
            samples.map(sample).collect::<Vec<_>>()
        };
        let level = |number: u64| Value::Level(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
        let unrecorded = self.unrecorded.each_ref().map(|count| count.load(Ordering::Relaxed));
        let recovered = self.keep.as_ref().map(|keep| keep.recovered).unwrap_or_default();
        let recovered = (["calls", "attempts"], [recovered.calls, recovered.attempts]);
        let behind = self.keep.as_ref().map_or(0, |keep| keep.behind(state.bytes));
        let lag = Value::Level(Duration::from_nanos(state.lag_ns).as_secs_f64());
        vec![
            count("headgate_journal_entries", "Entries of the journal.", each("kind", &KINDS, &state.entries)),
            count("headgate_journal_bytes", "Their bytes.", one(state.bytes)),
            count(
                "headgate_journal_unrecorded",
                "What was served without being written down.",
                each("what", &["calls", "attempts"], &unrecorded),
            ),
            count(
                "headgate_journal_recovered",
                "What a killed process had left open, settled at the start.",
                each("what", &recovered.0, &recovered.1),
            ),
            count("headgate_journal_sync_errors", "How often the disk did not take it.", one(state.sync_errors)),
            count("headgate_journal_removed_unread", "Segments that went unread.", one(state.removed_unread)),
            gauge("headgate_journal_segments", "Segments in the journal's directory.", level(state.segments)),
            gauge("headgate_journal_waiting", "Workers that have no segment to go on to.", level(state.waiting)),
            gauge("headgate_journal_torn_tails", "Entries found unfinished at the start.", level(state.torn_tails)),
            gauge("headgate_journal_uncounted_bytes", "What a start would count into limits.", level(behind)),
            gauge("headgate_journal_lag_seconds", "Since when not all of it is on the disk.", lag),
        ]
    }
}
