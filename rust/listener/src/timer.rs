//! One timer per connection that costs almost nothing while no deadline passes.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use tokio::time::{Instant, Sleep, sleep_until};

/// Wakes its task when a deadline passes.
///
/// Deadlines are plain values that move with every request, mostly ahead. The sleep below is armed once and moved only
/// when a deadline comes before it; when it fires early, it is armed again for the deadline of that time. So a busy
/// connection touches the runtime's timers about once per idle timeout, not per request.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whom the sleep wakes, once it was polled since it was armed.
    waker: Option<Waker>,
}

impl Timer {
    /// Ready once `deadline` has passed; otherwise the task is woken then, or earlier.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| {
            self.waker = None;
            Box::pin(sleep_until(deadline))
        });
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
            self.waker = None;
        } else if sleep.is_elapsed() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
            self.waker = None;
        }
        if self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        if sleep.as_mut().poll(cx).is_ready() {
            return if Instant::now() >= deadline { Poll::Ready(()) } else { self.rearm(cx, deadline) };
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn rearm(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.sleep = None;
        self.waker = None;
        self.poll_until(cx, deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_ahead_fires_at_its_new_time() {
        let start = Instant::now();
        let mut timer = Timer::default();
        let soon = start + Duration::from_secs(1);
        assert!(poll_fn(|cx| Poll::Ready(timer.poll_until(cx, soon))).await.is_pending());
        let later = start + Duration::from_secs(5);
        poll_fn(|cx| timer.poll_until(cx, later)).await;
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moved_back_fires_at_its_new_time() {
        let start = Instant::now();
        let mut timer = Timer::default();
        let later = start + Duration::from_mins(1);
        assert!(poll_fn(|cx| Poll::Ready(timer.poll_until(cx, later))).await.is_pending());
        poll_fn(|cx| timer.poll_until(cx, start + Duration::from_secs(2))).await;
        assert_eq!(start.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_passed_deadline_is_ready_at_once_and_a_later_one_can_follow() {
        let start = Instant::now();
        let mut timer = Timer::default();
        poll_fn(|cx| timer.poll_until(cx, start)).await;
        poll_fn(|cx| timer.poll_until(cx, start + Duration::from_secs(3))).await;
        assert_eq!(start.elapsed().as_secs(), 3);
    }
}
