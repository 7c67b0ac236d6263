//! One thread's share of a load: its event loop, its connections, its counts.

use crate::clock::{self, whole};
use crate::plan::Plan;
use crate::progress::Board;
use crate::running::Shared;
use crate::schedule::{Due, Schedule};
use crate::seat::{Caller, Seat};
use crate::spec::Arrivals;
use crate::tally::{Arrival, Tally};
use crate::tend::tend;
use crate::timer::Timer;
use random::Rng;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Calls that are handed out before the connections get a turn.
const BURST: usize = 32;
/// A call whose time came this shortly before the end may still be sent, for nobody sends at the very moment. Where
/// the oldest has waited longer, the load is behind, and all that wait are given up.
const GRACE_NS: u64 = 100_000_000;
/// How many calls are given up before the connections get a turn.
const GIVEN_UP: usize = 1024;
/// How often it is looked whether the last calls have found a place.
const LOOK_NS: u64 = 10_000_000;
/// How long a place waits after it could not connect: this, and twice as long each time up to the most.
const BACKOFF_NS: (u64, u64) = (10_000_000, 1_000_000_000);

/// One thread.
pub(crate) struct Worker {
    pub(crate) plan: Arc<Plan>,
    pub(crate) number: usize,
    pub(crate) timer: Timer,
    pub(crate) tally: RefCell<Tally>,
    /// Answers that were begun, for sampling.
    pub(crate) sample: Cell<u64>,
    /// When the load begins and ends, on the monotonic clock.
    start: u64,
    end: u64,
    seats: RefCell<Vec<Rc<Seat>>>,
    idle: RefCell<Vec<Rc<Seat>>>,
    /// Calls that wait for a place; empty while one is idle.
    queue: RefCell<VecDeque<Arrival>>,
    is_over: Cell<bool>,
    turn: Cell<u64>,
}

impl Worker {
    /// A thread's share. `start` is when the load begins, warm-up included.
    pub(crate) fn new(plan: Arc<Plan>, number: usize, timer: Timer, start: u64, tally: Tally) -> Self {
        Self {
            number,
            timer,
            sample: Cell::new(0),
            start,
            end: tally.until,
            tally: RefCell::new(tally),
            seats: RefCell::default(),
            idle: RefCell::default(),
            queue: RefCell::default(),
            is_over: Cell::new(false),
            turn: Cell::new(number as u64),
            plan,
        }
    }

    /// Runs the whole load, or until it is stopped.
    pub(crate) async fn run(self: &Rc<Self>, schedule: Option<Schedule>, shared: &Shared) {
        tokio::select! {
            biased;
            () = self.make_calls(schedule) => {}
            () = tend(self, shared) => {}
            // Last: by then those above have said when they want to be woken next, and the timer is set once.
            () = self.timer.drive() => {}
        }
        let mut tally = self.tally.borrow_mut();
        tally.steps.finish();
        shared.report(self.number, Board::of(&tally, 0));
    }

    /// Ends the calls whose time is up.
    pub(crate) fn expire(&self, now: u64) {
        let seats = self.seats.borrow();
        let is_up = |deadline: u64| deadline != 0 && deadline <= now;
        seats.iter().filter(|seat| is_up(seat.deadline.get())).for_each(|seat| seat.expire());
    }

    /// When the last call may be sent.
    pub(crate) const fn last_sending(&self) -> u64 {
        self.end + GRACE_NS
    }

    /// Calls that are being made or wait for a place.
    pub(crate) fn open(&self) -> u64 {
        let made = self.seats.borrow().iter().filter(|seat| seat.deadline.get() != 0).count();
        (made + self.queue.borrow().len()) as u64
    }

