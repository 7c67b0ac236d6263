//! A provider's places: so many are served at once, so many wait, the rest is turned away.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// Places and the queue for them, first come, first served.
pub(crate) struct Gate {
    free: Cell<u32>,
    /// Also those who have left: they are passed over when their turn comes.
    queue: RefCell<VecDeque<Rc<Ticket>>>,
    waiting: Cell<u32>,
    longest: u32,
}

/// What came of asking for a place.
pub(crate) enum Entered {
    /// A place.
    Now(Slot),
    /// A place in the queue; it ends with a place.
    Wait(Wait),
    /// No place, and the queue is full.
    Full,
}

/// A place that is taken; dropping it gives it to the first in the queue.
pub(crate) struct Slot(Rc<Gate>);

/// One who waits.
struct Ticket {
    state: Cell<State>,
    waker: RefCell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Called,
    Gone,
}

/// Waits for a place; dropping it leaves the queue.
pub(crate) struct Wait {
    gate: Rc<Gate>,
    ticket: Rc<Ticket>,
}

impl Gate {
    /// `places` are served at once, `queue` may wait.
    pub(crate) fn new(places: u32, queue: u32) -> Rc<Self> {
        Rc::new(Self { free: Cell::new(places), queue: RefCell::default(), waiting: Cell::new(0), longest: queue })
    }

    /// Asks for a place.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        if let Some(left) = self.free.get().checked_sub(1) {
            self.free.set(left);
            return Entered::Now(Slot(Rc::clone(self)));
        }
        if self.waiting.get() >= self.longest {
            return Entered::Full;
        }
        self.waiting.set(self.waiting.get() + 1);
        let ticket = Rc::new(Ticket { state: Cell::new(State::Waiting), waker: RefCell::default() });
        self.queue.borrow_mut().push_back(Rc::clone(&ticket));
        Entered::Wait(Wait { gate: Rc::clone(self), ticket })
    }

    /// Places that nobody has.
    pub(crate) fn free(&self) -> u32 {
        self.free.get()
    }

    fn give(&self) {
        let next = {
            let mut queue = self.queue.borrow_mut();
            std::iter::from_fn(|| queue.pop_front()).find(|ticket| ticket.state.get() == State::Waiting)
        };
        let Some(ticket) = next else { return self.free.set(self.free.get() + 1) };
        ticket.state.set(State::Called);
        self.waiting.set(self.waiting.get() - 1);
        if let Some(waker) = ticket.waker.take() {
            waker.wake();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.give();
    }
}

impl Future for Wait {
    type Output = Slot;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Slot> {
        if self.ticket.state.get() == State::Called {
            self.ticket.state.set(State::Gone);
            return Poll::Ready(Slot(Rc::clone(&self.gate)));
        }
        self.ticket.waker.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        match self.ticket.state.replace(State::Gone) {
            State::Waiting => self.gate.waiting.set(self.gate.waiting.get() - 1),
            State::Called => self.gate.give(), // a place that was given and never taken
            State::Gone => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Executor;
    use super::*;

    #[test]
    fn so_many_are_served_so_many_wait_and_the_rest_is_turned_away() {
        let gate = Gate::new(2, 1);
        let (Entered::Now(first), Entered::Now(_second)) = (gate.enter(), gate.enter()) else { panic!("two places") };
        let Entered::Wait(waiting) = gate.enter() else { panic!("a queue of one") };
        assert!(matches!(gate.enter(), Entered::Full));
        drop(waiting);
        assert!(matches!(gate.enter(), Entered::Wait(_)), "who leaves the queue makes room in it");
        drop(first);
        assert_eq!(gate.free(), 1);
    }

    #[test]
    fn a_place_goes_to_the_first_in_the_queue_and_past_those_who_left() {
        let (world, gate) = (Executor::new(), Gate::new(1, 10));
        let served = Rc::new(RefCell::new(Vec::new()));
        for (number, leaves_at) in [(0, u64::MAX), (1, u64::MAX), (2, 5), (3, u64::MAX)] {
            let (inside, gate, served) = (world.clone(), Rc::clone(&gate), Rc::clone(&served));
            world.spawn(async move {
                let slot = match gate.enter() {
                    Entered::Now(slot) => slot,
                    Entered::Wait(wait) => match super::super::race(wait, inside.sleep_until(leaves_at)).await {
                        super::super::First::Left(slot) => slot,
                        super::super::First::Right(()) => return,
                    },
                    Entered::Full => return,
                };
                inside.sleep_until(inside.now() + 10).await;
                served.borrow_mut().push((number, inside.now()));
                drop(slot);
            });
        }
        assert!(world.run(|| false).is_ok());
        assert_eq!(*served.borrow(), [(0, 10), (1, 20), (3, 30)]);
        assert_eq!(gate.free(), 1);
    }
}
