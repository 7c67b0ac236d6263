//! The one table of metrics: names, help, labels and buckets, and the meters behind them.
//!
//! Rust writes `/metrics` from [`families`]; Python's control plane reads the same families as JSON. Label values come
//! from closed sets: names that the policy configured, and words of this file. A worker's meters outlive reloads, so
//! counters never fall.

use crate::call::Outcome;
use crate::continued::Continued;
use crate::meter::{Counter, Gauge, Histogram};
use crate::spent::{self, Spent};
use crate::stages::Stages;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most series of one kind that a worker keeps; what comes later is counted as `other`.
const SERIES_CAP: usize = 2_000;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// What a gateway may add: from 10 µs.
const OVERHEAD_NS: &[u64] =
    &[10 * US, 20 * US, 50 * US, 100 * US, 200 * US, 500 * US, MS, 2 * MS, 5 * MS, 10 * MS, 50 * MS, 100 * MS, SECOND];

/// How long calls take. Source: OpenTelemetry's `gen_ai.client.operation.duration`, and three above for reasoning models.
const DURATION_NS: &[u64] = &[
    10 * MS,
    20 * MS,
    40 * MS,
    80 * MS,
    160 * MS,
    320 * MS,
    640 * MS,
    1280 * MS,
    2560 * MS,
    5120 * MS,
    10_240 * MS,
    20_480 * MS,
    40_960 * MS,
    81_920 * MS,
    163_840 * MS,
    327_680 * MS,
    655_360 * MS,
];

/// Time to first token. Source: OpenTelemetry's `gen_ai.server.time_to_first_token`, and three above.
const TTFT_NS: &[u64] = &[
    MS,
    5 * MS,
    10 * MS,
    20 * MS,
    40 * MS,
    60 * MS,
    80 * MS,
    100 * MS,
    250 * MS,
    500 * MS,
    750 * MS,
    SECOND,
    2500 * MS,
    5 * SECOND,
    7500 * MS,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    180 * SECOND,
];

/// What calls of one alias, operation and mode came to.
#[derive(Debug)]
pub struct CallSeries {
    /// The alias, or `provider/*` for models named outright.
    pub alias: Box<str>,
    /// The operation, such as `chat_completions`.
    pub operation: &'static str,
    /// Whether the caller asked for a stream.
    pub streamed: bool,
    pub(crate) calls: [[Counter; CLASSES.len()]; Outcome::ALL.len()],
    pub(crate) seconds: Histogram,
    pub(crate) request_bytes: Counter,
    pub(crate) response_bytes: Counter,
    /// By why they were; the names come from outside.
    pub(crate) fallbacks: [Counter; MAX_REASONS],
    pub(crate) continued: [Counter; Continued::ALL.len()],
    /// Second attempts that were due and not sent, by why; the names come from outside.
    pub(crate) not_hedged: [Counter; MAX_REASONS],
    pub(crate) coalesced: Counter,
    pub(crate) resumed: Counter,
}

/// What attempts at one deployment came to.
#[derive(Debug)]
pub struct AttemptSeries {
    /// The provider.
    pub provider: Box<str>,
    /// The deployment, or `*` for models named outright.
    pub deployment: Box<str>,
    pub(crate) answered: [Counter; CLASSES.len()],
    pub(crate) failed: Box<[Counter]>,
    /// By what became of them; the names come from outside.
    pub(crate) classes: [Counter; MAX_CLASSES],
    /// Those that were not the first of their call.
    pub(crate) retries: Counter,
    /// Those that were sent while another was open, and of these those that were first.
    pub(crate) hedges: Counter,
    pub(crate) hedges_won: Counter,
    /// Those that were open when another was first.
    pub(crate) cancelled: Counter,
    pub(crate) seconds: Histogram,
    pub(crate) first_token: Histogram,
    pub(crate) spent: Spent,
}

/// What one limit did.
#[derive(Debug, Default)]
pub struct LimitSeries {
    /// Calls that it refused, or targets that it took out of a call's way.
    pub refused: Counter,
    /// Calls that it would have refused if it did more than observe.
    pub observed: Counter,
}

/// The most classes of outcome that attempts are counted by.
const MAX_CLASSES: usize = 16;

/// The most reasons for a fallback, or for which a second attempt is not sent.
const MAX_REASONS: usize = 12;

