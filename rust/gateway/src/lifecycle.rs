//! Start, reload, drain: the life of a gateway, seen from outside its workers.
//!
//! One thread, `ops`, owns all of it: it answers probes, hears signals and walks the drain's phases, so that none of
//! this depends on a worker or on the program around it (a stuck Python, say).

use crate::compiled::Compiled;
use crate::ops::{self, OpsSocket};
use crate::watch_file::FileWatch;
use crate::worker::{self, Worker};
use listener::{Phase, TlsHandle};
use plan::{Level, Plan};
use record::{Family, FamilyKind, Meters, Sample, Style, Value, event};
use serde_json::json;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long workers may need to send the last words of streams that a drain's end cuts.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A worker that has not turned its event loop for this long is stuck.
const STUCK_AFTER_MS: u64 = 10_000;
/// How often the files of the certificate are looked at.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);
/// Grace of a drain that Ctrl-C asked for, at most.
const INTERRUPT_GRACE: Duration = Duration::from_secs(10);

/// Why a gateway did not start: what the program should exit with, and what it should say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    /// 69 when an address is taken, 78 when the plan is at fault, else 1.
    pub code: u8,
    /// What is wrong, where, and how to mend it.
    pub message: String,
}

impl StartError {
    pub(crate) fn plan(message: impl Into<String>) -> Self {
        Self { code: 78, message: message.into() }
    }

    fn bind(what: &str, address: &plan::Address, error: &std::io::Error) -> Self {
        let address = display(address);
        let message = if error.kind() == std::io::ErrorKind::AddrInUse {
            format!("listen.{what}: {address} is in use by another program: stop it, or choose another address")
        } else {
            format!("listen.{what}: cannot listen on {address}: {error}")
        };
        Self { code: 69, message }
    }
}

/// An address as the policy writes it.
pub(crate) fn display(address: &plan::Address) -> String {
    match address {
        plan::Address::Tcp(address) => address.to_string(),
        plan::Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self { code: 1, message: error.to_string() }
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StartError {}

/// What a gateway tells the program around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// SIGHUP came: compile the policy again and call [`Gateway::reload`].
    Reload,
    /// The drain is over; every worker has ended.
    Stopped,
}

/// How a stop was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// As the plan says.
    Planned,
    /// By Ctrl-C: no time to announce, little grace.
    Interrupt,
    /// Now.
    AtOnce,
}

/// What workers, ops and the program around share.
#[derive(Debug)]
pub(crate) struct Shared {
    compiled: arc_swap::ArcSwap<Compiled>,
    /// Grows with each reload; workers compare it before they look at `compiled`.
    epoch: AtomicU64,
    pub(crate) workers: Vec<Worker>,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) cut: watch::Sender<bool>,
    pub(crate) live: Arc<listener::Live>,
    pub(crate) style: Style,
    pub(crate) tls: Option<TlsHandle>,
    stop: Mutex<Option<Stop>>,
    stop_asked: Notify,
    draining: AtomicBool,
    reloads: [AtomicU64; 2],
    last_reload_good: AtomicBool,
    started: tokio::time::Instant,
}

impl Shared {
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

    /// Whether every worker's event loop turns.
    pub(crate) fn is_live(&self) -> bool {
        let now = self.uptime_ms();
        self.workers.iter().all(|worker| now.saturating_sub(worker.heartbeat.load(Ordering::Relaxed)) < STUCK_AFTER_MS)
    }

    /// Whether new calls are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    /// Starts the drain that the plan describes.
    pub(crate) fn drain_as_planned(&self) {
        self.ask(Stop::Planned);
    }

    /// The first wish counts, unless a later one is more urgent.
    fn ask(&self, wish: Stop) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        if stop.is_none() || wish == Stop::AtOnce {
            *stop = Some(wish);
            self.stop_asked.notify_one();
        }
    }

    fn asked(&self) -> Option<Stop> {
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes an event, if the plan's level lets it.
    pub(crate) fn log(&self, level: Level, name: &str, fields: serde_json::Value) {
        if level >= self.compiled.load().plan.log.level {
            let word = match level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            };
            event(self.style, word, name, fields);
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
        let mut families = record::families(&meters);
        let compiled = self.compiled.load();
        let open = u32::try_from(self.live.open()).unwrap_or(u32::MAX);
        let one =
            |name, help, kind, labels, value| Family { name, help, kind, samples: vec![Sample { labels, value }] };
        let gauge = |name, help, labels, value| one(name, help, FamilyKind::Gauge, labels, Value::Level(value));
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
            "families": self.families(),
        })
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    events: Mutex<mpsc::Receiver<Event>>,
    ops: Mutex<Option<JoinHandle<()>>>,
    /// Where calls go: `host:port`, or `unix:/path`.
    pub data_address: String,
    /// Where probes go.
    pub ops_address: String,
}

