//! What workers, ops and the program around share: the plan in force, the phase of a stop, and the counts of reloads.

use crate::books::Books;
use crate::clock::Clock;
use crate::compiled::Compiled;
use crate::drain::StopWish;
use crate::ops;
use crate::resume::Streams;
use crate::start_error::StartError;
use crate::worker::Worker;
use admission::Limits;
use listener::{Phase, TlsHandle};
use plan::Level;
use record::{Family, FamilyKind, Meters, Sample, Style, Value, event};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::watch;

/// A worker that has not turned its event loop for this long is stuck.
const STUCK_AFTER_MS: u64 = 10_000;

/// What workers, ops and the program around share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) compiled: arc_swap::ArcSwap<Compiled>,
    /// Grows with each reload; workers compare it before they look at `compiled`.
    pub(crate) epoch: AtomicU64,
    /// What is known of all targets; it outlives plans.
    pub(crate) targets: attempt::State,
    pub(crate) breakers: Breakers,
    pub(crate) probes: crate::probes::Counts,
    /// Streams that can be taken up again, on any worker.
    pub(crate) streams: Arc<Streams>,
    /// What is held of answers that several read.
    pub(crate) stock: Arc<stream::Stock>,
    pub(crate) books: Books,
    /// How many bytes of bodies may be held, where the policy does not say.
    pub(crate) usual_buffer: u64,
    pub(crate) workers: Vec<Worker>,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) cut: watch::Sender<bool>,
    pub(crate) live: Arc<listener::Live>,
    pub(crate) style: Style,
    pub(crate) tls: Option<TlsHandle>,
    pub(crate) stop: StopWish,
    pub(crate) reloads: [AtomicU64; 2],
    pub(crate) last_reload_good: AtomicBool,
    pub(crate) stages: ops::StageSwitch,
    pub(crate) started: tokio::time::Instant,
    /// What limits go by.
    pub(crate) clock: Clock,
}

/// How often breakers changed.
#[derive(Debug, Default)]
pub(crate) struct Breakers {
    pub(crate) opened: AtomicU64,
    pub(crate) closed: AtomicU64,
}

impl Shared {
    /// At the start: nothing counted, no stop wished for.
    ///
    /// Opens the journal, which may fail, and counts it into the accounts of limits.
    pub(crate) fn new(
        compiled: Compiled,
        workers: usize,
        style: Style,
        tls: Option<TlsHandle>,
    ) -> Result<Self, StartError> {
        let clock = Clock::start();
        let books = Books::open(&compiled.plan, &compiled.limits, workers, clock.at(0).unix_ns)?;
        Ok(Self {
            compiled: arc_swap::ArcSwap::from_pointee(compiled),
            epoch: AtomicU64::new(0),
            targets: attempt::State::new(),
            breakers: Breakers::default(),
            probes: crate::probes::Counts::default(),
            streams: Arc::default(),
            stock: Arc::default(),
            books,
            usual_buffer: crate::overload::usual_buffer(),
            workers: (0..workers).map(|_| Worker::default()).collect(),
            phase: watch::Sender::new(Phase::Open),
            cut: watch::Sender::new(false),
            live: Arc::default(),
            style,
            tls,
            stop: StopWish::default(),
            reloads: Default::default(),
            last_reload_good: AtomicBool::new(true),
            stages: ops::StageSwitch::default(),
            started: tokio::time::Instant::now(),
            clock,
        })
    }

    /// Notes the limits of a plan that goes into force: from now on they count, also over a restart.
    pub(crate) fn note_limits(&self, limits: &Limits) {
        let Some(keep) = self.books.keep() else { return };
        if let Err(error) = keep.note(limits, self.clock.at(self.now_ns()).unix_ns) {
            let message = format!("since when a limit is in force cannot be noted: {error}");
            self.log(Level::Error, "accounts_unsaved", json!({"message": message}));
        }
    }

    pub(crate) fn compiled(&self) -> Arc<Compiled> {
        self.compiled.load_full()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Milliseconds since the start.
    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Nanoseconds since the start: the clock of all workers.
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether every worker's event loop turns.
    pub(crate) fn is_live(&self) -> bool {
        let now = self.uptime_ms();
        self.workers.iter().all(|worker| now.saturating_sub(worker.heartbeat.load(Ordering::Relaxed)) < STUCK_AFTER_MS)
    }

    /// Whether new calls are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.stop.is_under_way()
    }

    /// Writes an event, if the plan's level lets it.
    pub(crate) fn log(&self, level: Level, name: &str, fields: serde_json::Value) {
        if let Some(word) = self.wanted(level) {
            event(self.style, word, name, fields);
        }
    }