/// Words that the engine of attempts counts by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words<'w> {
    /// What may become of an attempt, in the order of [`Attempt::class`](crate::Attempt::class); at most 16.
    pub classes: &'w [&'static str],
    /// Why a second attempt was not sent, in the order of [`Record::not_hedged`](crate::Record::not_hedged); at most 12.
    pub not_hedged: &'w [&'static str],
    /// Why a call went to a later step, in the order of [`Attempt::reason`](crate::Attempt::reason); at most 12.
    pub reasons: &'w [&'static str],
}

/// Classes of status; the last is for calls that had none.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// The class of a status, as an index into [`CLASSES`].
pub(crate) fn class(status: Option<u16>) -> usize {
    status.map_or(CLASSES.len() - 1, |status| usize::from(status / 100).clamp(1, 5) - 1)
}

/// Series by their labels. The lock is taken when one is made and when all are read, never to count.
type Series<Labels, Counts> = Mutex<BTreeMap<Labels, Arc<Counts>>>;

/// The meters of one worker.
#[derive(Debug)]
pub struct Meters {
    calls: Series<(Box<str>, &'static str, bool), CallSeries>,
    attempts: Series<(Box<str>, Box<str>), AttemptSeries>,
    limits: Series<(Box<str>, &'static str), LimitSeries>,
    pub(crate) refusals: Box<[Counter]>,
    pub(crate) overhead: Histogram,
    /// Calls that are open.
    pub in_flight: Gauge,
    /// Streams that are open.
    pub streams: Gauge,
    /// Bytes of callers' bodies that are held.
    pub buffered: Gauge,
    /// Reservations of limits and budgets that are open.
    pub reservations: Gauge,
    /// Connections to providers that are open.
    pub pool_open: Gauge,
    /// Of these, those that rest.
    pub pool_idle: Gauge,
    /// Lines of the log that were dropped because its writer was behind.
    pub log_dropped: Counter,
    /// Where time goes, while that is asked for.
    pub stages: Stages,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
            attempts: Mutex::default(),
            limits: Mutex::default(),
            refusals: per_kind(),
            overhead: Histogram::new(OVERHEAD_NS),
            in_flight: Gauge::default(),
            streams: Gauge::default(),
            buffered: Gauge::default(),
            reservations: Gauge::default(),
            pool_open: Gauge::default(),
            pool_idle: Gauge::default(),
            log_dropped: Counter::default(),
            stages: Stages::default(),
        }
    }
}

fn per_kind() -> Box<[Counter]> {
    fault::Kind::ALL.iter().map(|_| Counter::default()).collect()
}

impl Meters {
    /// The series of calls with these labels, made when it is new. Takes a lock: keep what it returns.
    pub fn calls(&self, alias: &str, operation: &'static str, streamed: bool) -> Arc<CallSeries> {
        let mut map = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let full = map.len() >= SERIES_CAP;
        let mut key = (Box::from(alias), operation, streamed);
        if full && !map.contains_key(&key) {
            key.0 = Box::from("other");
        }
        Arc::clone(map.entry(key.clone()).or_insert_with(|| {
            Arc::new(CallSeries {
                alias: key.0,
                operation,
                streamed,
                calls: Default::default(),
                seconds: Histogram::new(DURATION_NS),
                request_bytes: Counter::default(),
                response_bytes: Counter::default(),
                fallbacks: Default::default(),
                continued: Default::default(),
                not_hedged: Default::default(),
                coalesced: Counter::default(),
                resumed: Counter::default(),
            })
        }))
    }

    /// The series of attempts with these labels, made when it is new. Takes a lock: keep what it returns.
    pub fn attempts(&self, provider: &str, deployment: &str) -> Arc<AttemptSeries> {
        let mut map = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let full = map.len() >= SERIES_CAP;
        let mut key = (Box::from(provider), Box::from(deployment));
        if full && !map.contains_key(&key) {
            key.1 = Box::from("other");
        }
        Arc::clone(map.entry(key.clone()).or_insert_with(|| {
            Arc::new(AttemptSeries {
                provider: key.0,
                deployment: key.1,
                answered: Default::default(),
                failed: per_kind(),
                classes: Default::default(),
                retries: Counter::default(),
                hedges: Counter::default(),
                hedges_won: Counter::default(),
                cancelled: Counter::default(),
                seconds: Histogram::new(DURATION_NS),
                first_token: Histogram::new(TTFT_NS),
                spent: Spent::default(),
            })
        }))
    }

