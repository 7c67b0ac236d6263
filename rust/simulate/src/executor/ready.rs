//! Which tasks can run, in the order in which they were woken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The queue. A waker has to be one that could cross threads, hence the lock; nobody ever waits for it.
#[derive(Default)]
pub(super) struct Ready(Arc<Mutex<VecDeque<usize>>>);

struct Bell {
    queue: Arc<Mutex<VecDeque<usize>>>,
    task: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.task);
    }
}

impl Ready {
    /// What wakes this task.
    pub(super) fn waker(&self, task: usize) -> Waker {
        Waker::from(Arc::new(Bell { queue: Arc::clone(&self.0), task }))
    }

    /// Puts a task at the end.
    pub(super) fn push(&self, task: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(task);
    }

    /// The next task.
    pub(super) fn pop(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
