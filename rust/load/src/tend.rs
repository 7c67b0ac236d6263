//! What a thread does beside its calls, a hundred times a second: deadlines, stalls, its own cost, progress.

use crate::clock;
use crate::progress::Board;
use crate::running::Shared;
use crate::tally::Tally;
use crate::worker::Worker;
use std::sync::atomic::Ordering::Relaxed;

/// How often deadlines are looked at, and stalls are noticed.
const TICK_NS: u64 = 10_000_000;
/// How many ticks there are between two reports of progress.
const REPORT_TICKS: u64 = 20;

/// Tends a thread. Returns when the load is stopped.
pub(crate) async fn tend(worker: &Worker, shared: &Shared) {
    let (mut next, mut ticks, mut cpu) = (clock::now(), 0_u64, Cpu::default());
    loop {
        next = (next + TICK_NS).max(clock::now());
        worker.timer.at(next).await;
        let now = clock::now();
        worker.expire(now);
        let mut tally = worker.tally.borrow_mut();
        tally.steps.reach(now);
        cpu.look(&mut tally, now, worker.timer.take_late_max());
        ticks += 1;
        if ticks.is_multiple_of(REPORT_TICKS) {
            shared.report(worker.number, Board::of(&tally, worker.open()));
        }
        if shared.is_stopped.load(Relaxed) {
            return;
        }
    }
}

/// What a thread costs, from when counting begins.
#[derive(Debug, Default)]
struct Cpu {
    before: Option<(u64, u64)>,
    /// The time that counts is over: what follows only waits for open calls.
    is_over: bool,
}

impl Cpu {
    fn look(&mut self, tally: &mut Tally, now: u64, late: u64) {
        if now < tally.from {
            return;
        }
        let used = clock::thread_cpu();
        let Some((since, before)) = self.before else {
            self.before = Some((now, used));
            return;
        };
        tally.cpu_ns = used - before;
        tally.stall_max_ns = tally.stall_max_ns.max(late);
        if !self.is_over && now > since {
            tally.busy = clock::real(used - before) / clock::real(now - since);
            self.is_over = now >= tally.until;
        }
    }
}