    /// The series of a limit, by its id and what it is counted by; made when it is new. Takes a lock: keep what it returns.
    pub fn limit(&self, id: &str, dimension: &'static str) -> Arc<LimitSeries> {
        let mut map = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (Box::from(id), dimension);
        if map.len() >= SERIES_CAP && !map.contains_key(&key) {
            key.0 = Box::from("other");
        }
        Arc::clone(map.entry(key).or_default())
    }

    /// Counts a refusal or failure that the caller was told of, by kind.
    pub fn refused(&self, kind: fault::Kind) {
        if let Some(counter) =
            fault::Kind::ALL.iter().position(|known| *known == kind).and_then(|at| self.refusals.get(at))
        {
            counter.add(1);
        }
    }

    fn call_series(&self) -> Vec<Arc<CallSeries>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn attempt_series(&self) -> Vec<Arc<AttemptSeries>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// What kind of metric a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Only grows; written with `_total`.
    Counter,
    /// Grows and shrinks.
    Gauge,
    /// Seconds in buckets.
    Histogram,
}

/// A metric with all its samples.
#[derive(Debug, Clone, Serialize)]
pub struct Family {
    /// The name, without `_total`.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// One sample for each set of labels.
    pub samples: Vec<Sample>,
}

/// One sample.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Label names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: Value,
}

/// The value of a sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Of a counter.
    Count(u64),
    /// Of a counter of parts: so many of which `10^places` make one.
    Parts {
        /// How many.
        count: u64,
        /// At most 9.
        places: u8,
    },
    /// Of a gauge.
    Level(f64),
    /// Of a histogram: upper bounds in seconds with counts of their own (not running totals), the unbounded bucket's
    /// count, the sum in seconds.
    Buckets {
        /// (upper bound in seconds, count).
        buckets: Vec<(f64, u64)>,
        /// Above the last bound.
        above: u64,
        /// The sum of all, in seconds.
        sum: f64,
    },
}

impl Value {
    /// Adds another sample of the same labels.
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Count(a), Self::Count(b)) => *a += b,
            (Self::Parts { count, .. }, Self::Parts { count: more, .. }) => *count += more,
            (Self::Level(a), Self::Level(b)) => *a += b,
            (Self::Buckets { buckets, above, sum }, Self::Buckets { buckets: more, above: beyond, sum: total }) => {
                buckets.iter_mut().zip(more).for_each(|(mine, theirs)| mine.1 += theirs.1);
                *above += beyond;
                *sum += total;
            }
            (Self::Count(_) | Self::Parts { .. } | Self::Level(_) | Self::Buckets { .. }, _) => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating point; 2^53 ns are a hundred days")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn buckets(histogram: &Histogram) -> Value {
    let (mut counts, sum) = histogram.read();
    let above = counts.pop().unwrap_or_default();
    let buckets = histogram.bounds_ns().iter().map(|ns| seconds(*ns)).zip(counts).collect();
    Value::Buckets { buckets, above, sum: seconds(sum) }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge counts things that exist")]
fn level(gauge: &Gauge) -> Value {
    Value::Level(gauge.read() as f64)
}

/// A family while it is put together: samples of the same labels are added up.
pub(crate) struct Builder {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: BTreeMap<Vec<(&'static str, String)>, Value>,
}

impl Builder {
    pub(crate) fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind, samples: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, labels: &[(&'static str, &str)], value: Value) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        match self.samples.entry(labels) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(value);
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => slot.get_mut().merge(value),
        }
    }