    async fn make_calls(self: &Rc<Self>, schedule: Option<Schedule>) {
        let mut tasks = JoinSet::new();
        match schedule {
            Some(schedule) => self.dispatch(schedule, &mut tasks).await,
            None => {
                for _ in 0..self.plan.places_of(self.number) {
                    tasks.spawn_local(call_in_turn(self.sit_down()));
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Hands out calls at their times, and gives up those that cannot be sent before the load is over.
    async fn dispatch(self: &Rc<Self>, mut schedule: Schedule, tasks: &mut JoinSet<()>) {
        let mut burst = 0;
        let mut missed = None;
        for due in schedule.by_ref() {
            let intended = self.start + due.at_ns;
            let mut picked = clock::now();
            if picked < intended {
                self.timer.at(intended).await;
                (picked, burst) = (clock::now(), 0);
            } else if burst == BURST {
                tokio::task::yield_now().await;
                (picked, burst) = (clock::now(), 0);
            }
            if self.is_behind(picked, intended) {
                missed = Some(due);
                break;
            }
            burst += 1;
            self.hand_out(Arrival { intended, picked, call: due.call, queued: false }, tasks);
        }
        let mut now = clock::now();
        while !self.queue.borrow().is_empty() && !self.is_behind(now, self.end) {
            let next = now + LOOK_NS;
            self.timer.at(if now < self.end { next.min(self.end) } else { next }).await;
            now = clock::now();
        }
        self.give_up(missed.into_iter().chain(schedule)).await;
        self.is_over.set(true);
        self.idle.borrow().iter().for_each(|seat| seat.wake());
    }

    /// Whether the load is over, and the oldest call that is not sent has waited too long for it; `next` is the time of
    /// the oldest if none is queued.
    fn is_behind(&self, now: u64, next: u64) -> bool {
        now >= self.end && now >= self.queue.borrow().front().map_or(next, |oldest| oldest.intended) + GRACE_NS
    }

    /// Gives up the calls that wait for a place, and those that nobody came to.
    async fn give_up(&self, missed: impl Iterator<Item = Due>) {
        let now = clock::now();
        let missed = missed.map(|due| {
            let intended = self.start + due.at_ns;
            self.tally.borrow_mut().ask(intended);
            Arrival { intended, picked: now, call: due.call, queued: false }
        });
        for (count, arrival) in (1_usize..).zip(self.queue.take().into_iter().chain(missed)) {
            self.tally.borrow_mut().unsent(&arrival, now);
            if count.is_multiple_of(GIVEN_UP) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn hand_out(self: &Rc<Self>, arrival: Arrival, tasks: &mut JoinSet<()>) {
        self.tally.borrow_mut().ask(arrival.intended);
        // The place that rested last: what it uses is still in the caches, and no more connections stay open than needed.
        if let Some(seat) = self.idle.borrow_mut().pop() {
            return seat.give(arrival);
        }
        if self.seats.borrow().len() < self.plan.places_of(self.number) {
            let caller = self.sit_down();
            caller.seat.give(arrival);
            tasks.spawn_local(call_when_told(Rc::clone(self), caller));
            return;
        }
        let mut queue = self.queue.borrow_mut();
        let mut tally = self.tally.borrow_mut();
        if arrival.intended >= tally.from {
            // What the warm-up left waiting counts for nothing, and would only keep those waiting that do count.
            while queue.pop_front_if(|oldest| oldest.intended < tally.from).is_some() {}
        }
        queue.push_back(Arrival { queued: true, ..arrival });
        if arrival.intended >= tally.from {
            tally.backlog_max = tally.backlog_max.max(queue.len() as u64);
        }
    }

    /// Makes one more place.
    fn sit_down(self: &Rc<Self>) -> Caller {
        let seat = Rc::new(Seat::default());
        let mut seats = self.seats.borrow_mut();
        seats.push(Rc::clone(&seat));
        let number = (seats.len() - 1) * self.plan.threads + self.number;
        Caller::new(Rc::clone(self), seat, number)
    }

    /// A call that is due now because the one before it is over.
    fn due_now(&self) -> Arrival {
        let (now, call) = (clock::now(), self.turn.get());
        self.due(Due { at_ns: now, call })
    }

    fn due(&self, due: Due) -> Arrival {
        self.turn.set(due.call + self.plan.threads as u64);
        if due.at_ns < self.end {
            self.tally.borrow_mut().ask(due.at_ns);
        }
        Arrival { intended: due.at_ns, picked: clock::now(), call: due.call, queued: false }
    }
}

/// The task of a place in an open loop.
async fn call_when_told(worker: Rc<Worker>, mut caller: Caller) {
    loop {
        let seat = Rc::clone(&caller.seat);
        let Some(arrival) = seat.job(&mut caller.wire, &worker.is_over).await else { return };
        let mut next = Some(arrival);
        while let Some(arrival) = next {
            caller.call(arrival).await;
            next = worker.queue.borrow_mut().pop_front();
        }
        worker.idle.borrow_mut().push(seat);
    }
}

/// The task of a place whose calls follow each other: at once, or when a user has thought.
async fn call_in_turn(mut caller: Caller) {
    let worker = Rc::clone(caller.worker());
    let think_ns = match worker.plan.arrivals {
        Arrivals::Users { think_ms, .. } => Some(think_ms * 1e6),
        _ => None,
    };
    let mut rng = Rng::of(worker.plan.seed, caller.number() as u64);
    caller.connect().await;
    worker.timer.at(worker.start).await;
    let mut backoff = BACKOFF_NS.0;
    loop {
        let arrival = match think_ns {
            None => worker.due_now(),
            Some(think_ns) => {
                let at_ns = clock::now() + whole(rng.exponential() * think_ns);
                worker.timer.at(at_ns.min(worker.end)).await;
                worker.due(Due { at_ns, call: worker.turn.get() })
            }
        };
        if arrival.intended >= worker.end {
            return;
        }
        if caller.call(arrival).await {
            backoff = BACKOFF_NS.0;
        } else {
            worker.timer.at(clock::now() + backoff).await;
            backoff = (backoff * 2).min(BACKOFF_NS.1);
        }
    }
}
