//! Asks endpoints that are out whether they are back, outside of any call. When is said by `attempt`; this is what it
//! looks like on sockets, and what is told of it.

use crate::serve::Server;
use crate::snapshot::Snapshot;
use attempt::{Answered, Probe, Probes};
use fault::{Fault, Kind};
use http1::RequestHead;
use plan::{Level, Plan};
use record::{Family, FamilyKind, Sample, Value};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use upstream::{Outgoing, OutgoingBody};

/// How long an answer may take, once there is a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is asked for: it costs nothing, and every provider of this dialect has it.
const PATH: &[u8] = b"/models";

/// The probes of the process; one worker has them.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    probes: Rc<RefCell<Probes>>,
    asking: JoinSet<()>,
}

impl Prober {
    /// Asks what is due. No more is asked once the gateway stops, and what is open is given up.
    pub(crate) fn round(&mut self, server: &Rc<Server>) {
        while self.asking.try_join_next().is_some() {}
        if !server.shared.is_ready() {
            self.asking.abort_all();
            return;
        }
        let snapshot = server.snapshot();
        let (plan, now_ns) = (&snapshot.compiled.plan, server.wheel.now());
        let due = self.probes.borrow_mut().due(plan, &snapshot.targets, now_ns, &mut |n| server.local.draw(n));
        for probe in due {
            let (server, snapshot, probes) = (Rc::clone(server), Rc::clone(&snapshot), Rc::clone(&self.probes));
            self.asking.spawn_local(async move {
                let came = ask(&server, &snapshot, &probe).await;
                let answered = Answered::of(came.as_ref().ok().copied());
                probes.borrow_mut().heard(&snapshot.targets, &probe, answered, server.wheel.now());
                tell(&server, &snapshot, &probe, &came);
            });
        }
    }
}

/// The status of the endpoint's answer, or why there is none.
async fn ask(server: &Server, snapshot: &Snapshot, probe: &Probe) -> Result<u16, Fault> {
    let compiled = &snapshot.compiled;
    let at = &compiled.plan.providers[probe.provider];
    let head = RequestHead::from_parts(b"GET", PATH, std::iter::empty());
    let connect = Duration::from_millis(compiled.plan.resilience.timeouts.connect_ms);
    let patience = connect + PATIENCE;
    let outgoing = Outgoing {
        method: b"GET",
        path: PATH,
        head: &head,
        provider: &compiled.providers[probe.provider][probe.endpoint],
        credential: probe.credential,
        body: OutgoingBody::None,
        left_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
    };
    let endpoint = &at.endpoints[probe.endpoint];
    let answer = server.pools.exchange(&compiled.egress, endpoint, at.http, outgoing, connect);
    let answer = tokio::time::timeout(patience, answer).await;
    let late = |_| Fault::new(Kind::AttemptTimeout, "No answer within the time to connect and ten seconds");
    Ok(answer.map_err(late)??.head.status)
}

/// Counts a probe, and writes it down: at once where it changed something.
fn tell(server: &Server, snapshot: &Snapshot, probe: &Probe, came: &Result<u16, Fault>) {
    let provider = &snapshot.compiled.plan.providers[probe.provider].id;
    let answered = Answered::of(came.as_ref().ok().copied());
    server.shared.probes.count(provider, answered);
    let level = if answered == Answered::Well { Level::Info } else { Level::Debug };
    let fault = came.as_ref().err();
    let fields = json!({
        "provider": provider,
        "endpoint": probe.id,
        "outcome": answered.name(),
        "status": came.as_ref().ok(),
        "fault": fault.map(|fault| fault.kind().row().code),
        "cause": fault.and_then(Fault::cause),
    });
    server.local.log(level, "endpoint_probed", fields);
}

/// How many probes came to what, by provider.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<BTreeMap<String, [u64; Answered::ALL.len()]>>);

impl Counts {
    fn count(&self, provider: &str, answered: Answered) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = counts.entry(provider.to_owned()).or_default();
        for (count, kind) in row.iter_mut().zip(Answered::ALL) {
            *count += u64::from(kind == answered);
        }
    }

    /// As a metric, with those that are asked if need be and have not been.
    pub(crate) fn family(&self, plan: &Plan) -> Family {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for provider in plan.providers.iter().filter(|provider| provider.breaker.probe_ms.is_some()) {
            counts.entry(provider.id.clone()).or_default();
        }
        let of = |(provider, row): (String, [u64; 3])| {
            row.into_iter().zip(Answered::ALL).map(move |(count, answered)| Sample {
                labels: vec![("provider", provider.clone()), ("outcome", answered.name().to_owned())],
                value: Value::Count(count),
            })
        };
        Family {
            name: "headgate_probes",
            help: "How often an endpoint that is out was asked, outside of calls, whether it is back.",
            kind: FamilyKind::Counter,
            samples: counts.into_iter().flat_map(of).collect(),
        }
    }
}
