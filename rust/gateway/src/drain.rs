//! A stop, step by step: announce, close, wait, cut. And who may ask for one.

use crate::lifecycle::Event;
use crate::shared::Shared;
use listener::Phase;
use plan::Level;
use serde_json::json;
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::Notify;

/// How long workers may need to send the last words of streams that a drain's end cuts.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Grace of a drain that Ctrl-C asked for, at most.
const INTERRUPT_GRACE: Duration = Duration::from_secs(10);

/// How a stop was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// As the plan says.
    Planned,
    /// By Ctrl-C: no time to announce, little grace.
    Interrupt,
    /// Now.
    AtOnce,
}

/// The wish to stop, once there is one.
#[derive(Debug, Default)]
pub(crate) struct StopWish {
    wish: Mutex<Option<Stop>>,
    changed: Notify,
}

impl StopWish {
    /// Wishes to stop. The first wish counts, unless a later one is more urgent.
    pub(crate) fn ask(&self, wish: Stop) {
        let mut first = self.wish.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() || wish == Stop::AtOnce {
            *first = Some(wish);
            self.changed.notify_one();
        }
    }

    /// Whether a stop is under way.
    pub(crate) fn is_under_way(&self) -> bool {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The next wish.
    async fn wished(&self) -> Stop {
        loop {
            self.changed.notified().await;
            if let Some(wish) = *self.wish.lock().unwrap_or_else(PoisonError::into_inner) {
                return wish;
            }
        }
    }
}

/// What signals ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGTERM.
    Drain,
    /// SIGINT.
    Interrupt,
    /// SIGHUP.
    Reload,
}

/// Does what a signal asks for; a second wish to stop ends the process at once.
pub(crate) fn obey(shared: &Shared, asked: Asked, events: &mpsc::Sender<Event>) {
    let again = shared.stop.is_under_way();
    match asked {
        // Nobody may be listening any more.
        Asked::Reload => events.send(Event::Reload).unwrap_or_default(),
        Asked::Drain if again => end_at_once(143),
        Asked::Interrupt if again => end_at_once(130),
        Asked::Drain => shared.stop.ask(Stop::Planned),
        Asked::Interrupt => shared.stop.ask(Stop::Interrupt),
    }
}

/// Ends the process as a shell reports one that a signal killed.
#[allow(clippy::disallowed_methods, reason = "who signals twice wants open calls to be cut")]
fn end_at_once(code: i32) -> ! {
    std::process::exit(code)
}

/// Waits for the wish to stop, and stops: announce, close, wait, cut.
pub(crate) async fn drain(shared: &Shared) {
    let wish = shared.stop.wished().await;
    let planned = shared.compiled().plan.drain;
    let (accept_for, grace) = match wish {
        Stop::Planned => (Duration::from_millis(planned.accept_for_ms), Duration::from_millis(planned.grace_ms)),
        Stop::Interrupt => (Duration::ZERO, INTERRUPT_GRACE.min(Duration::from_millis(planned.grace_ms))),
        Stop::AtOnce => (Duration::ZERO, Duration::ZERO),
    };
    shared.log(
        Level::Info,
        "draining",
        json!({"accept_for_ms": accept_for.as_millis(), "grace_ms": grace.as_millis()}),
    );
    shared.phase.send_replace(Phase::Announce);
    urgent(shared, accept_for, std::future::pending()).await;
    shared.phase.send_replace(Phase::Close);
    urgent(shared, grace, ended(shared)).await;
    shared.cut.send_replace(true);
    drop(tokio::time::timeout(LAST_WORDS, ended(shared)).await);
    shared.phase.send_replace(Phase::Cut);
    ended(shared).await;
}

/// Waits for `done`, at most `limit`, and no longer once the wish has become urgent.
async fn urgent(shared: &Shared, limit: Duration, done: impl Future<Output = ()>) {
    let pressed = async { while shared.stop.wished().await != Stop::AtOnce {} };
    tokio::select! {
        () = tokio::time::sleep(limit) => {}
        () = done => {}
        () = pressed => {}
    }
}

/// Waits until every worker has ended its last connection.
async fn ended(shared: &Shared) {
    for worker in &shared.workers {
        let mut ended = worker.ended.subscribe();
        drop(ended.wait_for(|ended| *ended).await);
    }
}
