//! A worker: one thread, one event loop, one share of the listening sockets.

use crate::books::{self, Lookout};
use crate::local::Local;
use crate::probes::Prober;
use crate::serve::Server;
use crate::shared::Shared;
use crate::snapshot::Snapshot;
use crate::start_error::StartError;
use listener::{Listening, Share};
use plan::{CallLog, Plan, Workers};
use record::{Lines, Meters, RequestIds, Wants, Wheel};
use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::LocalOptions;
use tokio::sync::watch;
use tokio::task::JoinSet;
use upstream::Pools;

/// How often alarms are looked at while there are any: what a deadline may be late by.
const TICK: Duration = Duration::from_millis(20);
/// How often a worker shows that it lives, and hands over its log lines.
const ROUND: Duration = Duration::from_millis(250);
/// How many batches of log lines may wait for the writer.
const LOG_QUEUE: usize = 256;

/// What others see of a worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) meters: Arc<Meters>,
    /// Milliseconds since the start at which its event loop last turned.
    pub(crate) heartbeat: AtomicU64,
    /// Whether its last connection has ended.
    pub(crate) ended: watch::Sender<bool>,
}

impl Default for Worker {
    fn default() -> Self {
        Self { meters: Arc::default(), heartbeat: AtomicU64::new(0), ended: watch::Sender::new(false) }
    }
}

/// How many workers a plan asks for: what the cgroup's quota and the affinity give, or as stated.
pub(crate) fn count(workers: Workers) -> usize {
    match workers {
        Workers::Fixed(count) => usize::from(count).max(1),
        Workers::Auto => std::thread::available_parallelism().map_or(1, usize::from),
    }
}

/// Which calls the plan wants in the log.
pub(crate) const fn wants(plan: &Plan) -> Wants {
    match plan.log.calls {
        CallLog::Off => Wants::Nothing,
        CallLog::Errors => Wants::Errors,
        CallLog::All => Wants::All,
    }
}

/// Starts all workers and the writer of their log lines. Returns once each takes connections.
pub(crate) fn spawn_all(shared: &Arc<Shared>, listening: Listening) -> Result<Vec<JoinHandle<()>>, StartError> {
    let (log, written) = sync_channel(LOG_QUEUE);
    let mut threads = vec![spawn("headgate-log", move || write_log(&written))?];
    let (ready, up) = mpsc::channel();
    let sockets = listening.into_shares();
    let count = sockets.len();
    for (index, share) in sockets.into_iter().enumerate() {
        let (shared, log, ready) = (Arc::clone(shared), log.clone(), ready.clone());
        threads.push(spawn(&format!("headgate-{index}"), move || {
            let result = run(index, share, &shared, log, &ready);
            shared.workers[index].ended.send_replace(true);
            // The one who waits hears of it; later there is nobody, and the worker's end speaks for itself.
            drop(ready.send(result));
        })?);
    }
    drop(ready);
    for _ in 0..count {
        up.recv().unwrap_or_else(|_| Err(std::io::Error::other("a worker ended while it started")))?;
    }
    Ok(threads)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// Writes lines to standard error until every worker has ended.
fn write_log(lines: &mpsc::Receiver<Vec<u8>>) {
    use std::io::Write;
    while let Ok(lines) = lines.recv() {
        // A log that cannot be written has nowhere to say so.
        drop(std::io::stderr().lock().write_all(&lines));
    }
}

/// One worker's life.
fn run(
    index: usize,
    share: Share,
    shared: &Arc<Shared>,
    log: SyncSender<Vec<u8>>,
    ready: &mpsc::Sender<std::io::Result<()>>,
) -> std::io::Result<()> {
    // Tasks that stay on this thread, without a set of their own that would be polled at every turn.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let server = server(index, shared, log, Pools::new())?;
        drop(ready.send(Ok(())));
        work(index, share, server).await
    })
}

