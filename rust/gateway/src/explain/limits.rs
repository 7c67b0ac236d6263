//! Which limits a call would meet, from a fresh start: the same look-up that serves.

use admission::{Accounts, BodyUser, Limits, Met, Now, Who};
use fault::Fault;
use http1::RequestHead;
use plan::{Label, Plan, Route};
use record::Identified;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a caller says in its head, by lower-case name.
pub(super) type Headers = BTreeMap<String, String>;

/// Who is behind a call that says this.
pub(super) fn identity(plan: &Plan, key: Option<usize>, headers: &Headers) -> Result<Option<Identified>, Fault> {
    let lines = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let head = RequestHead::from_parts(b"POST", b"/v1/chat/completions", lines);
    admission::identify(&plan.identity, key.and_then(|key| plan.keys.get(key)), &head, BodyUser::None)
}

/// The limits of a plan by their numbers (limits first, then budgets): `{"rule": N, "value": …}` each.
pub(super) struct Explained {
    /// What the call meets wherever it goes.
    pub(super) met: Vec<Value>,
    limits: Limits,
}

impl Explained {
    pub(super) fn new(
        plan: &Plan,
        route: &Route<'_>,
        who: (Option<usize>, Option<&Identified>),
        model: &str,
    ) -> Result<Self, String> {
        let limits = Limits::new(plan, Arc::<Accounts>::default())?;
        let alias = match route.label() {
            Label::Alias(index) => Some(index),
            Label::Direct(_) => None,
        };
        let (key, identity) = who;
        let met = limits.met_by(&Who { key, alias, model, identity }, Now { steady_ns: 0, unix_ns: 0 });
        Ok(Self { met: met.iter().map(told).collect(), limits })
    }

    /// What an attempt at a place meets besides.
    pub(super) fn met_at(&self, candidate: &plan::Candidate<'_>) -> Vec<Value> {
        self.limits.met_at(candidate.deployment, candidate.provider).map(told).collect()
    }
}

fn told(met: &Met) -> Value {
    json!({"rule": met.rule, "value": met.account.as_ref().map(|account| &*account.value)})
}

/// The identity as it is told.
pub(super) fn shown(identity: Option<&Identified>) -> Value {
    let Some(Identified { user, agent, session, task, tags }) = identity else { return Value::Null };
    json!({"user": user, "agent": agent, "session": session, "task": task, "tags": tags})
}
