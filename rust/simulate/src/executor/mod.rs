//! Tasks in virtual time: one thread, no sockets, no clock of the machine.
//!
//! Time stands still while a task runs. When none can run, it jumps to the next timer. Tasks run in the order in which
//! they were woken, timers of one instant in the order in which they were set: the same tasks make the same history.

mod gate;
mod race;
mod ready;
mod timers;

pub(crate) use gate::{Entered, Gate, Slot};
pub(crate) use race::{First, race};
pub(crate) use timers::Sleep;

use ready::Ready;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use timers::Timers;

/// So many turns of tasks within one instant are a defect: something asks again and again without waiting.
const MOST_TURNS: u64 = 1_000_000;
/// How often the owner is asked whether to stop, in timers.
const LOOKS: u64 = 4096;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Why a world ended before all its tasks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// Tasks are left, and nothing will ever wake them.
    Asleep {
        /// How many.
        tasks: usize,
    },
    /// Tasks run on and on within one instant.
    Spinning,
    /// The owner said so.
    Stopped,
}

/// The tasks and the time of one world. A clone is another handle on the same.
#[derive(Clone)]
pub(crate) struct Executor(Rc<Inner>);

struct Inner {
    now: Cell<u64>,
    timers: Timers,
    ready: Ready,
    slots: RefCell<Vec<Place>>,
    free: RefCell<Vec<usize>>,
    open: Cell<usize>,
}

/// Where a task stands while it waits. Its waker is made once and serves those that stand there after it: to be woken
/// for another's sake costs a turn and changes nothing.
struct Place {
    task: Option<Task>,
    waker: Waker,
}

impl Executor {
    /// A world without tasks, at 0 ns.
    pub(crate) fn new() -> Self {
        Self(Rc::new(Inner {
            now: Cell::new(0),
            timers: Timers::default(),
            ready: Ready::default(),
            slots: RefCell::default(),
            free: RefCell::default(),
            open: Cell::new(0),
        }))
    }

    /// The time, in nanoseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        self.0.now.get()
    }

    /// Tasks that are not over.
    pub(crate) fn open(&self) -> usize {
        self.0.open.get()
    }

    /// Adds a task; it has its first turn after those that are ready now.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let inner = &self.0;
        let task: Task = Box::pin(task);
        let mut slots = inner.slots.borrow_mut();
        let free = inner.free.borrow_mut().pop();
        let number = free.unwrap_or_else(|| {
            let number = slots.len();
            slots.push(Place { task: None, waker: inner.ready.waker(number) });
            number
        });
        if let Some(place) = slots.get_mut(number) {
            place.task = Some(task);
        }
        inner.open.set(inner.open.get() + 1);
        inner.ready.push(number);
    }

    /// Waits until then; not at all where that has passed.
    pub(crate) fn sleep_until(&self, at_ns: u64) -> Sleep {
        Sleep::new(self.clone(), at_ns)
    }

    /// Runs until no task is left. `stop` is asked now and then.
    pub(crate) fn run(&self, stop: impl Fn() -> bool) -> Result<(), Stuck> {
        for round in 1_u64.. {
            self.turns()?;
            if self.open() == 0 {
                return Ok(());
            }
            if round.is_multiple_of(LOOKS) && stop() {
                return Err(Stuck::Stopped);
            }
            let Some((at, waker)) = self.0.timers.next() else { return Err(Stuck::Asleep { tasks: self.open() }) };
            self.0.now.set(at.max(self.now()));
            waker.wake();
        }
        Ok(())
    }

    /// Ends all tasks where they stand.
    pub(crate) fn clear(&self) {
        let tasks: Vec<_> = self.0.slots.borrow_mut().iter_mut().filter_map(|place| place.task.take()).collect();
        self.0.open.set(self.open() - tasks.len());
        drop(tasks);
    }

    /// Runs what can run now.
    fn turns(&self) -> Result<(), Stuck> {
        for _ in 0..MOST_TURNS {
            let Some(number) = self.0.ready.pop() else { return Ok(()) };
            self.turn(number);
        }
        Err(Stuck::Spinning)
    }

    fn turn(&self, number: usize) {
        let taken = self.0.slots.borrow_mut().get_mut(number).map(|place| (place.task.take(), place.waker.clone()));
        let Some((Some(mut task), waker)) = taken else { return };
        // No cell is borrowed here: a task may add tasks.
        let is_over = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        if is_over {
            self.0.open.set(self.open() - 1);
            self.0.free.borrow_mut().push(number);
            drop(task);
        } else if let Some(place) = self.0.slots.borrow_mut().get_mut(number) {
            place.task = Some(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> bool {
        false
    }

    #[test]
    fn time_jumps_to_the_next_timer_and_timers_of_one_instant_keep_their_order() {
        let world = Executor::new();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for (name, at) in [("a", 30), ("b", 10), ("c", 30), ("d", 0)] {
            let (inside, seen) = (world.clone(), Rc::clone(&seen));
            world.spawn(async move {
                inside.sleep_until(at).await;
                seen.borrow_mut().push((name, inside.now()));
            });
        }
        assert_eq!(world.run(never), Ok(()));
        assert_eq!(*seen.borrow(), [("d", 0), ("b", 10), ("a", 30), ("c", 30)]);
    }

    #[test]
    fn a_task_may_add_tasks_and_their_places_are_used_again() {
        let world = Executor::new();
        let inside = world.clone();
        world.spawn(async move {
            for turn in 1..=100 {
                inside.sleep_until(turn * 10).await;
                let child = inside.clone();
                inside.spawn(async move { child.sleep_until(turn * 10 + 5).await });
            }
        });
        assert_eq!(world.run(never), Ok(()));
        assert_eq!((world.now(), world.open(), world.0.slots.borrow().len()), (1005, 0, 2));
    }

    #[test]
    fn what_nothing_will_wake_is_told() {
        let world = Executor::new();
        world.spawn(std::future::pending());
        assert_eq!(world.run(never), Err(Stuck::Asleep { tasks: 1 }));
    }

    #[test]
    fn a_task_that_never_waits_is_told() {
        let world = Executor::new();
        world.spawn(std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }));
        assert_eq!(world.run(never), Err(Stuck::Spinning));
    }

    #[test]
    fn a_world_stops_when_its_owner_says_so() {
        let world = Executor::new();
        let inside = world.clone();
        world.spawn(async move {
            loop {
                inside.sleep_until(inside.now() + 1).await;
            }
        });
        assert_eq!(world.run(|| true), Err(Stuck::Stopped));
    }
}