/// Serves a share until it is drained. Runs on a local runtime, or in a `LocalSet`; dropping it ends all of it at once.
pub(crate) async fn work(index: usize, share: Share, server: Server) -> std::io::Result<()> {
    let server = Rc::new_cyclic(|me| Server { me: Weak::clone(me), ..server });
    let shared = &server.shared;
    let mut beside = JoinSet::new();
    beside.spawn_local(turn_wheel(Rc::clone(&server.wheel)));
    beside.spawn_local(go_rounds(index, Rc::clone(&server)));
    beside.spawn_local(cut_when_told(shared.cut.subscribe(), Rc::clone(&server.wheel)));
    let limits = Rc::new(listener::Limits::new(&shared.compiled().plan.http));
    let phase = shared.phase.subscribe();
    listener::serve(share, shared.tls.clone(), Rc::clone(&server), limits, phase, Arc::clone(&shared.live)).await?;
    server.local.finish().await;
    server.lines.flush();
    Ok(())
}

/// What a worker answers calls with, over the connections of `pools`.
pub(crate) fn server(
    index: usize,
    shared: &Arc<Shared>,
    log: SyncSender<Vec<u8>>,
    pools: Pools,
) -> std::io::Result<Server> {
    let mut seeds = [0; 16];
    getrandom::fill(&mut seeds).map_err(|e| std::io::Error::other(e.to_string()))?;
    let [a, b] =
        [&seeds[..8], &seeds[8..]].map(|half| half.iter().fold(0, |seed, byte| (seed << 8) | u64::from(*byte)));
    let meters = Arc::clone(&shared.workers[index].meters);
    // What is known of targets is shared, and so is the clock that it goes by.
    let base = shared.started;
    let wheel = Wheel::new(move || u64::try_from(base.elapsed().as_nanos()).unwrap_or(u64::MAX));
    let epoch = shared.epoch();
    let compiled = shared.compiled();
    let lines = Rc::new(Lines::new(shared.style, log));
    lines.want(wants(&compiled.plan));
    let book = shared.books.book(index);
    if let Some(book) = &book {
        books::set_clock(book, wheel.now());
    }
    Ok(Server {
        me: Weak::new(),
        shared: Arc::clone(shared),
        pools,
        wheel: Rc::clone(&wheel),
        lines: Rc::clone(&lines),
        ids: RequestIds::new(a),
        local: Local::new(Arc::clone(shared), Rc::clone(&wheel), lines, b),
        snapshot: RefCell::new(Rc::new(Snapshot::new(compiled, epoch, Arc::clone(&meters), &shared.targets))),
        book,
        meters,
    })
}

/// Rings the alarms that are due; sleeps while there are none.
async fn turn_wheel(wheel: Rc<Wheel>) {
    loop {
        std::future::poll_fn(|cx| wheel.poll_busy(cx)).await;
        tokio::time::sleep(TICK).await;
        wheel.ring();
    }
}

/// Shows that the worker lives, and does what no call should wait for.
async fn go_rounds(index: usize, server: Rc<Server>) {
    let mut prober = (index == 0).then(Prober::default);
    let lookout = (index == 0).then(Lookout::default);
    let mut turn = 0;
    loop {
        if let Some(prober) = &mut prober {
            prober.round(&server);
            keep_accounts(&server, &mut turn);
        }
        server.shared.workers[index].heartbeat.store(server.shared.uptime_ms(), Ordering::Relaxed);
        if let Some(book) = &server.book {
            books::set_clock(book, server.wheel.now());
        }
        if let Some(lookout) = &lookout {
            lookout.look(&server.shared);
        }
        server.lines.flush();
        server.shared.streams.sweep(server.wheel.now());
        server.meters.log_dropped.add(server.lines.take_dropped());
        let pool = server.pools.gauges();
        server.meters.pool_open.set(i64::try_from(pool.open).unwrap_or(i64::MAX));
        server.meters.pool_idle.set(i64::try_from(pool.idle).unwrap_or(i64::MAX));
        tokio::time::sleep(ROUND).await;
    }
}

/// Looks at the clock, and forgets a part of what limits need not know any more.
fn keep_accounts(server: &Server, turn: &mut usize) {
    let shared = &server.shared;
    shared.clock.look(server.wheel.now());
    let limits = &shared.compiled.load().limits;
    limits.accounts().sweep(*turn, server.local.moment(), limits.forget_ns());
    *turn += 1;
}

/// Ends the time of all calls when the drain's grace is over.
async fn cut_when_told(mut told: watch::Receiver<bool>, wheel: Rc<Wheel>) {
    if told.wait_for(|cut| *cut).await.is_ok() {
        wheel.cut();
    }
}
