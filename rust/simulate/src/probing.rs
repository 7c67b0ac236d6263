//! Probes of what is out, as one worker of each replica makes them.

use crate::fleet::Fleet;
use crate::provider::Asked;
use crate::scenario::fault::Reaction;
use crate::time::{SECOND, of_ms};
use crate::world::ROUND_TRIP_NS;
use attempt::{Answered, Probe, Probes};
use std::cell::RefCell;
use std::rc::Rc;

/// How often a replica looks whether something is to be asked.
const LOOK_NS: u64 = SECOND / 4;
/// How long an answer may take, once there is a connection.
const PATIENCE_NS: u64 = 10 * SECOND;

/// Starts them where the plan wants any; none is begun after `until_ns`.
pub(crate) fn start(fleet: &Rc<Fleet>, until_ns: u64) {
    if fleet.plan.providers.iter().all(|provider| provider.breaker.probe_ms.is_none()) {
        return;
    }
    for number in 0..fleet.replicas.len() {
        fleet.executor.spawn(look(Rc::clone(fleet), number, until_ns));
    }
}

async fn look(fleet: Rc<Fleet>, number: usize, until_ns: u64) {
    let probes = Rc::new(RefCell::new(Probes::default()));
    let Some(replica) = fleet.replicas.get(number) else { return };
    while fleet.now() < until_ns {
        let draw = &mut |n| replica.draw(n);
        for probe in probes.borrow_mut().due(&fleet.plan, &replica.targets, fleet.now(), draw) {
            fleet.executor.spawn(ask(Rc::clone(&fleet), number, Rc::clone(&probes), probe));
        }
        fleet.executor.sleep_until(fleet.now().saturating_add(LOOK_NS)).await;
    }
}

async fn ask(fleet: Rc<Fleet>, number: usize, probes: Rc<RefCell<Probes>>, probe: Probe) {
    let (Some(provider), Some(replica)) = (fleet.providers.get(probe.provider), fleet.replicas.get(number)) else {
        return;
    };
    let Probe { endpoint, credential, .. } = probe;
    let effect = provider.standing(&Asked { at_ns: fleet.now(), model: "", endpoint, credential, input_tokens: 0 });
    let (status, after_ns) = match effect.reaction {
        Reaction::Serve => (Some(200), effect.late_ns.saturating_add(ROUND_TRIP_NS)),
        Reaction::Error(row) => (Some(row.status), effect.late_ns.saturating_add(ROUND_TRIP_NS)),
        Reaction::Refuse | Reaction::Close | Reaction::Garble => (None, ROUND_TRIP_NS),
        Reaction::Silence => (None, u64::MAX),
    };
    let patience_ns = of_ms(fleet.plan.resilience.timeouts.connect_ms).saturating_add(PATIENCE_NS);
    fleet.executor.sleep_until(fleet.now().saturating_add(after_ns.min(patience_ns))).await;
    let answered = Answered::of(status.filter(|_| after_ns <= patience_ns));
    probes.borrow_mut().heard(&replica.targets, &probe, answered, fleet.now());
}
