//! A job on threads of its own: worlds share nothing, so each thread takes the next one that nobody has.

use crate::fleet;
use crate::job::Job;
use crate::report;
use crate::scenario::Scenario;
use plan::Plan;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A job that is running. Dropping it stops it and waits.
pub struct Running {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    job: Job,
    scenario: Arc<Scenario>,
    plans: Vec<Arc<Plan>>,
    taken: AtomicU64,
    is_stopped: AtomicBool,
    finished: Mutex<Finished>,
    all_done: Condvar,
}

#[derive(Default)]
struct Finished {
    threads: usize,
    /// By number, which is also their order in the result.
    worlds: Vec<(u64, Value)>,
}

/// Starts a job over these plans. The sentence of an error says what does not fit.
pub fn start(plans: Vec<Plan>, job: Job) -> Result<Running, String> {
    if plans.is_empty() {
        return Err("no plan".to_owned());
    }
    plans.iter().try_for_each(|plan| job.fits(plan))?;
    let worlds = job.seeds * plans.len() as u64;
    let count = job.threads.min(usize::try_from(worlds).unwrap_or(usize::MAX));
    let shared = Arc::new(Shared {
        scenario: Arc::new(job.scenario.clone()),
        plans: plans.into_iter().map(Arc::new).collect(),
        job,
        taken: AtomicU64::new(0),
        is_stopped: AtomicBool::new(false),
        finished: Mutex::new(Finished { threads: count, worlds: Vec::new() }),
        all_done: Condvar::new(),
    });
    let mut running = Running { shared, threads: Vec::new() };
    for number in 0..count {
        let leave = Leave(Arc::clone(&running.shared));
        let thread = std::thread::Builder::new().name(format!("simulate-{number}"));
        let started = thread.spawn(move || leave.0.work());
        running.threads.push(started.map_err(|error| format!("no thread could be started: {error}"))?);
    }
    Ok(running)
}

/// Tells the owner that a thread is over, however it ended.
struct Leave(Arc<Shared>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.finished().threads -= 1;
        self.0.all_done.notify_all();
    }
}

impl Shared {
    fn finished(&self) -> MutexGuard<'_, Finished> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn worlds(&self) -> u64 {
        self.job.seeds * self.plans.len() as u64
    }

    /// Runs worlds until none is left. Those of one seed follow each other, so that an early stop leaves pairs.
    fn work(&self) {
        while !self.is_stopped.load(Relaxed) {
            let number = self.taken.fetch_add(1, Relaxed);
            if number >= self.worlds() {
                return;
            }
            let plans = self.plans.len() as u64;
            let index = usize::try_from(number % plans).unwrap_or(0);
            let Some(plan) = self.plans.get(index) else { return };
            let seed = self.job.seed.wrapping_add(number / plans);
            let remains = fleet::run(plan, &self.scenario, seed, || self.is_stopped.load(Relaxed));
            if remains.is_stopped {
                return;
            }
            let world = report::world((index, plan), &self.scenario, seed, remains, self.job.timeline);
            self.finished().worlds.push((number, world));
        }
    }
}

impl Running {
    /// How many worlds are done, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        (self.shared.finished().worlds.len() as u64, self.shared.worlds())
    }

    /// Waits for the end for at most `timeout`; says whether it has come.
    pub fn wait(&self, timeout: Duration) -> bool {
        let waited = self.shared.all_done.wait_timeout_while(self.shared.finished(), timeout, |all| all.threads > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.threads == 0
    }

    /// Ends the job early. Worlds that are done are kept.
    pub fn stop(&self) {
        self.shared.is_stopped.store(true, Relaxed);
    }

    /// The worlds in order, as JSON: `{"worlds": [...], "asked"}`; `None`: it is not over.
    pub fn result(&self) -> Option<String> {
        let mut finished = self.shared.finished();
        if finished.threads > 0 {
            return None;
        }
        finished.worlds.sort_by_key(|(number, _)| *number);
        let worlds: Vec<&Value> = finished.worlds.iter().map(|(_, world)| world).collect();
        Some(json!({"worlds": worlds, "asked": self.shared.worlds()}).to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
