//! One call through one replica: routed, attempted, and followed to the end of its answer.

use crate::book::Book;
use crate::caller::Want;
use crate::executor::{First, race};
use crate::fleet::Fleet;
use crate::oracle::{Got, Over};
use crate::reply::{self, Reply};
use crate::tally::Billed;
use crate::time::of_ms;
use crate::visit::Ending;
use crate::world::View;
use plan::{Needs, Scope, Timeouts};
use std::rc::Rc;

/// What a call came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    /// Whether the gateway advised to try again.
    pub(crate) again: bool,
}

/// How a call ended, for its caller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ended {
    /// With a whole answer.
    Whole {
        /// When the attempt that gave it began.
        began_ns: u64,
        /// When its first content came.
        committed_ns: u64,
    },
    /// With the beginning of one.
    Part,
    /// With an error.
    Error,
    /// The caller left.
    Left,
}

/// Makes a call and waits for its end. `resend` counts the calls that this caller made before.
pub(crate) async fn run(fleet: &Rc<Fleet>, want: &Want, resend: u32, replica: usize) -> Outcome {
    let refused = Outcome { ended: Ended::Error, again: false };
    let (Some(kind), Some(at)) = (fleet.scenario.calls.get(want.kind), fleet.replicas.get(replica)) else {
        return refused;
    };
    let Ok(route) = fleet.plan.route(&kind.model, Scope::Everything) else { return refused };
    let Ok(allowed) = fleet.policy.route(&kind.model, Scope::Everything) else { return refused };
    let opened_ns = fleet.now();
    let timeouts = *route.timeouts();
    let total_by_ns = opened_ns.saturating_add(total_ns(&timeouts, kind.stream));
    let book = Rc::new(Book::new(Rc::clone(fleet), replica));
    let view = View { fleet, replica: at, book: &book, want, resend, timeouts, total_by_ns, streamed: kind.stream };
    let call = attempt::Call {
        route,
        targets: &at.targets,
        total_by_ns,
        prompt_tokens: want.input_tokens,
        needs: Needs::NONE,
        replayable: true,
        streamed: kind.stream,
        hedge: route.resilience().hedge.as_ref(),
        affinity: None, // callers of a scenario have no sessions
        first_step: 0,
        rooms: None,
    };
    let (got, again) = match race(answered(&call, &view), fleet.executor.sleep_until(want.leaves_at_ns)).await {
        First::Left(ended) => ended,
        First::Right(()) => (Got::Nothing, false),
    };
    let visits = book.close();
    let over = Over {
        got,
        visits: &visits,
        rules: &allowed.resilience().retry,
        chain: allowed.chain(),
        total_by_ns: opened_ns.saturating_add(total_ns(allowed.timeouts(), kind.stream)),
        ended_ns: fleet.now(),
    };
    fleet.oracle.over(&over);
    let mut tally = fleet.tally.borrow_mut();
    tally.call(opened_ns, fleet.now());
    let [answered, lost] = tally.bill(&Billed { plan: &fleet.plan, visits: &visits, input_tokens: want.input_tokens });
    if let (Some(hedge), Some(purse)) = (call.hedge, at.targets.purse(route.label())) {
        purse.pay(lost);
        purse.earn(answered, hedge.max_spend_permille);
    }
    let ended = match got {
        Got::Whole(index) => {
            visits.get(index).filter(|visit| visit.ending == Ending::Whole).map_or(Ended::Part, |visit| Ended::Whole {
                began_ns: visit.began_ns,
                committed_ns: visit.committed_ns.unwrap_or(visit.ended_ns),
            })
        }
        Got::Part(_) => Ended::Part,
        Got::Error => Ended::Error,
        Got::Nothing => Ended::Left,
    };
    Outcome { ended, again }
}

/// How long a call may take.
const fn total_ns(timeouts: &Timeouts, streamed: bool) -> u64 {
    of_ms(if streamed { timeouts.stream_total_ms } else { timeouts.total_ms })
}

/// The attempts, and the answer of the one that was good.
async fn answered(call: &attempt::Call<'_>, view: &View<'_>) -> (Got, bool) {
    match attempt::run(call, view).await {
        Ok(won) => match won.answer {
            Reply::Good(served) => (reply::follow(served, won.held, view).await, false),
            Reply::Error => (Got::Error, false),
        },
        Err(lost) => {
            *view.fleet.tally.borrow_mut().stops.entry(lost.why.name()).or_default() += 1;
            (Got::Error, lost.again)
        }
    }
}
