//! A caller: one call, and more where it fails and the caller is one that tries again.

use crate::call::{self, Ended, Outcome};
use crate::executor::{First, race};
use crate::fleet::Fleet;
use crate::rng::Stream;
use crate::scenario::CallKind;
use crate::tally::{Done, DoneAs};
use crate::time::{SECOND, of_ms, of_ms_f64};
use random::Rng;
use std::rc::Rc;

/// Whoever leaves for no reason does so after this long, on average.
const LEAVES_AFTER_MS: f64 = 3000.0;

/// What a caller wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    /// Which caller.
    pub(crate) caller: u32,
    /// An index into the scenario's calls.
    pub(crate) kind: usize,
    pub(crate) input_tokens: u64,
    /// When it gives up.
    pub(crate) leaves_at_ns: u64,
}

/// The life of one caller.
pub(crate) async fn run(fleet: Rc<Fleet>, number: u32) {
    let arrived_ns = fleet.now();
    let mut rng = Stream::Caller(number).rng(fleet.seed);
    let want = want(&fleet, number, arrived_ns, &mut rng);
    let end = served(&fleet, &want, &mut rng).await;
    fleet.tally.borrow_mut().caller(&Done { arrived_ns, end });
}

fn want(fleet: &Fleet, caller: u32, now_ns: u64, rng: &mut Rng) -> Want {
    let calls = &fleet.scenario.calls;
    let kind = draw(calls, rng.unit());
    let mut want = Want { caller, kind, input_tokens: 0, leaves_at_ns: u64::MAX };
    let Some(call) = calls.get(kind) else { return want };
    want.input_tokens = u64::from(call.input_tokens.sample_count(&mut || rng.unit()));
    if let Some(patience_ms) = call.patience_ms {
        want.leaves_at_ns = now_ns.saturating_add(of_ms(patience_ms));
    }
    let (leaves, after) = (rng.unit() < call.leaves, of_ms_f64(LEAVES_AFTER_MS * rng.exponential()));
    if leaves {
        want.leaves_at_ns = want.leaves_at_ns.min(now_ns.saturating_add(after));
    }
    want
}

/// One kind, by share; `ticket` is within 0..1.
fn draw(calls: &[CallKind], ticket: f64) -> usize {
    let mut left = ticket * calls.iter().map(|call| call.share).sum::<f64>();
    let found = calls.iter().position(|call| {
        left -= call.share;
        left < 0.0
    });
    found.unwrap_or(calls.len().saturating_sub(1))
}

/// Calls until one is answered, or the caller has had enough.
async fn served(fleet: &Rc<Fleet>, want: &Want, rng: &mut Rng) -> DoneAs {
    let resends = fleet.scenario.calls.get(want.kind).map_or(0, |call| call.resends);
    for resend in 0.. {
        let replica = rng.index(fleet.replicas.len());
        let Outcome { ended, again } = call::run(fleet, want, resend, replica).await;
        match ended {
            Ended::Whole { began_ns, committed_ns } => return DoneAs::Good { began_ns, committed_ns },
            Ended::Part => return DoneAs::Cut, // a library does not send again what it began to give out
            Ended::Left => return DoneAs::Left,
            Ended::Error if resend >= resends || !again => return DoneAs::Failed,
            Ended::Error => {}
        }
        let pause = fleet.executor.sleep_until(fleet.now().saturating_add(pause_ns(resend, rng)));
        if let First::Right(()) = race(pause, fleet.executor.sleep_until(want.leaves_at_ns)).await {
            return DoneAs::Left;
        }
    }
    DoneAs::Failed
}

/// How long a library waits before it sends again: half a second, doubled each time, at most eight, less up to a
/// quarter. Source: openai-python, `_base_client.py`, `_calculate_retry_timeout`.
fn pause_ns(resend: u32, rng: &mut Rng) -> u64 {
    let most = (SECOND / 2).saturating_mul(1 << resend.min(10)).min(8 * SECOND);
    most - rng.below(most / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Distribution;

    #[test]
    fn kinds_are_drawn_by_share() {
        let call = |share| CallKind {
            model: String::new(),
            share,
            stream: true,
            input_tokens: Distribution::Fixed(1.0),
            resends: 0,
            patience_ms: None,
            leaves: 0.0,
        };
        let calls = [call(1.0), call(0.0), call(3.0)];
        assert_eq!([0.0, 0.2, 0.25, 0.9, 0.999].map(|ticket| draw(&calls, ticket)), [0, 0, 2, 2, 2]);
    }

    #[test]
    fn pauses_double_up_to_eight_seconds_and_differ() {
        let mut rng = Stream::Caller(0).rng(1);
        for (resend, most) in [(0, SECOND / 2), (1, SECOND), (4, 8 * SECOND), (60, 8 * SECOND)] {
            let pauses: Vec<u64> = (0..100).map(|_| pause_ns(resend, &mut rng)).collect();
            assert!(pauses.iter().all(|pause| (most * 3 / 4..=most).contains(pause)));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