impl Gateway {
    /// Starts to serve a plan. Returns once the listeners take connections.
    pub fn start(plan: Plan) -> Result<Self, StartError> {
        let style = if std::io::stderr().is_terminal() { Style::Pretty } else { Style::Json };
        let workers = worker::count(plan.workers);
        let compiled = Compiled::new(plan, None)?;
        let listen = compiled.plan.listen.clone();
        let tls = listen.tls.as_ref().map(TlsHandle::read).transpose();
        let tls = tls.map_err(|e| StartError::plan(format!("listen.tls: {e}")))?;
        let listening =
            listener::bind(&listen.data, workers).map_err(|e| StartError::bind("data", &listen.data, &e))?;
        let socket = OpsSocket::bind(&listen.ops).map_err(|e| StartError::bind("ops", &listen.ops, &e))?;
        let data_address = display(listening.local_address());
        let ops_address = socket.address()?;
        let shared = Arc::new(Shared {
            compiled: arc_swap::ArcSwap::from_pointee(compiled),
            epoch: AtomicU64::new(0),
            workers: (0..workers).map(|_| Worker::default()).collect(),
            phase: watch::Sender::new(Phase::Open),
            cut: watch::Sender::new(false),
            live: Arc::default(),
            style,
            tls,
            stop: Mutex::new(None),
            stop_asked: Notify::new(),
            draining: AtomicBool::new(false),
            reloads: Default::default(),
            last_reload_good: AtomicBool::new(true),
            started: tokio::time::Instant::now(),
        });
        let threads = worker::spawn_all(&shared, listening)?;
        let (events, heard) = mpsc::channel();
        let ops = spawn_ops(Arc::clone(&shared), socket, threads, events)?;
        shared.log(
            Level::Info,
            "serving",
            json!({
                "data": data_address, "ops": ops_address, "workers": workers, "plan": shared.compiled().plan.hash,
                "version": crate::VERSION,
            }),
        );
        Ok(Self { shared, events: Mutex::new(heard), ops: Mutex::new(Some(ops)), data_address, ops_address })
    }

    /// Puts a new plan in force. Running calls keep theirs. A plan that cannot be compiled changes nothing, and is
    /// counted and logged.
    pub fn reload(&self, plan: Plan) -> Result<(), StartError> {
        let before = self.shared.compiled();
        match Compiled::new(plan, Some(&before)) {
            Ok(compiled) => {
                let kept = restart_only(&before.plan, &compiled.plan);
                self.shared.compiled.store(Arc::new(compiled));
                self.shared.epoch.fetch_add(1, Ordering::Release);
                self.shared.renew_certificate();
                self.shared.reloads[0].fetch_add(1, Ordering::Relaxed);
                self.shared.last_reload_good.store(true, Ordering::Relaxed);
                let hash = self.shared.compiled().plan.hash.clone();
                self.shared.log(Level::Info, "reloaded", json!({"plan": hash}));
                if !kept.is_empty() {
                    self.shared.log(
                        Level::Warn,
                        "restart_needed",
                        json!({"sections": kept, "message": "changed, in force after a restart"}),
                    );
                }
                Ok(())
            }
            Err(error) => {
                self.report_bad_policy(&error.message);
                Err(error)
            }
        }
    }

    /// Counts and logs a policy that could not be compiled; what is in force stays.
    pub fn report_bad_policy(&self, reason: &str) {
        self.shared.reloads[1].fetch_add(1, Ordering::Relaxed);
        self.shared.last_reload_good.store(false, Ordering::Relaxed);
        self.shared.log(
            Level::Error,
            "reload_refused",
            json!({"message": reason, "plan": self.shared.compiled().plan.hash}),
        );
    }

    /// Waits for the next event, at most `timeout`.
    pub fn next_event(&self, timeout: Duration) -> Option<Event> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        match events.recv_timeout(timeout) {
            Ok(event) => Some(event),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => Some(Event::Stopped),
        }
    }

    /// Starts the drain that the plan describes; [`Event::Stopped`] follows.
    pub fn drain(&self) {
        self.shared.ask(Stop::Planned);
    }

    /// Ends everything now; open streams are cut with an error of their dialect.
    pub fn stop(&self) {
        self.shared.ask(Stop::AtOnce);
    }

    /// The state in one JSON object.
    pub fn stats(&self) -> String {
        self.shared.stats().to_string()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
        if let Some(ops) = self.ops.lock().unwrap_or_else(PoisonError::into_inner).take() {
            drop(ops.join());
        }
    }
}

/// The sections of a policy that differ but are in force only after a restart.
fn restart_only(before: &Plan, after: &Plan) -> Vec<&'static str> {
    let http =
        |plan: &Plan| (plan.http.max_head_bytes, plan.http.max_connections, plan.http.idle_ms, plan.http.read_gap_ms);
    [
        ("listen", before.listen != after.listen),
        ("workers", before.workers != after.workers),
        ("http (max_head, max_connections, idle, read_gap)", http(before) != http(after)),
    ]
    .into_iter()
    .filter_map(|(section, differs)| differs.then_some(section))
    .collect()
}

