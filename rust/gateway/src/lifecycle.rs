//! Start, reload, stop: the life of a gateway, seen from outside its workers.
//!
//! One thread, `ops`, owns all of it: it answers probes, hears signals and walks the drain's phases, so that none of
//! this depends on a worker or on the program around it (a stuck Python, say).

use crate::compiled::Compiled;
use crate::drain::{Stop, drain};
use crate::ops::{self, OpsSocket};
use crate::shared::Shared;
use crate::start_error::{StartError, display};
use crate::watch_file::FileWatch;
use crate::worker;
use listener::TlsHandle;
use plan::{Level, Plan};
use record::Style;
use serde_json::json;
use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the files of the certificate are looked at.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);

/// What a gateway tells the program around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// SIGHUP came: compile the policy again and call [`Gateway::reload`].
    Reload,
    /// The drain is over; every worker has ended.
    Stopped,
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
        let shared = Arc::new(Shared::new(compiled, workers, style, tls)?);
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
        shared.warn_of_weak_keys();
        if let Some(keep) = shared.books.keep() {
            keep.tell(&shared);
        }
        Ok(Self { shared, events: Mutex::new(heard), ops: Mutex::new(Some(ops)), data_address, ops_address })
    }

    /// Puts a new plan in force. Running calls keep theirs. A plan that cannot be compiled changes nothing, and is
    /// counted and logged.
    pub fn reload(&self, plan: Plan) -> Result<(), StartError> {
        let before = self.shared.compiled();
        match Compiled::new(plan, Some(&before)) {
            Ok(compiled) => {
                let kept = restart_only(&before.plan, &compiled.plan);
                self.shared.note_limits(&compiled.limits);
                self.shared.compiled.store(Arc::new(compiled));
                self.shared.epoch.fetch_add(1, Ordering::Release);
                self.shared.targets.end_quarantines(self.shared.now_ns());
                self.shared.renew_certificate();
                self.shared.warn_of_weak_keys();
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

    /// Writes an event of the program around it, if the plan's level lets it.
    pub fn log(&self, level: Level, event: &str, fields: serde_json::Value) {
        self.shared.log(level, event, fields);
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
        self.shared.stop.ask(Stop::Planned);
    }

    /// Ends everything now; open streams are cut with an error of their dialect.
    pub fn stop(&self) {
        self.shared.stop.ask(Stop::AtOnce);
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
    let journal = |plan: &Plan| {
        let when_full = plan::WhenFull::Serve;
        plan.journal.clone().map(|section| plan::Journal { when_full, ..section })
    };
    [
        ("listen", before.listen != after.listen),
        ("workers", before.workers != after.workers),
        ("journal (all but when_full)", journal(before) != journal(after)),
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
    // Before anybody is told that we serve: from then on a signal is a wish, and not the end.
    let signals = {
        let _entered = runtime.enter();
        crate::signals::listen()
    };
    let run = move || {
        let local = tokio::task::LocalSet::new();
        runtime.block_on(local.run_until(async {
            let serving = tokio::task::spawn_local(ops::serve(socket, Arc::clone(&shared)));
            tokio::select! {
                () = crate::signals::hear(&shared, &events, signals) => {}
                () = watch_certificate(&shared) => {}
                () = drain(&shared) => {}
            }
            serving.abort();
        }));
        for worker in workers {
            drop(worker.join());
        }
        shared.books.close();
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