    pub(crate) fn count(&mut self, labels: &[(&'static str, &str)], counter: &Counter) {
        let count = counter.read();
        if count > 0 {
            self.add(labels, Value::Count(count));
        }
    }

    pub(crate) fn build(self) -> Family {
        let samples = self.samples.into_iter().map(|(labels, value)| Sample { labels, value }).collect();
        Family { name: self.name, help: self.help, kind: self.kind, samples }
    }
}

/// Sums the meters of all workers into families.
pub fn families(workers: &[Arc<Meters>], words: Words<'_>) -> Vec<Family> {
    let mut families = call_families(workers, words);
    families.extend(attempt_families(workers, words.classes));
    families.extend(level_families(workers));
    families
}

fn call_families(workers: &[Arc<Meters>], words: Words<'_>) -> Vec<Family> {
    let mut calls = Builder::new(Kind::Counter, "headgate_calls", "Calls that ended, by what became of them.");
    let mut took = Builder::new(Kind::Histogram, "headgate_call_seconds", "From a call's head to its last byte.");
    let mut sent = Builder::new(Kind::Counter, "headgate_request_bytes", "Bytes of bodies received from callers.");
    let mut got = Builder::new(Kind::Counter, "headgate_response_bytes", "Bytes of bodies sent to callers.");
    let mut fell =
        Builder::new(Kind::Counter, "headgate_fallbacks", "Calls that a later step of their chain served, by why.");
    let mut went_on = Builder::new(
        Kind::Counter,
        "headgate_continuations",
        "Streams that were cut and were to be continued, by what came of it.",
    );
    let mut alone = Builder::new(Kind::Counter, "headgate_not_hedged", "Second attempts that were due and not sent.");
    let mut shared = Builder::new(
        Kind::Counter,
        "headgate_coalesced",
        "Calls that got the answer of an identical one that was open, and cost nothing at a provider.",
    );
    let mut taken_up =
        Builder::new(Kind::Counter, "headgate_resumed", "Streams that were taken up again, by their alias.");
    for series in workers.iter().flat_map(|meters| meters.call_series()) {
        let stream = if series.streamed { "true" } else { "false" };
        let labels = [("alias", &*series.alias), ("operation", series.operation), ("stream", stream)];
        for (outcome, counters) in Outcome::ALL.iter().zip(&series.calls) {
            for (class, counter) in CLASSES.iter().zip(counters) {
                let [alias, operation, stream] = labels;
                calls.count(&[alias, operation, stream, ("outcome", outcome.name()), ("status", class)], counter);
            }
        }
        took.add(&labels, buckets(&series.seconds));
        sent.count(&labels, &series.request_bytes);
        got.count(&labels, &series.response_bytes);
        for (reason, counter) in words.reasons.iter().zip(&series.fallbacks) {
            fell.count(&[labels[0], ("reason", reason)], counter);
        }
        for (continued, counter) in Continued::ALL.iter().zip(&series.continued) {
            went_on.count(&[("alias", &*series.alias), ("outcome", continued.name())], counter);
        }
        for (reason, counter) in words.not_hedged.iter().zip(&series.not_hedged) {
            let [alias, operation, stream] = labels;
            alone.count(&[alias, operation, stream, ("reason", reason)], counter);
        }
        shared.count(&labels[..1], &series.coalesced);
        taken_up.count(&labels[..1], &series.resumed);
    }
    [calls, took, sent, got, fell, alone, went_on, shared, taken_up].map(Builder::build).into()
}

fn attempt_families(workers: &[Arc<Meters>], classes: &[&'static str]) -> Vec<Family> {
    let mut tried = Builder::new(Kind::Counter, "headgate_attempts", "Tries at providers, by what came back.");
    let mut became =
        Builder::new(Kind::Counter, "headgate_attempt_classes", "Attempts, by what they mean for what follows.");
    let mut again = Builder::new(Kind::Counter, "headgate_retries", "Attempts that were not the first of their call.");
    let mut hedged =
        Builder::new(Kind::Counter, "headgate_hedges", "Attempts that were sent while another was open, by who won.");
    let mut took = Builder::new(
        Kind::Histogram,
        "headgate_upstream_seconds",
        "From an attempt's start to the first byte of the provider's answer: the provider's share of the wait.",
    );
    let mut first = Builder::new(
        Kind::Histogram,
        "headgate_time_to_first_token_seconds",
        "From an attempt's start to the first content of a stream.",
    );
    let mut spent = spent::Families::new();
    for series in workers.iter().flat_map(|meters| meters.attempt_series()) {
        let labels = [("provider", &*series.provider), ("deployment", &*series.deployment)];
        let [provider, deployment] = labels;
        for (class, counter) in CLASSES.iter().zip(&series.answered) {
            tried.count(&[provider, deployment, ("outcome", "answered"), ("reason", class)], counter);
        }
        for (kind, counter) in fault::Kind::ALL.iter().zip(&*series.failed) {
            tried.count(&[provider, deployment, ("outcome", "failed"), ("reason", kind.row().code)], counter);
        }
        for (class, counter) in classes.iter().zip(&series.classes) {
            became.count(&[provider, deployment, ("class", class)], counter);
        }
        tried.count(&[provider, deployment, ("outcome", "cancelled"), ("reason", "none")], &series.cancelled);
        let (won, all) = (series.hedges_won.read(), series.hedges.read());
        for (won, count) in [("true", won), ("false", all.saturating_sub(won))] {
            if count > 0 {
                hedged.add(&[provider, deployment, ("won", won)], Value::Count(count));
            }
        }
        again.count(&labels, &series.retries);
        took.add(&labels, buckets(&series.seconds));
        first.add(&labels, buckets(&series.first_token));
        spent.add(labels, &series.spent);
    }
    [tried, became, again, hedged, took, first].map(Builder::build).into_iter().chain(spent.build()).collect()
}

fn level_families(workers: &[Arc<Meters>]) -> Vec<Family> {
    let mut refusals =
        Builder::new(Kind::Counter, "headgate_refusals", "Calls that got an error of our own, by its code.");
    let mut overhead = Builder::new(
        Kind::Histogram,
        "headgate_overhead_seconds",
        "What the gateway added before an answer's first byte.",
    );
    let mut flight = Builder::new(Kind::Gauge, "headgate_calls_in_flight", "Calls that are open.");
    let mut streams = Builder::new(Kind::Gauge, "headgate_streams_open", "Streams that are open.");
    let mut held = Builder::new(Kind::Gauge, "headgate_buffered_bytes", "Bytes of callers' bodies that are held.");
    let mut limits = Builder::new(
        Kind::Counter,
        "headgate_limit_refusals",
        "Calls and targets that a limit or a budget refused, or would have if it did more than observe.",
    );
    let mut pool = Builder::new(Kind::Gauge, "headgate_pool_connections", "Connections to providers, by state.");
    let mut lost = Builder::new(
        Kind::Counter,
        "headgate_log_lines_dropped",
        "Lines of the log that were dropped because its writer was behind.",
    );
    for meters in workers {
        for (kind, counter) in fault::Kind::ALL.iter().zip(&*meters.refusals) {
            refusals.count(&[("reason", kind.row().code)], counter);
        }
        overhead.add(&[], buckets(&meters.overhead));
        flight.add(&[], level(&meters.in_flight));
        streams.add(&[], level(&meters.streams));
        held.add(&[], level(&meters.buffered));
        pool.add(&[("state", "open")], level(&meters.pool_open));
        pool.add(&[("state", "idle")], level(&meters.pool_idle));
        lost.count(&[], &meters.log_dropped);
        for ((limit, dimension), series) in &*meters.limits.lock().unwrap_or_else(PoisonError::into_inner) {
            let [id, per] = [("limit", &**limit), ("per", *dimension)];
            limits.count(&[id, per, ("mode", "enforce")], &series.refused);
            limits.count(&[id, per, ("mode", "observe")], &series.observed);
        }
    }
    [refusals, overhead, flight, streams, held, limits, pool, lost].map(Builder::build).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_summed() {
        let workers = [Arc::new(Meters::default()), Arc::new(Meters::default())];
        for meters in &workers {
            meters.calls("smart", "chat_completions", false).request_bytes.add(5);
            meters.refused(fault::Kind::KeyRejected);
        }
        let families = families(&workers, Words::default());
        let value = |name: &str| {
            let family = families.iter().find(|family| family.name == name).expect("known");
            family.samples.first().expect("one").value.clone()
        };
        assert_eq!(value("headgate_request_bytes"), Value::Count(10));
        assert_eq!(value("headgate_refusals"), Value::Count(2));
    }

    #[test]
    fn a_flood_of_labels_ends_in_other() {
        let meters = Meters::default();
        for n in 0..SERIES_CAP + 10 {
            meters.calls(&n.to_string(), "chat_completions", false);
        }
        assert_eq!(&*meters.calls("one more", "chat_completions", false).alias, "other");
        assert_eq!(meters.call_series().len(), SERIES_CAP + 1);
    }
}
