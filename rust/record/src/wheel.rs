//! Time as the stages see it: a reading in nanoseconds, and alarms that are coarse and almost free.
//!
//! A call needs up to four deadlines at once and nearly none ever fires. So an [`Alarm`] is a number in a slot that the
//! owner overwrites at will; the worker looks at all slots once per tick ([`Wheel::ring`]). Setting one costs a store,
//! not a place in an ordered structure, and asking whether it is due reads a flag, not the clock; looking at 10,000 every
//! 20 ms costs less than a thousandth of a core. An alarm is late by at most one tick, never early.
//!
//! The driver of the wheel (a timer task in `gateway`, a virtual clock in tests) decides what time is.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The time and the alarms of one worker.
pub struct Wheel {
    now: Box<dyn Fn() -> u64>,
    slots: RefCell<Slots>,
    cut: Cell<bool>,
}

#[derive(Default)]
struct Slots {
    entries: Vec<Slot>,
    free: Vec<usize>,
    driver: Option<Waker>,
}

struct Slot {
    at: u64,
    due: bool,
    waker: Option<Waker>,
}

/// An alarm that is not set.
const NEVER: u64 = u64::MAX;

impl Wheel {
    /// A wheel over a clock that yields nanoseconds since some fixed moment and never goes back.
    pub fn new(now: impl Fn() -> u64 + 'static) -> Rc<Self> {
        Rc::new(Self { now: Box::new(now), slots: RefCell::default(), cut: Cell::new(false) })
    }

    /// Nanoseconds since the wheel's fixed moment.
    pub fn now(&self) -> u64 {
        (self.now)()
    }

    /// A new alarm, not set.
    pub fn alarm(self: &Rc<Self>) -> Alarm {
        let mut slots = self.slots.borrow_mut();
        let empty = Slot { at: NEVER, due: false, waker: None };
        let slot = if let Some(slot) = slots.free.pop() {
            slots.entries[slot] = empty;
            slot
        } else {
            slots.entries.push(empty);
            slots.entries.len() - 1
        };
        if let Some(driver) = slots.driver.take() {
            driver.wake();
        }
        Alarm { wheel: Rc::clone(self), slot }
    }

    /// Wakes whoever waits for an alarm that is due. Called once per tick.
    pub fn ring(&self) {
        let now = if self.cut.get() { NEVER } else { self.now().min(NEVER - 1) };
        for slot in &mut self.slots.borrow_mut().entries {
            slot.due = slot.at <= now;
            if slot.due
                && let Some(waker) = slot.waker.take()
            {
                waker.wake();
            }
        }
    }

    /// Ready once there is an alarm to look after; the driver need not tick before.
    pub fn poll_busy(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut slots = self.slots.borrow_mut();
        if slots.free.len() < slots.entries.len() {
            return Poll::Ready(());
        }
        slots.driver = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends the time of all calls: every alarm, set or not, is due from now on.
    pub fn cut(&self) {
        self.cut.set(true);
        self.ring();
    }

    /// Whether [`Wheel::cut`] was called.
    pub fn is_cut(&self) -> bool {
        self.cut.get()
    }
}

impl fmt::Debug for Wheel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel").field("now", &self.now()).field("cut", &self.cut.get()).finish_non_exhaustive()
    }
}

/// One alarm of a [`Wheel`]; freed when dropped.
#[derive(Debug)]
pub struct Alarm {
    wheel: Rc<Wheel>,
    slot: usize,
}

impl Alarm {
    /// Sets the alarm to a moment of the wheel's clock, in nanoseconds; `None` takes it back.
    pub fn set(&self, at: Option<u64>) {
        let slot = &mut self.wheel.slots.borrow_mut().entries[self.slot];
        slot.at = at.unwrap_or(NEVER);
        slot.due = false;
    }

    /// Ready once the alarm is due, or all time was cut.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.wheel.cut.get() {
            return Poll::Ready(());
        }
        let slot = &mut self.wheel.slots.borrow_mut().entries[self.slot];
        if slot.due {
            return Poll::Ready(());
        }
        if !slot.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            slot.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Runs `work` until it ends or the alarm is due; `None` in the latter case, and `work` is dropped.
    pub async fn limit<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll(cx).map(|()| None),
        })
        .await
    }

    /// The wheel that the alarm belongs to.
    pub fn wheel(&self) -> &Rc<Wheel> {
        &self.wheel
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut slots = self.wheel.slots.borrow_mut();
        let entry = &mut slots.entries[self.slot];
        entry.at = NEVER;
        entry.waker = None;
        slots.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn wheel() -> (Rc<Wheel>, Rc<Cell<u64>>) {
        let time = Rc::new(Cell::new(0));
        let read = Rc::clone(&time);
        (Wheel::new(move || read.get()), time)
    }

    #[test]
    fn an_alarm_wakes_once_it_is_due_and_not_before() {
        let (wheel, time) = wheel();
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let alarm = wheel.alarm();
        alarm.set(Some(100));
        assert!(alarm.poll(&mut Context::from_waker(&waker)).is_pending());
        time.set(99);
        wheel.ring();
        assert_eq!(bell.0.load(Ordering::Relaxed), 0);
        time.set(100);
        wheel.ring();
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert!(alarm.poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn a_cut_rings_alarms_that_were_never_set() {
        let (wheel, _) = wheel();
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let alarm = wheel.alarm();
        assert!(alarm.poll(&mut Context::from_waker(&waker)).is_pending());
        wheel.cut();
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
        assert!(alarm.poll(&mut Context::from_waker(&waker)).is_ready());
    }

    #[test]
    fn slots_are_used_again() {
        let (wheel, _) = wheel();
        for _ in 0..1000 {
            drop(wheel.alarm());
        }
        assert_eq!(wheel.slots.borrow().entries.len(), 1);
        assert!(wheel.poll_busy(&mut Context::from_waker(Waker::noop())).is_pending());
        let _held = wheel.alarm();
        assert!(wheel.poll_busy(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
