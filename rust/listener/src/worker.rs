//! What the connections of one worker share.

use crate::date::DateLine;
use crate::{Limits, Live, Phase};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

/// How long a connection may rest once a stop was announced: a request that is on its way is still answered.
pub(crate) const LEAVING_REST: Duration = Duration::from_secs(1);

/// One worker.
pub(crate) struct Worker<S> {
    pub(crate) service: Rc<S>,
    pub(crate) limits: Rc<Limits>,
    pub(crate) live: Arc<Live>,
    pub(crate) dates: DateLine,
    pub(crate) stage: Rc<Stage>,
}

impl<S> Worker<S> {
    pub(crate) fn new(service: Rc<S>, limits: Rc<Limits>, live: Arc<Live>, phase: Phase) -> Rc<Self> {
        let stage = Rc::new(Stage { phase: Cell::new(phase), wakers: RefCell::default() });
        Rc::new(Self { service, limits, live, dates: DateLine::new(), stage })
    }
}

/// The phase of the worker, and whom to wake when it changes.
///
/// A connection registers when it rests, not per request, and stays registered: its waker does not change.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    phase: Cell<Phase>,
    wakers: RefCell<Wakers>,
}

#[derive(Debug, Default)]
struct Wakers {
    slots: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Stage {
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Moves on to `phase`, never back, and wakes every connection that registered.
    pub(crate) fn enter(&self, phase: Phase) {
        if phase <= self.phase.get() {
            return;
        }
        self.phase.set(phase);
        for waker in self.wakers.borrow().slots.iter().flatten() {
            waker.wake_by_ref();
        }
    }

    /// A place for one connection's waker.
    pub(crate) fn place(self: &Rc<Self>) -> Place {
        let mut wakers = self.wakers.borrow_mut();
        let slot = wakers.free.pop().unwrap_or_else(|| {
            wakers.slots.push(None);
            wakers.slots.len() - 1
        });
        Place { stage: Rc::clone(self), slot }
    }
}

/// A connection's place among those that learn of a new phase.
#[derive(Debug)]
pub(crate) struct Place {
    stage: Rc<Stage>,
    slot: usize,
}

impl Place {
    /// The phase, and a wake-up when it changes.
    pub(crate) fn phase(&self, cx: &Context<'_>) -> Phase {
        if let Some(slot) = self.stage.wakers.borrow_mut().slots.get_mut(self.slot)
            && !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *slot = Some(cx.waker().clone());
        }
        self.stage.phase()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut wakers = self.stage.wakers.borrow_mut();
        if let Some(slot) = wakers.slots.get_mut(self.slot) {
            *slot = None;
        }
        wakers.free.push(self.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::task::Wake;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn a_new_phase_wakes_each_place_and_an_old_one_nobody() {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let stage = Rc::new(Stage::default());
        let place = stage.place();
        assert_eq!(place.phase(&Context::from_waker(&waker)), Phase::Open);
        stage.enter(Phase::Close);
        assert_eq!(bell.0.load(Relaxed), 1);
        stage.enter(Phase::Announce);
        assert_eq!((bell.0.load(Relaxed), stage.phase()), (1, Phase::Close));
        drop(place);
        stage.enter(Phase::Cut);
        assert_eq!(bell.0.load(Relaxed), 1);
    }
}