/// Starts the thread that owns ops, signals and the drain.
fn spawn_ops(
    shared: Arc<Shared>,
    socket: OpsSocket,
    workers: Vec<JoinHandle<()>>,
    events: mpsc::Sender<Event>,
) -> Result<JoinHandle<()>, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let run = move || {
        let local = tokio::task::LocalSet::new();
        runtime.block_on(local.run_until(async {
            let serving = tokio::task::spawn_local(ops::serve(socket, Arc::clone(&shared)));
            tokio::select! {
                () = crate::signals::hear(&shared, &events) => {}
                () = watch_certificate(&shared) => {}
                () = drain(&shared) => {}
            }
            serving.abort();
        }));
        for worker in workers {
            drop(worker.join());
        }
        shared.log(Level::Info, "stopped", json!({}));
        // Nobody may be listening any more.
        events.send(Event::Stopped).unwrap_or_default();
    };
    Ok(std::thread::Builder::new().name("headgate-ops".to_owned()).spawn(run)?)
}

/// Takes a renewed certificate soon after its files change.
async fn watch_certificate(shared: &Shared) {
    let Some(files) = shared.compiled().plan.listen.tls.clone() else { return std::future::pending().await };
    let mut watches = [FileWatch::new(files.cert), FileWatch::new(files.key)];
    loop {
        tokio::time::sleep(CERTIFICATE_LOOK).await;
        // Both are asked, so that a change of both is one renewal.
        if watches.each_mut().map(FileWatch::changed).contains(&true) {
            shared.renew_certificate();
        }
    }
}

/// Waits for the wish to stop, and stops: announce, close, wait, cut.
async fn drain(shared: &Shared) {
    let wish = loop {
        shared.stop_asked.notified().await;
        if let Some(wish) = shared.asked() {
            break wish;
        }
    };
    shared.draining.store(true, Ordering::Relaxed);
    let planned = shared.compiled().plan.drain;
    let (accept_for, grace) = match wish {
        Stop::Planned => (Duration::from_millis(planned.accept_for_ms), Duration::from_millis(planned.grace_ms)),
        Stop::Interrupt => (Duration::ZERO, INTERRUPT_GRACE.min(Duration::from_millis(planned.grace_ms))),
        Stop::AtOnce => (Duration::ZERO, Duration::ZERO),
    };
    shared.log(
        Level::Info,
        "draining",
        json!({"accept_for_ms": accept_for.as_millis(), "grace_ms": grace.as_millis()}),
    );
    shared.phase.send_replace(Phase::Announce);
    urgent(shared, accept_for, std::future::pending()).await;
    shared.phase.send_replace(Phase::Close);
    urgent(shared, grace, ended(shared)).await;
    shared.cut.send_replace(true);
    drop(tokio::time::timeout(LAST_WORDS, ended(shared)).await);
    shared.phase.send_replace(Phase::Cut);
    ended(shared).await;
}

/// Waits for `done`, at most `limit`, and no longer once the wish has become urgent.
async fn urgent(shared: &Shared, limit: Duration, done: impl Future<Output = ()>) {
    let pressed = async {
        while shared.asked() != Some(Stop::AtOnce) {
            shared.stop_asked.notified().await;
        }
    };
    tokio::select! {
        () = tokio::time::sleep(limit) => {}
        () = done => {}
        () = pressed => {}
    }
}

/// Waits until every worker has ended its last connection.
async fn ended(shared: &Shared) {
    for worker in &shared.workers {
        let mut ended = worker.ended.subscribe();
        drop(ended.wait_for(|ended| *ended).await);
    }
}

/// Ends the process as a shell reports one that a signal killed.
#[allow(clippy::disallowed_methods, reason = "who signals twice wants open calls to be cut")]
fn end_at_once(code: i32) -> ! {
    std::process::exit(code)
}

/// What signals ask for; see `signals`.
pub(crate) enum Asked {
    Drain,
    Interrupt,
    Reload,
}

impl Shared {
    /// Does what a signal asks for; a second wish to stop ends the process at once.
    pub(crate) fn obey(&self, asked: &Asked, events: &mpsc::Sender<Event>) {
        let again = self.asked().is_some();
        match asked {
            // Nobody may be listening any more.
            Asked::Reload => events.send(Event::Reload).unwrap_or_default(),
            Asked::Drain if again => end_at_once(143),
            Asked::Interrupt if again => end_at_once(130),
            Asked::Drain => self.ask(Stop::Planned),
            Asked::Interrupt => self.ask(Stop::Interrupt),
        }
    }
}
