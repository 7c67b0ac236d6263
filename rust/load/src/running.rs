//! Start and stop: the threads, and what they leave behind.

use crate::clock::{self, of_ms};
use crate::plan::Plan;
use crate::progress::{self, Board};
use crate::schedule::{self, Schedule};
use crate::spec::Spec;
use crate::tally::Tally;
use crate::target::Target;
use crate::timer::Timer;
use crate::worker::Worker;
use crate::{StartError, limits, report};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};

/// From when all threads are ready to when the load begins: time to open the connections of a closed loop.
const LEAD_NS: u64 = 30_000_000;
/// Tasks that get a turn before the event loop looks for sockets and timers again. The default of 61 may take half a
/// millisecond when each of them makes a system call or two, by which calls would be late.
const TURNS: u32 = 16;

/// When a load counts, on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: u64,
    pub(crate) from: u64,
    pub(crate) until: u64,
}

/// What the threads and their owner share.
pub(crate) struct Shared {
    pub(crate) is_stopped: AtomicBool,
    boards: Mutex<Vec<Board>>,
    finished: Mutex<Finished>,
    all_done: Condvar,
}

#[derive(Default)]
struct Finished {
    open: usize,
    ended: u64,
    tallies: Vec<Tally>,
}

impl Shared {
    pub(crate) fn report(&self, thread: usize, board: Board) {
        if let Some(place) = lock(&self.boards).get_mut(thread) {
            *place = board;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A load that is running. Dropping it stops it and waits.
pub struct Running {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    times: Times,
    threads: Vec<JoinHandle<()>>,
}

/// Starts a load on threads of its own. Blocks for as long as one connection to the target takes.
pub fn start(spec: &Spec) -> Result<Running, StartError> {
    spec.check().map_err(StartError::Spec)?;
    limits::allow(spec.places())?;
    let target = Target::find(spec)?;
    let trace = schedule::trace(spec);
    let plan = Arc::new(Plan::new(spec, target)?);
    let (ready, wait) = channel();
    let shared = Arc::new(Shared {
        is_stopped: AtomicBool::new(false),
        boards: Mutex::new(vec![Board::default(); spec.threads]),
        finished: Mutex::new(Finished { open: spec.threads, ..Finished::default() }),
        all_done: Condvar::new(),
    });
    let mut begins = Vec::new();
    let mut threads = Vec::new();
    for number in 0..spec.threads {
        let (begin, order) = channel();
        let schedule = Schedule::of(spec, &trace, number as u64);
        let job = Job {
            plan: Arc::clone(&plan),
            shared: Arc::clone(&shared),
            number,
            step_ns: of_ms(spec.series_ms),
            schedule,
        };
        let ready = ready.clone();
        let thread = std::thread::Builder::new().name(format!("load-{number}"));
        threads.push(thread.spawn(move || job.run(&ready, &order)).map_err(|error| thread_failed(&error))?);
        begins.push(begin);
    }
    for _ in 0..spec.threads {
        wait.recv().unwrap_or(Err(io::ErrorKind::Other.into())).map_err(|error| thread_failed(&error))?;
    }
    let start = clock::now() + LEAD_NS;
    let from = start + of_ms(spec.warmup_ms);
    let times = Times { start, from, until: from + of_ms(spec.duration_ms) };
    for begin in begins {
        // A thread that said it is ready waits for this.
        let _ = begin.send(times);
    }
    Ok(Running { shared, plan, times, threads })
}

fn thread_failed(error: &io::Error) -> StartError {
    StartError::here(format!("the load engine could not start a thread: {error}"))
}

/// What a thread starts with.
struct Job {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    number: usize,
    step_ns: u64,
    schedule: Option<Schedule>,
}

impl Job {
    fn run(self, ready: &Sender<io::Result<()>>, order: &Receiver<Times>) {
        let built = build();
        let (built, state) = match built {
            Ok(built) => (Some(built), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // The owner has gone when another thread failed to start.
        let _ = ready.send(state);
        let (Some((runtime, timer)), Ok(orders)) = (built, order.recv()) else { return };
        let Self { plan, shared, number, step_ns, schedule } = self;
        let _leave = Leave(Arc::clone(&shared));
        let tally = Tally::new(orders.from, orders.until, step_ns);
        let worker = Rc::new(Worker::new(plan, number, timer, orders.start, tally));
        runtime.block_on(worker.run(schedule, &shared));
        lock(&shared.finished).tallies.push(worker.tally.replace(Tally::new(0, 0, 1)));
    }
}

/// Tells the owner that a thread is over, however it ended.
struct Leave(Arc<Shared>);

impl Drop for Leave {
    fn drop(&mut self) {
        let mut finished = lock(&self.0.finished);
        finished.open -= 1;
        finished.ended = finished.ended.max(clock::now());
        self.0.all_done.notify_all();
    }
}

fn build() -> io::Result<(LocalRuntime, Timer)> {
    let runtime =
        Builder::new_current_thread().enable_io().event_interval(TURNS).build_local(LocalOptions::default())?;
    let timer = {
        let _inside = runtime.enter();
        Timer::new()?
    };
    Ok((runtime, timer))
}

impl Running {
    /// How far it has come, as JSON; a fifth of a second old at most.
    pub fn progress(&self) -> String {
        let is_done = lock(&self.shared.finished).open == 0;
        progress::report(&lock(&self.shared.boards), &self.times, is_done).to_string()
    }

    /// Waits for the end, for at most `timeout`; says whether it has come.
    pub fn wait(&self, timeout: Duration) -> bool {
        let finished = lock(&self.shared.finished);
        let waited = self.shared.all_done.wait_timeout_while(finished, timeout, |finished| finished.open > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.open == 0
    }

    /// Ends the load early. Open calls are given up: they are neither good nor failed, and `open` says
    /// how many of them had been sent. Returns at once.
    pub fn stop(&self) {
        self.shared.is_stopped.store(true, Relaxed);
    }

    /// What was measured, as JSON; `None`: it is not over.
    pub fn result(&self) -> Option<String> {
        let finished = lock(&self.shared.finished);
        if finished.open > 0 {
            return None;
        }
        Some(report::report(&finished.tallies, &self.plan, &self.times, finished.ended).to_string())
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