    /// The word for a level, if the plan's level lets it through.
    pub(crate) fn wanted(&self, level: Level) -> Option<&'static str> {
        let word = match level {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        };
        (level >= self.compiled.load().plan.log.level).then_some(word)
    }

    /// Warns of keys of the plan in force that could be guessed.
    pub(crate) fn warn_of_weak_keys(&self) {
        let weak = &self.compiled.load().weak_keys;
        if !weak.is_empty() {
            let message = "these keys could be guessed: `headgate key new` prints a strong one";
            self.log(Level::Warn, "weak_keys", json!({"keys": weak, "message": message}));
        }
    }

    /// Reads the certificate again. A bad one leaves the old in place, and is logged.
    pub(crate) fn renew_certificate(&self) {
        let compiled = self.compiled.load();
        if let (Some(handle), Some(files)) = (&self.tls, &compiled.plan.listen.tls)
            && let Err(error) = handle.reload(files)
        {
            self.log(Level::Error, "certificate_refused", json!({"message": error.to_string()}));
        }
    }

    /// All metrics.
    pub(crate) fn families(&self) -> Vec<Family> {
        let meters: Vec<Arc<Meters>> = self.workers.iter().map(|worker| Arc::clone(&worker.meters)).collect();
        let classes = attempt::Class::ALL.map(attempt::Class::name);
        let not_hedged = attempt::Against::ALL.map(attempt::Against::name);
        let reasons = attempt::Reason::ALL.map(attempt::Reason::name);
        let words = record::Words { classes: &classes, not_hedged: &not_hedged, reasons: &reasons };
        let mut families = record::families(&meters, words);
        let compiled = self.compiled.load();
        let open = u32::try_from(self.live.open()).unwrap_or(u32::MAX);
        let one =
            |name, help, kind, labels, value| Family { name, help, kind, samples: vec![Sample { labels, value }] };
        let gauge = |name, help, labels, value| one(name, help, FamilyKind::Gauge, labels, Value::Level(value));
        #[expect(clippy::cast_precision_loss, reason = "bytes that are held")]
        let bytes = |count: u64| count as f64;
        let truth = |good: bool| if good { 1.0 } else { 0.0 };
        families.push(gauge("headgate_build_info", "The build.", vec![("version", crate::VERSION.to_owned())], 1.0));
        families.push(gauge(
            "headgate_plan_info",
            "The plan in force.",
            vec![("hash", compiled.plan.hash.clone())],
            1.0,
        ));
        families.push(gauge(
            "headgate_reload_last_success",
            "Whether the last reload was taken; 1 before the first.",
            vec![],
            truth(self.last_reload_good.load(Ordering::Relaxed)),
        ));
        families.push(gauge("headgate_connections", "Connections of callers that are open.", vec![], f64::from(open)));
        let kept = u32::try_from(self.streams.count()).unwrap_or(u32::MAX);
        families.push(gauge("headgate_streams_kept", "Streams that can be taken up again.", vec![], f64::from(kept)));
        families.push(gauge(
            "headgate_kept_bytes",
            "Bytes of answers that are held for several callers, or for one that may come back.",
            vec![],
            bytes(self.stock.bytes()),
        ));
        families.push(gauge("headgate_ready", "Whether new calls are welcome.", vec![], truth(self.is_ready())));
        families.push(Family {
            name: "headgate_reloads",
            help: "Reloads, by outcome.",
            kind: FamilyKind::Counter,
            samples: ["taken", "refused"]
                .into_iter()
                .zip(&self.reloads)
                .map(|(outcome, count)| Sample {
                    labels: vec![("outcome", outcome.to_owned())],
                    value: Value::Count(count.load(Ordering::Relaxed)),
                })
                .collect(),
        });
        families.extend(ops::target_families(&self.targets, &self.breakers, self.now_ns()));
        families.push(self.probes.family(&compiled.plan));
        families.extend(self.books.families());
        families.extend(ops::limit_families(&compiled, &meters, self.clock.at(self.now_ns())));
        families.extend(ops::process_families());
        families
    }

    /// The state in one JSON object.
    pub(crate) fn stats(&self) -> serde_json::Value {
        let compiled = self.compiled.load();
        json!({
            "version": crate::VERSION,
            "plan_hash": compiled.plan.hash,
            "ready": self.is_ready(),
            "live": self.is_live(),
            "uptime_ms": self.uptime_ms(),
            "workers": self.workers.len(),
            "limits": ops::accounts(&compiled, self.clock.at(self.now_ns())),
            "families": self.families(),
        })
    }
}
